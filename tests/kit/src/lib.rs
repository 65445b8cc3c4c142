//! Real Kafka brokers, Weir and client programs, started and stopped by tests.
