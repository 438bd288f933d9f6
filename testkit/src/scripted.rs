//! A transport that plays a script in virtual time, for tests of code that waits for jobs.
//!
//! Nothing is sent and nobody sleeps: a pause moves the clock, and so does an exchange that takes
//! time. Requests are judged as the [`Service`](crate::Service) judges them, signature included.
//!
//! ```
//! # use std::time::Duration;
//! # use tcss_export_core::{Credentials, Endpoint, JobId, Session};
//! # use tcss_export_driver::blocking::Client;
//! # use tcss_export_testkit::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, Script, Scripted};
//! let session = Session::new(Endpoint::international());
//! let credentials = Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY)?;
//! let scripted = Scripted::new("RUNNING:10,RUNNING:60,SUCCESS".parse::<Script>()?.steps());
//! let client = Client::with_transport(session, credentials, scripted.clone());
//! let finished = client.wait(JobId::new("4711")?)?;
//! assert_eq!(finished.report.polls, 3);
//! assert_eq!(scripted.elapsed(), Duration::from_secs(2 + 3));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod exchange;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use hyper::{Request, Response};
use tcss_export_core::{Mono, Now, SendFault, Wall};
use tcss_export_driver::{Blocking, Body, Transport, TransportError};

pub use self::exchange::Exchange;
use self::exchange::What;
use crate::service::{
    Answer, Arrived, Call, Context, EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, Fault, Rules, named_job,
    play, refuse, unknown_action,
};

/// A platform of both loops of the driver: answers by script, a virtual clock, and a record of
/// what was sent.
///
/// Clones are handles of the same one: give one to the code under test and ask the other. It signs
/// with [`EXAMPLE_SECRET_ID`], and its clock starts at [`Scripted::START`].
#[derive(Clone)]
pub struct Scripted(Arc<Mutex<State>>);

/// One request that was sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sent {
    /// When, since the start.
    pub at: Duration,
    /// The request, as the transport got it.
    pub request: Request<Bytes>,
}

struct State {
    rules: Rules,
    /// For every job that has none of its own.
    exchanges: Vec<Exchange>,
    jobs: BTreeMap<String, Vec<Exchange>>,
    /// The place of each job in its exchanges.
    places: BTreeMap<String, usize>,
    /// How far the service's clock is ahead, in seconds.
    skew: i64,
    elapsed: Duration,
    sent: Vec<Sent>,
}

impl Scripted {
    /// 2023-11-14T22:13:20Z, where the wall clock starts.
    pub const START: Wall = Wall::from_unix_seconds(1_700_000_000);

    /// Creates one whose every job goes through these exchanges; the last one repeats.
    #[must_use]
    pub fn new<E: Into<Exchange>>(exchanges: impl IntoIterator<Item = E>) -> Self {
        let key = (EXAMPLE_SECRET_ID.to_owned(), EXAMPLE_SECRET_KEY.to_owned());
        Self(Arc::new(Mutex::new(State {
            rules: Rules { keys: BTreeMap::from([key]), token: None },
            exchanges: exchanges.into_iter().map(Into::into).collect(),
            jobs: BTreeMap::new(),
            places: BTreeMap::new(),
            skew: 0,
            elapsed: Duration::ZERO,
            sent: Vec::new(),
        })))
    }

    /// Sets the exchanges of one job; the last one repeats.
    #[must_use]
    pub fn with_job<E: Into<Exchange>>(
        self,
        job_id: impl Into<String>,
        exchanges: impl IntoIterator<Item = E>,
    ) -> Self {
        let exchanges = exchanges.into_iter().map(Into::into).collect();
        self.state().jobs.insert(job_id.into(), exchanges);
        self
    }

    /// Moves the clock on, as a pause of the code under test does.
    pub fn sleep(&self, duration: Duration) {
        self.state().elapsed += duration;
    }

    /// Returns the time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.state().elapsed
    }

    /// Returns both clocks.
    #[must_use]
    pub fn now(&self) -> Now {
        let elapsed = self.elapsed();
        let wall = Wall::from_unix_millis(Self::START.unix_millis() + millis(elapsed));
        Now { wall, mono: Mono::from_origin(elapsed) }
    }

    /// Returns every request so far, in order.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        self.state().sent.clone()
    }

    fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.state().exchange(request)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whatever panicked, each field is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn exchange(&mut self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let arrived = Arrived::of(&request);
        if let Some(job) = named_job(&arrived.body) {
            self.pass_skews(&job);
        }
        let unix = Scripted::START.unix_seconds() + millis(self.elapsed) / 1_000 + self.skew;
        let context = Context { now: unix, number: self.sent.len() };
        self.sent.push(Sent { at: self.elapsed, request });
        let exchange = match self.rules.judge(&arrived, unix) {
            Ok(Call::Result(job)) => self.next_exchange(&job),
            // Only waits are scripted.
            Ok(_) => return refused(&unknown_action(), &context),
            Err(fault) => return refused(&fault, &context),
        };
        self.elapsed += exchange.takes;
        match exchange.what {
            What::Step(step) => response(play(&step, &context)),
            What::Response(response) => Ok(response),
            What::Fault(fault) => Err(scripted(fault)),
        }
    }

    /// Moves a job past the skews it stands on and lets them take effect.
    fn pass_skews(&mut self, job: &str) {
        let mut place = self.places.get(job).copied().unwrap_or_default();
        while let Some(seconds) = self.exchanges_of(job).get(place).and_then(Exchange::skew) {
            self.skew = seconds;
            place += 1;
        }
        self.places.insert(job.to_owned(), place);
    }

    fn next_exchange(&mut self, job: &str) -> Exchange {
        let place = self.places.get(job).copied().unwrap_or_default();
        let exchanges = self.exchanges_of(job);
        let exchange = exchanges.get(place).or_else(|| exchanges.last()).cloned();
        self.places.insert(job.to_owned(), place + 1);
        // Of an empty script nothing can come.
        exchange.unwrap_or_else(|| Exchange::fault(SendFault::Permanent))
    }

    fn exchanges_of(&self, job: &str) -> &[Exchange] {
        self.jobs.get(job).unwrap_or(&self.exchanges)
    }
}

fn refused(fault: &Fault, context: &Context) -> Result<Response<Bytes>, TransportError> {
    response(refuse(fault.code, &fault.message, context))
}

fn response(answer: Answer) -> Result<Response<Bytes>, TransportError> {
    match answer {
        Answer::Respond(response) => {
            let (head, body) = response.into_parts();
            let body = body.whole().ok_or_else(|| scripted(SendFault::Truncated))?;
            Ok(Response::from_parts(head, body))
        }
        Answer::Close => Err(scripted(SendFault::Connection)),
        Answer::Never => Err(scripted(SendFault::Timeout)),
    }
}

fn scripted(fault: SendFault) -> TransportError {
    TransportError::new(fault, "asked for by the script")
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Transport for Scripted {
    fn now(&self) -> Now {
        Self::now(self)
    }

    async fn sleep(&self, duration: Duration) {
        Self::sleep(self, duration);
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        Ok(self.exchange(request)?.map(Body::from))
    }
}

impl Blocking for Scripted {}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted").field("elapsed", &self.elapsed()).finish_non_exhaustive()
    }
}
