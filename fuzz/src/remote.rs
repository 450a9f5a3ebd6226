//! What other Lunettes send to a server.

#[path = "../../src/remote/wire.rs"]
pub mod wire;
