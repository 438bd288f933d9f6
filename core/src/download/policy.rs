use core::time::Duration;

use crate::{
    limits::Limits,
    retry::{Backoff, MAX_FAILURES},
};

/// How a download goes about it: what it survives, when it ends, and where it may go.
///
/// ```
/// use tcss_export_core::download::Policy;
///
/// let small = Policy::default().with_size_limit(100 << 20);
/// assert_eq!(small.size_limit(), Some(104_857_600));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    stall_limit: Duration,
    total_limit: Option<Duration>,
    size_limit: Option<u64>,
    max_failures: u32,
    max_new_urls: u32,
    retry: Backoff,
    throttle: Backoff,
    allows_http: bool,
    allows_private: bool,
    requires_crc64: bool,
}

impl Policy {
    /// How long it may take until the next byte comes.
    pub const STALL_LIMIT: Duration = Limits::STALL;
    /// How many passing failures in a row are survived; a byte that was not there before ends the
    /// row. Unlike in a wait, being throttled counts as well.
    pub const MAX_FAILURES: u32 = MAX_FAILURES;
    /// How often in a row a new URL is asked for.
    pub const MAX_NEW_URLS: u32 = 1;

    /// Sets how long it may take until the next byte comes ([`Policy::STALL_LIMIT`]).
    #[must_use]
    pub const fn with_stall_limit(mut self, limit: Duration) -> Self {
        self.stall_limit = limit;
        self
    }

    /// Sets how long the whole download may take, with the waits for new URLs; there is no such
    /// limit by default.
    ///
    /// A blocking client must keep to the [`Limits`] of each request for this to
    /// hold while it reads.
    #[must_use]
    pub const fn with_total_limit(mut self, limit: Duration) -> Self {
        self.total_limit = Some(limit);
        self
    }

    /// Sets how many bytes the file may have; there is no such limit by default.
    #[must_use]
    pub const fn with_size_limit(mut self, bytes: u64) -> Self {
        self.size_limit = Some(bytes);
        self
    }

    /// Sets how many passing failures in a row are survived ([`Policy::MAX_FAILURES`]).
    #[must_use]
    pub const fn with_max_failures(mut self, failures: u32) -> Self {
        self.max_failures = failures;
        self
    }

    /// Sets how often in a row a new URL is asked for ([`Policy::MAX_NEW_URLS`]).
    #[must_use]
    pub const fn with_max_new_urls(mut self, urls: u32) -> Self {
        self.max_new_urls = urls;
        self
    }

    /// Sets the delays after passing failures ([`Backoff::RETRY`]).
    #[must_use]
    pub const fn with_retry(mut self, backoff: Backoff) -> Self {
        self.retry = backoff;
        self
    }

    /// Sets the delays after the server has asked for fewer requests ([`Backoff::THROTTLE`]).
    #[must_use]
    pub const fn with_throttle(mut self, backoff: Backoff) -> Self {
        self.throttle = backoff;
        self
    }

    /// Takes plain `http` URLs, whose bytes anyone on the way can read and change.
    ///
    /// Those of this machine (`localhost`, 127.0.0.0/8, ::1) are taken anyway.
    #[must_use]
    pub const fn allowing_http(mut self) -> Self {
        self.allows_http = true;
        self
    }

    /// Connects to private and link-local addresses, too: see [`Reach`](super::Reach).
    #[must_use]
    pub const fn allowing_private(mut self) -> Self {
        self.allows_private = true;
        self
    }

    /// Takes only a file whose server names its CRC-64; by default the length alone is checked
    /// where it names none.
    #[must_use]
    pub const fn requiring_crc64(mut self) -> Self {
        self.requires_crc64 = true;
        self
    }

    /// Returns how long it may take until the next byte comes.
    #[must_use]
    pub const fn stall_limit(&self) -> Duration {
        self.stall_limit
    }

    /// Returns how long the whole download may take, if there is a limit.
    #[must_use]
    pub fn total_limit(&self) -> Option<Duration> {
        self.total_limit
    }

    /// Returns how many bytes the file may have, if there is a limit.
    #[must_use]
    pub const fn size_limit(&self) -> Option<u64> {
        self.size_limit
    }

    /// Returns how many passing failures in a row are survived.
    #[must_use]
    pub const fn max_failures(&self) -> u32 {
        self.max_failures
    }

    /// Returns how often in a row a new URL is asked for.
    #[must_use]
    pub const fn max_new_urls(&self) -> u32 {
        self.max_new_urls
    }

    /// Whether plain `http` URLs are taken.
    #[must_use]
    pub const fn allows_http(&self) -> bool {
        self.allows_http
    }

    /// Whether private and link-local addresses are connected to.
    #[must_use]
    pub const fn allows_private(&self) -> bool {
        self.allows_private
    }

    /// Whether a file is taken only if its server names its CRC-64.
    #[must_use]
    pub const fn requires_crc64(&self) -> bool {
        self.requires_crc64
    }

    pub(super) const fn backoff(&self, throttled: bool) -> Backoff {
        if throttled { self.throttle } else { self.retry }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            stall_limit: Self::STALL_LIMIT,
            total_limit: None,
            size_limit: None,
            max_failures: Self::MAX_FAILURES,
            max_new_urls: Self::MAX_NEW_URLS,
            retry: Backoff::RETRY,
            throttle: Backoff::THROTTLE,
            allows_http: false,
            allows_private: false,
            requires_crc64: false,
        }
    }
}
