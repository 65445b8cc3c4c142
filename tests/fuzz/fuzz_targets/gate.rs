#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_hostile::targets::gate(data));
