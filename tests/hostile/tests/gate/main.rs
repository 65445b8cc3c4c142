//! The gate before hostile bytes, in a process whose allocator has a cap.

mod child;
mod corpus;
mod kafka_clients;
mod limits;
mod made;
mod session;
