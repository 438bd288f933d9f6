use core::time::Duration;

use http::Request;

use super::{policy::Policy, reach::Reach};

/// What a transport has to keep to when it carries out a request of a download, which holds this
/// among its extensions.
///
/// ```
/// use tcss_export_core::download::{Limits, Policy, Reach};
///
/// let limits = Limits::of(&http::Request::new(()));
/// assert_eq!((limits.reach, limits.read_limit()), (Reach::Public, Policy::STALL_LIMIT));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Which addresses it may connect to.
    pub reach: Reach,
    /// How long it may take until the next byte comes.
    pub stall_limit: Duration,
    /// How long the exchange may take from its start on, because of the limit of the whole
    /// download, if there is one.
    pub time_left: Option<Duration>,
}

impl Limits {
    /// Returns the limits of a request: those of the default policy, for public addresses, if it
    /// has none.
    #[must_use]
    pub fn of<B>(request: &Request<B>) -> Self {
        let default =
            Self { reach: Reach::Public, stall_limit: Policy::STALL_LIMIT, time_left: None };
        request.extensions().get().copied().unwrap_or(default)
    }

    /// Returns how long one read may take: what both limits of time leave.
    #[must_use]
    pub fn read_limit(&self) -> Duration {
        self.time_left.map_or(self.stall_limit, |left| left.min(self.stall_limit))
    }
}
