//! The credentials that a chain has found, and when to ask its sources again.

use std::time::Duration;

use tcss_export_core::{ClockOffset, Mono, Now, Wall};

use super::{Chain, ChainError, Found};

/// The official SDKs refresh the keys of a machine's role this long before they expire: a request
/// is valid for as long after it was signed.
const MARGIN: Duration = Duration::from_secs(300);

/// The last result of the sources.
#[derive(Default)]
pub(super) struct Cache {
    kept: Option<Kept>,
    /// The error of the last attempt that was not dropped, if it failed.
    failed: Option<ChainError>,
    /// When the last attempt ended or was dropped.
    tried: Option<Mono>,
    /// The number of attempts so far.
    attempts: u64,
}

struct Kept {
    found: Found,
    lifetime: Option<Lifetime>,
    /// When they replaced refused credentials.
    renewed: Option<Mono>,
}

struct Lifetime {
    expiry: Wall,
    /// The service's clock minus the local one.
    offset: ClockOffset,
    end: Mono,
    margin: Duration,
}

impl Cache {
    /// Returns credentials that need no refresh now, or else the number of attempts so far.
    pub(super) fn usable(&self, now: Now, fresh: bool) -> Result<Found, u64> {
        let is_usable = |kept: &&Kept| match fresh {
            // Many requests may have used the refused credentials.
            true => kept.renewed.is_some_and(|at| is_recent(at, now)),
            false => !kept.is_due(now) || self.tried.is_some_and(|at| is_recent(at, now)),
        };
        let kept = self.kept_valid(now).filter(is_usable);
        kept.map(|kept| kept.found.clone()).ok_or(self.attempts)
    }

    /// Returns the credentials if they have not expired.
    pub(super) fn valid(&self, now: Now) -> Option<Found> {
        self.kept_valid(now).map(|kept| kept.found.clone())
    }

    /// Returns the result of an attempt that ended after so many others.
    pub(super) fn result_since(
        &self,
        attempts: u64,
        now: Now,
        fresh: bool,
    ) -> Option<Result<Found, ChainError>> {
        if self.attempts == attempts {
            return None;
        }
        let failed = self.failed.clone().map(Err);
        match self.valid(now).map(Ok) {
            // The last attempt has not replaced refused credentials.
            Some(_) if fresh && failed.is_some() => failed,
            valid => valid.or(failed),
        }
    }

    /// Notes the end of an attempt.
    pub(super) fn end_attempt(&mut self, now: Now) {
        self.tried = Some(now.mono);
    }

    /// Stores the result of an attempt, and returns the credentials to use.
    pub(super) fn store(
        &mut self,
        result: Result<(Found, ClockOffset), ChainError>,
        now: Now,
        fresh: bool,
    ) -> Result<Found, ChainError> {
        self.attempts += 1;
        match result {
            Ok((found, offset)) => {
                let mut lifetime = found.expiry.map(|expiry| Lifetime::new(expiry, offset, now));
                // A service that repeats its keys does not prolong their use.
                let repeated =
                    self.kept.take().filter(|k| k.found.credentials == found.credentials);
                if let (Some(new), Some(old)) = (&mut lifetime, repeated.and_then(|k| k.lifetime)) {
                    new.margin = old.margin;
                }
                let renewed = fresh.then_some(now.mono);
                self.kept = Some(Kept { found: found.clone(), lifetime, renewed });
                self.failed = None;
                Ok(found)
            }
            Err(error) => {
                self.failed = Some(error.clone());
                self.valid(now).filter(|_| !fresh).ok_or(error)
            }
        }
    }

    fn kept_valid(&self, now: Now) -> Option<&Kept> {
        self.kept.as_ref().filter(|kept| !kept.has_expired(now))
    }
}

fn is_recent(at: Mono, now: Now) -> bool {
    now.mono.saturating_since(at) < Chain::RETRY_PAUSE
}

impl Kept {
    fn has_expired(&self, now: Now) -> bool {
        self.lifetime.as_ref().is_some_and(|lifetime| lifetime.rest(now).is_zero())
    }

    fn is_due(&self, now: Now) -> bool {
        self.lifetime.as_ref().is_some_and(|lifetime| lifetime.rest(now) <= lifetime.margin)
    }
}

impl Lifetime {
    fn new(expiry: Wall, offset: ClockOffset, now: Now) -> Self {
        let rest = expiry.saturating_since(offset.apply(now.wall));
        let margin = MARGIN.min(rest / 10);
        Self { expiry, offset, end: now.mono.saturating_add(rest), margin }
    }

    /// Returns the time until the end. The wall clock may jump, and the monotonic one may stand
    /// still while the machine sleeps, so the shorter time counts.
    fn rest(&self, now: Now) -> Duration {
        let by_wall = self.expiry.saturating_since(self.offset.apply(now.wall));
        by_wall.min(self.end.saturating_since(now.mono))
    }
}

#[cfg(test)]
mod tests {
    use tcss_export_core::Credentials;

    use super::*;

    #[test]
    fn a_failure_of_another_call_leaves_valid_credentials_in_use() {
        let now = Now::default();
        let mut cache = Cache::default();
        assert!(cache.result_since(0, now, false).is_none());
        let error = || Err(ChainError::new(Vec::new()));
        assert!(cache.store(error(), now, false).is_err());
        assert!(cache.result_since(0, now, false).unwrap().is_err());
        let found = Found {
            credentials: Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").unwrap(),
            expiry: None,
            region: None,
            origin: String::new(),
            warning: None,
        };
        assert!(cache.store(Ok((found, ClockOffset::default())), now, false).is_ok());
        assert!(cache.store(error(), now, false).is_ok());
        assert!(cache.result_since(2, now, false).unwrap().is_ok());
        assert!(cache.result_since(2, now, true).unwrap().is_err());
        assert!(cache.result_since(3, now, false).is_none());
    }
}
