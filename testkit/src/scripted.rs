//! A transport that plays a script in virtual time, for tests of code that waits for jobs.
//!
//! It opens no connection and never sleeps: pauses and exchanges that take time move a virtual
//! clock. It checks requests as the [`Service`](crate::Service) does, signatures included.
//!
//! ```
//! # use std::time::Duration;
//! # use tcss_export_core::{Credentials, Endpoint, JobId, Session};
//! # use tcss_export_driver::blocking::Client;
//! # use tcss_export_testkit::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, Script, Scripted};
//! let session = Session::new(Endpoint::international());
//! let credentials = Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY)?;
//! let scripted = Scripted::new("RUNNING:10,SUCCESS".parse::<Script>()?.steps());
//! let client = Client::with_transport(session, credentials, scripted.clone());
//! let finished = client.wait(JobId::new("4711")?)?;
//! assert_eq!(finished.report.polls, 2);
//! assert_eq!(scripted.elapsed(), Duration::from_secs(2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use hyper::{Request, Response};
use tcss_export_core::{Mono, Now, TransportErrorKind, Wall, wait::Policy};
use tcss_export_driver::{Blocking, Body, Transport, TransportError};

use crate::lock;
use crate::script::Step;
use crate::service::actions::{Call, member, unknown_action};
use crate::service::answer::{Answer, Context, play, refuse};
use crate::service::jobs::Positions;
use crate::service::request::{Received, Rules};
use crate::service::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY};

/// A transport with scripted answers, a virtual clock, and a record of all requests.
///
/// Clones share one state: pass one to the code under test and query the other. It accepts requests
/// signed by [`EXAMPLE_SECRET_ID`], and its clock starts at [`Scripted::START`].
#[derive(Clone)]
pub struct Scripted(Arc<Mutex<State>>);

/// One request of the code under test.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sent {
    /// The time since the start.
    pub at: Duration,
    /// The request, as passed to the transport.
    pub request: Request<Bytes>,
}

struct State {
    rules: Rules,
    jobs: Positions<Exchange>,
    /// How far the service's clock is ahead, in seconds.
    skew: i64,
    elapsed: Duration,
    sent: Vec<Sent>,
}

impl Scripted {
    /// 2023-11-14T22:13:20Z, the start of the wall clock.
    pub const START: Wall = Wall::from_unix_seconds(1_700_000_000);

    /// Creates a transport with these exchanges for every job; the last one repeats.
    pub fn new<E: Into<Exchange>>(exchanges: impl IntoIterator<Item = E>) -> Self {
        let exchanges = exchanges.into_iter().map(Into::into).collect();
        let key = (EXAMPLE_SECRET_ID.to_owned(), EXAMPLE_SECRET_KEY.to_owned());
        Self(Arc::new(Mutex::new(State {
            rules: Rules { keys: BTreeMap::from([key]), ..Rules::default() },
            jobs: Positions::new(exchanges, BTreeMap::new()),
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
        lock(&self.0).jobs.set(job_id.into(), exchanges);
        self
    }

    /// Returns the time since the start.
    pub fn elapsed(&self) -> Duration {
        lock(&self.0).elapsed
    }

    /// Returns every request so far, in order.
    pub fn sent(&self) -> Vec<Sent> {
        lock(&self.0).sent.clone()
    }
}

impl State {
    fn exchange(&mut self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let received = Received::of(request.clone());
        let job = member(&received.parameters(), "JobId");
        let skew = job.and_then(|job| self.jobs.pass_skews(&job, Exchange::skew));
        self.skew = skew.unwrap_or(self.skew);
        let now = wall(self.elapsed).unix_seconds().saturating_add(self.skew);
        let context = Context { now, number: self.sent.len() };
        self.sent.push(Sent { at: self.elapsed, request });
        let job = match self.rules.check(&received, now) {
            Ok(Call::Result(job)) => job,
            // A script has only the answers to polls.
            other => {
                let error = other.err().unwrap_or_else(unknown_action);
                return response(refuse(error.code, &error.message, &context));
            }
        };
        let exchange = self.jobs.next(&job);
        let exchange = exchange.unwrap_or_else(|| Exchange::fault(TransportErrorKind::Permanent));
        self.elapsed = self.elapsed.saturating_add(exchange.takes);
        match exchange.result {
            ExchangeResult::Step(step) => response(play(&step, &context)),
            ExchangeResult::Response(response) => Ok(response),
            ExchangeResult::Fault(fault) => Err(scripted(fault)),
        }
    }
}

fn response(answer: Answer) -> Result<Response<Bytes>, TransportError> {
    match answer {
        Answer::Respond(response) => {
            let (head, body) = response.into_parts();
            let body = body.complete().ok_or_else(|| scripted(TransportErrorKind::Truncated))?;
            Ok(Response::from_parts(head, body))
        }
        Answer::Close => Err(scripted(TransportErrorKind::Connection)),
        Answer::Hang => Err(scripted(TransportErrorKind::Timeout)),
    }
}

fn scripted(fault: TransportErrorKind) -> TransportError {
    TransportError::new(fault, "requested by the script")
}

fn wall(elapsed: Duration) -> Wall {
    let millis = i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX);
    Wall::from_unix_millis(Scripted::START.unix_millis().saturating_add(millis))
}

impl Transport for Scripted {
    fn now(&self) -> Now {
        let elapsed = self.elapsed();
        Now { wall: wall(elapsed), mono: Mono::from_origin(elapsed) }
    }

    async fn sleep(&self, duration: Duration) {
        let elapsed = &mut lock(&self.0).elapsed;
        *elapsed = elapsed.saturating_add(duration);
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        Ok(lock(&self.0).exchange(request)?.map(Body::from))
    }
}

/// All calls run on the caller's thread, so that each run of a script is the same.
impl Blocking for Scripted {
    fn threads(&self) -> usize {
        0
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted").field("elapsed", &self.elapsed()).finish_non_exhaustive()
    }
}

/// The result of one request and its duration.
///
/// A [`Step`] takes no time, except [`Step::Hang`], which takes [`Policy::EXCHANGE_LIMIT`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Exchange {
    result: ExchangeResult,
    takes: Duration,
}

#[derive(Clone, Debug)]
enum ExchangeResult {
    Step(Step),
    Response(Response<Bytes>),
    Fault(TransportErrorKind),
}

impl Exchange {
    /// Creates an exchange with exactly this answer.
    pub fn response(response: Response<impl Into<Bytes>>) -> Self {
        Self { result: ExchangeResult::Response(response.map(Into::into)), takes: Duration::ZERO }
    }

    /// Creates an exchange that fails without an answer.
    pub const fn fault(fault: TransportErrorKind) -> Self {
        Self { result: ExchangeResult::Fault(fault), takes: Duration::ZERO }
    }

    /// Sets the duration.
    pub const fn taking(mut self, duration: Duration) -> Self {
        self.takes = duration;
        self
    }

    /// Returns the seconds of a [`Step::Skew`].
    const fn skew(&self) -> Option<i64> {
        match &self.result {
            ExchangeResult::Step(step) => step.skew(),
            _ => None,
        }
    }
}

impl From<Step> for Exchange {
    fn from(step: Step) -> Self {
        let takes = if step == Step::Hang { Policy::EXCHANGE_LIMIT } else { Duration::ZERO };
        Self { result: ExchangeResult::Step(step), takes }
    }
}

impl From<&Step> for Exchange {
    fn from(step: &Step) -> Self {
        step.clone().into()
    }
}
