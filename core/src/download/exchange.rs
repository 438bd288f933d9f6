//! The requests of a download, and the heads of their responses.

use alloc::{format, string::String, vec::Vec};

use http::{
    HeaderMap, HeaderValue, Request, StatusCode, Version,
    header::{
        ACCEPT_ENCODING, ACCEPT_RANGES, CONTENT_RANGE, ETAG, HOST, IF_RANGE, RANGE,
        TRANSFER_ENCODING,
    },
    response::Parts,
};

use super::{
    Body, Download, Opening, Phase, Problem, Step,
    error_page::{Refusal, request_id},
    object::{
        ContentRange, Object, content_length, differ, foreign_transfer_coding, sole_text,
        suggested_name,
    },
    outcome::{ErrorKind, Event, EventKind, Fault},
};
use crate::{
    header::{foreign_coding, redirect_host},
    limits::Limits,
    time::{ClockOffset, Mono, Now},
};

impl Download {
    /// Returns the due request, to be sent at once; `offset` is the service's clock offset.
    ///
    /// Its extensions contain the [`Limits`] for the transport. Do not log it: its `Debug` shows
    /// the whole URL, which is a secret.
    ///
    /// # Errors
    ///
    /// The event that occurs instead: [`EventKind::Ignored`] if no request is due;
    /// [`EventKind::NeedsUrl`] or the end if the URL has expired.
    pub fn start(&mut self, now: Now, offset: ClockOffset) -> Result<Request<()>, Event> {
        if !matches!(self.step(now.mono), Step::Request) {
            return Err(self.event(EventKind::Ignored));
        }
        let is_expired = self.location.expiry.is_some_and(|end| end < offset.apply(now.wall));
        if is_expired && !self.is_new_url {
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

    /// Returns `Range` and `If-Range`, if the download can resume.
    fn range(&self) -> Option<(HeaderValue, HeaderValue)> {
        match self.held.bytes {
            0 => None,
            _ => self.range_headers(format!("bytes={}-", self.first_wanted())),
        }
    }

    /// Returns `Range` and `If-Range`, if the file has a strong tag.
    pub(super) fn range_headers(&self, range: String) -> Option<(HeaderValue, HeaderValue)> {
        let etag = self.held.object.etag.as_deref()?;
        Some((HeaderValue::try_from(range).ok()?, HeaderValue::from_str(etag).ok()?))
    }

    /// Returns the first byte to request. If no more may follow, that is the last byte held: an
    /// empty range would not show whether the file is still the same.
    fn first_wanted(&self) -> u64 {
        match self.held.object.total {
            Some(total) if self.held.bytes < total => self.held.bytes,
            _ => self.held.bytes.saturating_sub(1),
        }
    }

    pub(super) fn request(&self, range: Option<(HeaderValue, HeaderValue)>) -> Request<()> {
        let mut request = Request::new(());
        *request.uri_mut() = self.location.uri.clone();
        request.extensions_mut().insert(Limits {
            address_policy: self.location.address_policy.clone(),
            total: self.deadline().map(|deadline| deadline.saturating_since(self.now)),
            stall: Some(self.policy.stall_limit),
        });
        let headers = request.headers_mut();
        headers.insert(HOST, self.location.host.clone());
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some((range, etag)) = range {
            headers.insert(RANGE, range);
            headers.insert(IF_RANGE, etag);
        }
        request
    }

    /// Takes the head of the response in flight and returns what to do with its body.
    pub fn head(&mut self, now: Mono, head: &Parts) -> Opening {
        self.now = now;
        let Phase::Requested { .. } = self.phase else { return Opening::Drop };
        if let Some(id) = request_id(&head.headers, &self.location.url) {
            self.report.request_id = Some(id);
        }
        self.opening(head).unwrap_or_else(|problem| {
            self.phase = Phase::Useless(problem);
            Opening::Drop
        })
    }

    fn opening(&mut self, head: &Parts) -> Result<Opening, Problem> {
        let Parts { status, headers, .. } = head;
        match *status {
            StatusCode::OK => self.whole_file(head),
            StatusCode::PARTIAL_CONTENT => self.partial_file(head),
            StatusCode::RANGE_NOT_SATISFIABLE if self.held.bytes > 0 => {
                Err(self.unsatisfied(headers))
            }
            StatusCode::NOT_MODIFIED => Err(Problem::End(ErrorKind::Status(*status))),
            status if status.is_redirection() => {
                let host = redirect_host(headers);
                Err(Problem::End(ErrorKind::Redirect { status, host }))
            }
            status if status.is_client_error() || status.is_server_error() => {
                let refusal = Refusal::new(status, headers, &self.location.url);
                self.phase = Phase::Refused { refusal, excerpt: Vec::new(), since: self.now };
                Ok(Opening::Read)
            }
            status => Err(Problem::End(ErrorKind::Status(status))),
        }
    }

    fn whole_file(&mut self, head: &Parts) -> Result<Opening, Problem> {
        let headers = checked_coding(head)?;
        let object = content_length(headers).and_then(|total| Object::new(headers, total));
        let object = object.map_err(Problem::StartOver)?;
        if object.is_page(headers) {
            return Err(Problem::Again(Fault::Page));
        }
        let is_whole = |range: ContentRange| range.is_whole(object.total);
        if headers.contains_key(CONTENT_RANGE) && !ContentRange::of(headers).is_some_and(is_whole) {
            return Err(Problem::Again(Fault::WrongRange));
        }
        let object = object.with_known(self.known()).map_err(Problem::Again)?;
        let shows_its_end = head.version >= Version::HTTP_2
            || object.total.is_some()
            || headers.contains_key(TRANSFER_ENCODING);
        if object.crc64.is_none() && !shows_its_end {
            return Err(Problem::End(ErrorKind::NoLength));
        }
        self.check_checksum(&object)?;
        self.check_size(object.total)?;
        if self.can_restart || self.held.bytes == 0 {
            self.forget_bytes();
        } else if object.etag.is_none() || self.is_other_file(headers, &object) {
            return Err(Problem::End(ErrorKind::Changed));
        }
        let accepts_ranges = sole_text(headers, &ACCEPT_RANGES) == Some("bytes");
        let (end, skip, since) = (object.total, self.held.bytes, self.now);
        self.held.object = object;
        let body = Body { end, shows_its_end, accepts_ranges, began: skip, skip, since };
        Ok(self.open(headers, body))
    }

    fn partial_file(&mut self, head: &Parts) -> Result<Opening, Problem> {
        let headers = checked_coding(head)?;
        let wrong = || Problem::StartOver(Fault::WrongRange);
        let range = ContentRange::of(headers).ok_or_else(wrong)?;
        let fits = content_length(headers)
            .map_err(Problem::StartOver)?
            .is_none_or(|length| length == range.len());
        if range.first != self.first_wanted() || !fits {
            return Err(wrong());
        }
        let object = Object::new(headers, range.total).map_err(Problem::StartOver)?;
        if self.held.bytes == 0 {
            let object = object.with_known(self.known()).map_err(Problem::Again)?;
            self.check_checksum(&object)?;
            self.held.object = object;
        } else if !self.is_proven_same(headers, &object) {
            return Err(Problem::StartOver(Fault::Changed));
        } else {
            self.held.object.total = self.held.object.total.or(object.total);
            self.held.object.crc64 = self.held.object.crc64.or(object.crc64);
            self.report.resumes = self.report.resumes.saturating_add(1);
            self.held.is_stitched = true;
        }
        if self.held.object.total.is_some_and(|total| range.end > total) {
            return Err(wrong());
        }
        self.check_size(self.held.object.total)?;
        let (end, skip) = (Some(range.end), self.held.bytes - range.first);
        let (since, began) = (self.now, self.held.bytes);
        let body = Body { end, shows_its_end: true, accepts_ranges: true, began, skip, since };
        Ok(self.open(headers, body))
    }

    /// Interprets a 416 response, which proves nothing unless it names another file: no byte past
    /// the end of the same file was requested.
    fn unsatisfied(&self, headers: &HeaderMap) -> Problem {
        let total = ContentRange::unsatisfied(headers);
        let is_shorter = total.is_some_and(|total| total < self.held.bytes);
        let is_other = is_shorter
            || Object::new(headers, total).is_ok_and(|object| self.is_other_file(headers, &object));
        Problem::StartOver(if is_other { Fault::Changed } else { Fault::WrongRange })
    }

    fn open(&mut self, headers: &HeaderMap, body: Body) -> Opening {
        self.report.suggested_name = suggested_name(headers, self.location.uri.path());
        self.phase = Phase::Body(body);
        if self.held.bytes == 0 && self.can_restart { Opening::StartOver } else { Opening::Append }
    }

    /// Returns whether the tag of a range, or the checksum of the whole, proves that it belongs to
    /// the file held. A server that ignores `If-Range` could send bytes of another file.
    fn is_proven_same(&self, headers: &HeaderMap, object: &Object) -> bool {
        let has_checksum = object.crc64.is_some() && object.crc64 == self.held.object.crc64;
        (sole_text(headers, &ETAG).is_some() || has_checksum)
            && !self.is_other_file(headers, object)
    }

    /// Returns whether tag, length or checksum differ from those of the file held. Values that only
    /// one of the responses has are not compared.
    fn is_other_file(&self, headers: &HeaderMap, object: &Object) -> bool {
        // The raw header: a weak tag differs from the strong tag before.
        let etag = headers.get(ETAG).map(|value| value.as_bytes());
        self.held.object.etag.is_none()
            || differ(etag, self.held.object.etag.as_deref().map(str::as_bytes))
            || differ(object.total, self.held.object.total)
            || differ(object.crc64, self.held.object.crc64)
    }

    /// Returns the last file that had a strong tag.
    const fn known(&self) -> &Object {
        match self.held.object.etag {
            Some(_) => &self.held.object,
            None => &self.forgotten,
        }
    }

    /// Fails before the body if a required CRC-64 is absent.
    fn check_checksum(&self, object: &Object) -> Result<(), Problem> {
        match self.policy.require_crc64 && object.crc64.is_none() {
            true => Err(Problem::End(ErrorKind::NoChecksum)),
            false => Ok(()),
        }
    }

    fn check_size(&self, total: Option<u64>) -> Result<(), Problem> {
        match self.policy.size_limit {
            Some(limit) if total.is_some_and(|total| total > limit) => {
                Err(Problem::End(ErrorKind::TooLarge { limit }))
            }
            _ => Ok(()),
        }
    }
}

/// Returns the headers of a response whose body has the bytes of the file.
pub(super) fn checked_coding(head: &Parts) -> Result<&HeaderMap, Problem> {
    match foreign_coding(&head.headers).or_else(|| foreign_transfer_coding(head)) {
        Some(coding) => Err(Problem::End(ErrorKind::Coding(coding))),
        None => Ok(&head.headers),
    }
}
