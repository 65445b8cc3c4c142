//! The embedded demo: mock brokers, lifelike events and Weir.

fn main() {}
