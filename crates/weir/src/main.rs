//! A Kafka-protocol edge proxy for people outside.

fn main() {}
