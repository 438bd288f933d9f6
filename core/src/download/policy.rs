use alloc::vec::Vec;
use core::time::Duration;

use crate::{
    limits::{Limits, Network},
    retry::{Backoff, MAX_FAILURES},
};

/// The settings of a download.
///
/// ```
/// use tcss_export_core::download::Policy;
///
/// let mut policy = Policy::default();
/// policy.size_limit = Some(100 << 20);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// How long the next byte may take ([`Policy::STALL_LIMIT`]).
    pub stall_limit: Duration,
    /// How long the whole download may take, with waits for new URLs; unlimited by default.
    ///
    /// While a blocking transport reads, only the [`Limits`] of the request enforce it.
    pub total_limit: Option<Duration>,
    /// How many bytes the file may have; by default there is no limit.
    pub size_limit: Option<u64>,
    /// How many failures in a row are retried ([`Policy::MAX_FAILURES`]). A new byte resets the
    /// count. Unlike in a wait, being throttled counts as a failure.
    pub max_failures: u32,
    /// How many answers "not found" in a row are retried: status 404 with `NoSuchKey` or without a
    /// code ([`Policy::MAX_NOT_FOUND`]). A job may succeed some seconds before its file exists. The
    /// delays are those of `throttle`. These answers do not count as failures, and a new byte
    /// resets the count.
    pub max_not_found: u32,
    /// How many new URLs in a row are requested ([`Policy::MAX_NEW_URLS`]).
    pub max_new_urls: u32,
    /// The delays after failures ([`Backoff::RETRY`]).
    pub retry: Backoff,
    /// The delays after throttling and after "not found" ([`Backoff::THROTTLE`]).
    pub throttle: Backoff,
    /// Allows plain `http` URLs, whose bytes anyone on the way can read and change. Loopback hosts
    /// (`localhost`, 127.0.0.0/8, ::1) need no such permission.
    pub allow_http: bool,
    /// The networks that a download may use besides public addresses; none by default. An example
    /// is [`AddressPolicy::TENCENT_NETWORKS`](crate::AddressPolicy::TENCENT_NETWORKS).
    ///
    /// The URL comes from outside, so by default it must not lead into the caller's network.
    pub private_networks: Vec<Network>,
    /// Allows loopback hosts. A client whose endpoint is loopback sets it.
    pub allow_loopback: bool,
    /// How many connections fetch the file at once: 1 by default, at most
    /// [`Policy::MAX_CONNECTIONS`]; a higher number counts as that. Several help if the server
    /// limits the rate of each.
    ///
    /// Several need a server that accepts ranges and names the length and a strong `ETag` of the
    /// file, and a transport with `send_owned`; otherwise one connection is used. The further
    /// connections fetch [chunks](super::Chunk) ahead, and at most twice as many chunks as
    /// connections are in memory. The server may refuse some of the connections: the download then
    /// goes on with fewer.
    pub connections: u32,
    /// Requires that the server names the CRC-64. Without it, only the length can be checked.
    pub require_crc64: bool,
}

impl Policy {
    /// The default of `stall_limit`: 60 s.
    pub const STALL_LIMIT: Duration = Limits::STALL;
    /// The default of `max_failures`: 8, the same as in a wait.
    pub const MAX_FAILURES: u32 = MAX_FAILURES;
    /// The default of `max_not_found`: 4. With the default delays, it allows 2 s to 15 s.
    pub const MAX_NOT_FOUND: u32 = 4;
    /// The default of `max_new_urls`: 1.
    pub const MAX_NEW_URLS: u32 = 1;
    /// The largest number of `connections`.
    pub const MAX_CONNECTIONS: u32 = 16;
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            stall_limit: Self::STALL_LIMIT,
            total_limit: None,
            size_limit: None,
            max_failures: Self::MAX_FAILURES,
            max_not_found: Self::MAX_NOT_FOUND,
            max_new_urls: Self::MAX_NEW_URLS,
            retry: Backoff::RETRY,
            throttle: Backoff::THROTTLE,
            allow_http: false,
            private_networks: Vec::new(),
            allow_loopback: false,
            connections: 1,
            require_crc64: false,
        }
    }
}
