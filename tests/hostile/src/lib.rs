//! Hostile bytes against frame, header and gate, and against what reads the PEM files of strangers.
//!
//! `bodies` reads what kafka-clients made; `hostile` spoils it; `case` carries it to `under-cap`, a process whose allocator
//! has a cap; `through` is the way that it goes there; `judged` is the way of a request through a session; `targets` are the
//! functions that fuzzing calls.
//! Must never be part of what ships.

pub mod bodies;
pub mod case;
pub mod hostile;
pub mod judged;
pub mod targets;
pub mod through;
