//! `lunette rpc-server`: tells what it offers and who uses it.
//!
//! ```text
//! listening on 127.0.0.1:50052
//! CPU: AMD EPYC 9554P, 23.1 GB of 25.2 GB free
//! 127.0.0.1:41822 computes
//! 127.0.0.1:41822 is gone
//! ```
//!
//! The first line is for scripts that let the system choose the port. It has no end of its own: a signal ends it.

use super::Reporter;
use crate::engine::config::PeerOffer;
use crate::engine::peer_server::{PeerServer, Served};
use crate::exit::{Exit, ExitError};
use crate::settings::Listen;
use crate::units::bytes;

/// Serves until the process is ended.
pub fn rpc_server(listen: &Listen, offer: &PeerOffer, reporter: &mut Reporter) -> Result<Exit, ExitError> {
    let server = PeerServer::bind(&listen.host, listen.port, offer)?;
    let address = server.address()?;
    reporter.note(&warning(&address.to_string()));
    reporter.data(&format!("listening on {address}\n"))?;
    for device in server.devices() {
        reporter.data(&format!("{}\n", device.in_words()))?;
    }
    if let Some(most) = offer.most_bytes {
        reporter.data(&format!("clients may take {}\n", bytes(most)))?;
    }
    for served in server.serve() {
        // Who listened may have gone; clients have not.
        let _ = reporter.data(&format!("{}\n", in_words(&served)));
    }
    Ok(Exit::Runtime)
}

/// With what llama.cpp's own server says.
fn warning(address: &str) -> String {
    format!(
        "warning: for trusted networks only. Whoever reaches {address} can use this machine's processor and memory and read what is computed: \
         there is no key, and nothing is encrypted. llama.cpp says of its RPC: \"Never expose the RPC server to an open network! This is an \
         experimental feature and is not secure!\""
    )
}

fn in_words(served: &Served) -> String {
    match served {
        Served::Begun(from) => format!("{from} computes"),
        Served::Ended(from) => format!("{from} is gone"),
        Served::SentAway(from, why) => format!("{from} was sent away: {why}"),
        Served::Failed(from) => format!("{from} was sent away: a device can't be used"),
    }
}
