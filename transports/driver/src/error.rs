//! What can become of an exchange and of a wait.

mod send;
mod transport;
mod wait;

pub use self::{send::SendError, transport::TransportError, wait::WaitFailure};
