use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use ureq::{
    Error, Timeout,
    unversioned::transport::{
        Buffers, ConnectionDetails, Connector, NextTimeout, Transport, time::Duration as Time,
    },
};

/// How long it may take until a download has its next byte.
///
/// ureq grants its own limit anew for each piece that comes, and what frames a chunk, or what a
/// proxy says, is no byte of a file. So this stands among the connectors and looks at every read.
#[derive(Clone, Debug)]
pub(crate) struct ReadLimit {
    limit: Duration,
    began: Arc<Mutex<Instant>>,
}

impl ReadLimit {
    /// Creates a limit that counts from now.
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, began: Arc::new(Mutex::new(Instant::now())) }
    }

    /// Counts from now.
    pub(crate) fn begin(&self) {
        *self.began.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn rest(&self) -> Duration {
        let began = self.began.lock().unwrap_or_else(PoisonError::into_inner);
        self.limit.saturating_sub(began.elapsed())
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
        let rest = self.limit.rest();
        let timeout = match rest < *timeout.after {
            true => NextTimeout { after: Time::Exact(rest), reason: Timeout::PerRead, ..timeout },
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
