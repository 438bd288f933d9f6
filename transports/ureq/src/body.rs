//! Bodies as ureq reads them: the limit of a read, and the check that ureq decodes nothing.

use std::{
    io::Read,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use http::{
    Response,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
};
use tcss_export_core::TransportErrorKind;
use tcss_export_driver::{HEAD_LIMIT, TransportError};
use ureq::{
    Error, Timeout,
    unversioned::transport::{
        Buffers, ConnectionDetails, Connector, NextTimeout, Transport, time::Duration as Time,
    },
};

use crate::probe;

/// The limits of time and of framing bytes until the next byte of a body.
///
/// ureq restarts its own time limit whenever any bytes arrive, even the framing of a chunk or a
/// proxy's answer. It skips interim responses and trailers without a limit. These limits cover
/// both.
#[derive(Clone, Debug)]
pub(crate) struct ReadLimit(Arc<Mutex<Progress>>);

#[derive(Debug)]
struct Progress {
    started: Instant,
    limit: Duration,
    /// The bytes received since the last byte of a body was read.
    received: usize,
}

impl Default for ReadLimit {
    fn default() -> Self {
        let (started, limit) = (Instant::now(), Duration::ZERO);
        Self(Arc::new(Mutex::new(Progress { started, limit, received: 0 })))
    }
}

impl ReadLimit {
    /// Sets the time limit and starts it.
    pub(crate) fn start(&self, limit: Duration) {
        *self.lock() = Progress { started: Instant::now(), limit, received: 0 };
    }

    /// Starts the next read of a body.
    pub(crate) fn next_read(&self, restarts_time: bool) {
        let mut progress = self.lock();
        progress.received = 0;
        if restarts_time {
            progress.started = Instant::now();
        }
    }

    /// Returns the time left, or an error after too many framing bytes.
    fn time_left(&self) -> Result<Duration, Error> {
        let progress = self.lock();
        match progress.received {
            ..=HEAD_LIMIT => Ok(progress.limit.saturating_sub(progress.started.elapsed())),
            received => Err(Error::LargeResponseHeader(received, HEAD_LIMIT)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        // A panic while holding the lock cannot leave the values inconsistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<In: Transport> Connector<In> for ReadLimit {
    type Out = Limited<In>;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|inner| Limited { inner, limit: self.clone() }))
    }
}

/// A connection whose reads end at the limits.
#[derive(Debug)]
pub(crate) struct Limited<T> {
    inner: T,
    limit: ReadLimit,
}

impl<T: Transport> Transport for Limited<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let left = self.limit.time_left()?;
        let timeout = match left < *timeout.after {
            true => NextTimeout { after: Time::Exact(left), reason: Timeout::PerRead, ..timeout },
            false => timeout,
        };
        let before = self.buffers().input().len();
        let made_progress = self.inner.await_input(timeout)?;
        let received = self.buffers().input().len().saturating_sub(before);
        self.limit.lock().received += received;
        Ok(made_progress)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

/// Refuses a body that ureq would convert. If decompression cannot be ruled out, removes
/// `Transfer-Encoding`, so that only a checksum can prove that the file is complete.
///
/// When ureq decompresses a body, it removes `Content-Encoding` and `Content-Length`. So in a build
/// that can decompress, a body without a length may have been decompressed.
pub(crate) fn refuse_decoded(response: &mut Response<ureq::Body>) -> Result<(), TransportError> {
    if response.status().is_success() && is_transcoded(response.body()) {
        let problem = "ureq, built with its feature charset, would change the bytes of the file";
        return Err(TransportError::new(TransportErrorKind::Permanent, problem));
    }
    if probe::decompresses() && !response.headers().contains_key(CONTENT_LENGTH) {
        response.headers_mut().remove(TRANSFER_ENCODING);
    }
    Ok(())
}

/// Returns whether ureq would convert a text in this charset to UTF-8.
fn is_transcoded(body: &ureq::Body) -> bool {
    let (Some(kind), Some(charset)) = (body.mime_type(), body.charset()) else { return false };
    // Invalid UTF-8, so any conversion changes it.
    let sample = b"\xe9\n";
    let probe = ureq::Body::builder().mime_type(kind).charset(charset).data(sample);
    let mut read = Vec::new();
    probe.into_reader().read_to_end(&mut read).is_err() || read != sample
}
