//! Weir before real Kafka, with real clients.
