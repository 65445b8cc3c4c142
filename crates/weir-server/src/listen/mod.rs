//! The door: sockets, who may knock, and what the first bytes are. Nothing here knows TLS or Kafka.
//!
//! Must never: read more bytes of a connection than belong to the PROXY header, send a byte, or count a connection
//! without a permit that gives the place back when it is dropped.

mod bind;
pub mod first_byte;
mod inherited;
mod permits;
mod places;
pub mod proxy_protocol;
mod rates;

pub use bind::{bind, tune};
pub use inherited::Inherited;
pub use permits::{ConnectionPermit, Gatekeeper, UnauthenticatedPermit};
pub use places::{PrincipalPlace, PrincipalPlaces};
