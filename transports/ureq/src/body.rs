//! Bodies as ureq reads them: the limit of a read, and the check that ureq decodes nothing.

use std::{
    io::Read,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use http::{
    Response,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING},
};
use tcss_export_core::TransportErrorKind;
use tcss_export_driver::TransportError;
use ureq::{
    Agent, Error, Timeout,
    unversioned::{
        resolver::DefaultResolver,
        transport::{
            Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
            time::Duration as Time,
        },
    },
};

/// How long it may take until the next byte of a body arrives.
///
/// ureq restarts its own limit whenever any bytes arrive, even the framing of a chunk or a proxy's
/// answer. This limit covers those as well.
#[derive(Clone, Debug)]
pub(crate) struct ReadLimit {
    limit: Duration,
    started: Arc<Mutex<Instant>>,
}

impl ReadLimit {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, started: Arc::new(Mutex::new(Instant::now())) }
    }

    pub(crate) fn restart(&self) {
        *self.started.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn time_left(&self) -> Duration {
        let started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        self.limit.saturating_sub(started.elapsed())
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

/// A connection whose reads end at the limit.
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
        let left = self.limit.time_left();
        let timeout = match left < *timeout.after {
            true => NextTimeout { after: Time::Exact(left), reason: Timeout::PerRead, ..timeout },
            false => timeout,
        };
        self.inner.await_input(timeout)
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
    if decompresses() && !response.headers().contains_key(CONTENT_LENGTH) {
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

/// Returns whether this build of ureq decompresses bodies. Made-up responses show it, once.
fn decompresses() -> bool {
    static DECOMPRESSES: OnceLock<bool> = OnceLock::new();
    *DECOMPRESSES.get_or_init(|| ["gzip", "br"].into_iter().any(is_decompressed))
}

fn is_decompressed(coding: &'static str) -> bool {
    let config = Agent::config_builder().proxy(None).build();
    let agent = Agent::with_parts(config, Probe { coding }, DefaultResolver::default());
    // The probe connects to nothing; an address needs no look-up.
    let response = agent.get("http://127.0.0.1/").call();
    !response.is_ok_and(|response| response.headers().contains_key(CONTENT_ENCODING))
}

/// Answers each request with an empty body in this coding.
#[derive(Debug)]
struct Probe {
    coding: &'static str,
}

impl Connector for Probe {
    type Out = ProbeConnection;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        let buffers = LazyBuffers::new(1024, 1024);
        Ok(Some(ProbeConnection { coding: self.coding, buffers }))
    }
}

#[derive(Debug)]
struct ProbeConnection {
    coding: &'static str,
    buffers: LazyBuffers,
}

impl Transport for ProbeConnection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, _: usize, _: NextTimeout) -> Result<(), Error> {
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        let coding = self.coding;
        let response =
            format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: 0\r\n\r\n");
        let Some(room) = self.buffers.input_append_buf().get_mut(..response.len()) else {
            return Ok(false);
        };
        room.copy_from_slice(response.as_bytes());
        self.buffers.input_appended(response.len());
        Ok(true)
    }

    fn is_open(&mut self) -> bool {
        false
    }
}
