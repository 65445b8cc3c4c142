#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = weir_hostile::targets::pem(data);
});
