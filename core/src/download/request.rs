//! The requests of a download.

use alloc::format;

use http::{
    HeaderValue, Method, Request,
    header::{ACCEPT_ENCODING, HOST, IF_RANGE, RANGE},
};

use super::{
    Download,
    event::{Event, EventKind},
    limits::Limits,
    state::Phase,
    step::Step,
};
use crate::time::{ClockOffset, Now, Wall};

impl Download {
    /// Starts the request that is due, to be sent at once; `offset` is what is known of the
    /// service's clock.
    ///
    /// Its extensions hold the [`Limits`] that a transport has to keep to. Its `Debug` shows the
    /// whole URL, which is a secret: do not log it.
    ///
    /// # Errors
    ///
    /// An event of what was decided instead: [`EventKind::Ignored`] if no request is due; if the
    /// URL's own time is over, [`EventKind::NeedsUrl`] or the end.
    pub fn start(&mut self, now: Now, offset: ClockOffset) -> Result<Request<()>, Event> {
        if !matches!(self.step(now.mono), Step::Request) {
            return Err(self.event(EventKind::Ignored));
        }
        if !self.is_new_url && self.is_over(offset.apply(now.wall)) {
            return Err(self.need_url(None));
        }
        self.is_new_url = false;
        let range = self.range();
        if range.is_none() && self.can_restart {
            self.forget_bytes();
        }
        self.report.requests = self.report.requests.saturating_add(1);
        self.phase = Phase::Requested { since: now.mono };
        Ok(self.request(range))
    }

    fn is_over(&self, now: Wall) -> bool {
        self.location.expiry.is_some_and(|end| end < now)
    }

    /// Returns the headers by which to go on behind the bytes that are there, if that can be.
    fn range(&self) -> Option<(HeaderValue, HeaderValue)> {
        let etag = self.held.object.etag.as_deref().filter(|_| self.held.bytes > 0)?;
        let range = format!("bytes={}-", self.first_wanted());
        Some((HeaderValue::try_from(range).ok()?, HeaderValue::from_str(etag).ok()?))
    }

    /// Where there may be nothing more, no server would show whether it is still the same file. So
    /// the last byte that is there is asked for once more.
    pub(super) fn first_wanted(&self) -> u64 {
        match self.held.object.total {
            Some(total) if self.held.bytes < total => self.held.bytes,
            _ => self.held.bytes.saturating_sub(1),
        }
    }

    fn request(&self, range: Option<(HeaderValue, HeaderValue)>) -> Request<()> {
        let mut request = Request::new(());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = self.location.uri.clone();
        request.extensions_mut().insert(self.limits());
        let headers = request.headers_mut();
        headers.insert(HOST, self.location.host.clone());
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some((range, etag)) = range {
            headers.insert(RANGE, range);
            headers.insert(IF_RANGE, etag);
        }
        request
    }

    fn limits(&self) -> Limits {
        Limits {
            reach: self.location.reach,
            stall_limit: self.policy.stall_limit(),
            time_left: self.deadline().map(|deadline| deadline.saturating_since(self.now)),
        }
    }
}
