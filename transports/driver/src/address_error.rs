use std::{error::Error, fmt, net::SocketAddr};

use tcss_export_core::{download::Reach, text::brief};

/// A host leads to addresses only that a download must not connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressError {
    host: String,
}

impl AddressError {
    /// Leaves the addresses that the rule permits.
    ///
    /// # Errors
    ///
    /// None is left.
    pub fn filter(
        host: &str,
        reach: Reach,
        addresses: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Self> {
        let permitted = addresses.into_iter().filter(|address| reach.permits(address.ip()));
        let permitted: Vec<_> = permitted.collect();
        match permitted.is_empty() {
            true => Err(Self { host: host.to_owned() }),
            false => Ok(permitted),
        }
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} leads to a private address, which must be allowed", brief(&self.host))
    }
}

impl Error for AddressError {}
