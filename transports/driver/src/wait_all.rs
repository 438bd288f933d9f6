//! Many jobs, followed at once in one task.

use std::{
    collections::BTreeMap,
    future::{pending, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{
    future::{FutureExt, select},
    stream::{self, Fuse, FusedStream, FuturesUnordered, Stream, StreamExt},
};
use http::{Request, Response};
use tcss_export_core::{
    Credentials, JobId, Mono, Now,
    actions::{Action, DescribeExportJobManageList, DescribeExportJobResult},
    wait::{Event, Finished, SetStep, WaitKey, WaitSet, Waiter},
};

use crate::{
    client::Client,
    error::WaitError,
    permit::Permit,
    trace::Trace,
    transport::{Transport, yield_now},
    transport_error::TransportError,
};

impl<T: Transport> Client<T> {
    /// Follows many jobs and returns a stream of their outcomes, in completion order.
    ///
    /// Exchanges run concurrently, all in one task. The stream pulls every job that `jobs` has
    /// ready, and a job's deadline counts from that moment. For a list use
    /// `futures_util::stream::iter`. Of many jobs, it polls those that the job list of the account
    /// shows as ended: see [`WaitSet`](tcss_export_core::wait::WaitSet), also for deadlines of very
    /// many jobs. If the key may not read the list, it polls all of them. Nothing is sent while the
    /// caller does not poll the stream. Dropping it stops all waits.
    pub fn wait_all<J: Stream<Item = JobId>>(
        &self,
        jobs: J,
    ) -> Pin<Box<impl Stream<Item = (JobId, Result<Finished, WaitError>)> + use<J, T>>> {
        self.wait_all_at_most(usize::MAX, jobs)
    }

    /// Follows many jobs with at most this many exchanges under way.
    pub(crate) fn wait_all_at_most<J: Stream<Item = JobId>>(
        &self,
        max_exchanges: usize,
        jobs: J,
    ) -> Pin<Box<impl Stream<Item = (JobId, Result<Finished, WaitError>)> + use<J, T>>> {
        // Of exchanges one by one, the list would leave none to the polls.
        let set = match max_exchanges > 1 {
            true => WaitSet::with_list(self.policy(), self.seed()),
            false => WaitSet::new(),
        };
        let state = WaitAll {
            client: self.clone(),
            max_exchanges,
            trace: Trace::wait_all(),
            set,
            permit: Some(Permit::new(DescribeExportJobResult::NAME)),
            errors: BTreeMap::new(),
            jobs: Box::pin(jobs.fuse()),
            work: FuturesUnordered::new(),
            run,
        };
        let ended = stream::unfold(state, async |mut state| {
            let ended = state.next().await?;
            Some((ended, state))
        });
        Box::pin(ended.fuse())
    }
}

type Ended = (JobId, Result<Finished, WaitError>);

struct WaitAll<T, J, F, R> {
    client: Client<T>,
    max_exchanges: usize,
    trace: Trace,
    set: WaitSet,
    /// Absent while a task prepares it.
    permit: Option<Permit>,
    /// The transport error of the last exchange of a wait.
    errors: BTreeMap<WaitKey, TransportError>,
    jobs: Pin<Box<Fuse<J>>>,
    work: FuturesUnordered<F>,
    /// The function [`run`], whose future has no name.
    run: R,
}

/// Work that runs in the background.
enum Task {
    Prepare { permit: Permit, key: WaitKey, fresh: bool },
    Exchange { key: WaitKey, poll: u32, request: Box<Request<Bytes>>, started: Mono },
    PrepareList { fresh: bool },
    List { request: Box<Request<Bytes>>, started: Mono },
}

enum Done {
    Prepared { permit: Permit, key: WaitKey, result: Result<(), TransportError> },
    Answered { key: WaitKey, poll: u32, answer: Result<Response<Bytes>, TransportError> },
    ListPrepared(Result<(Now, Credentials), TransportError>),
    Listed(Result<Response<Bytes>, TransportError>),
}

async fn run<T: Transport>(client: Client<T>, task: Task) -> Done {
    match task {
        Task::Prepare { mut permit, key, fresh } => {
            let result = permit.prepare(&client, fresh, None).await;
            Done::Prepared { permit, key, result }
        }
        Task::Exchange { key, poll, request, started } => {
            Done::Answered { key, poll, answer: client.exchange(*request, started).await }
        }
        Task::PrepareList { fresh } => {
            Done::ListPrepared(client.turn(DescribeExportJobManageList::NAME, fresh).await)
        }
        Task::List { request, started } => Done::Listed(client.exchange(*request, started).await),
    }
}

/// Yields after this many jobs, so that exchanges and other tasks can run.
const JOBS_AT_ONCE: usize = 64;

impl<T, J, F, R> WaitAll<T, J, F, R>
where
    T: Transport,
    J: Stream<Item = JobId>,
    F: Future<Output = Done>,
    R: Fn(Client<T>, Task) -> F,
{
    /// Returns the next job that ends; `None` after the last one.
    async fn next(&mut self) -> Option<Ended> {
        loop {
            // Sends what was just signed, and reads the answers before their waits reach a limit.
            // `pause` polls the tasks again, with a waker.
            while let Some(Some(done)) = self.work.next().now_or_never() {
                self.finish(done);
            }
            self.take_jobs().await;
            let now = self.client.now();
            let pause = match self.set.next(now.mono) {
                SetStep::Ended { key, job, outcome } => {
                    let error = self.errors.remove(&key);
                    let outcome = outcome.map_err(|e| WaitError::new(e, error));
                    return Some((job, self.trace.waited(outcome)));
                }
                SetStep::Empty if self.jobs.is_terminated() => return None,
                SetStep::Empty => None,
                SetStep::WaitUntil(moment) => Some(moment),
                SetStep::List { fresh_credentials: fresh } => {
                    self.spawn(Task::PrepareList { fresh });
                    continue;
                }
                SetStep::Poll { key, fresh_credentials: fresh }
                    if self.work.len() < self.max_exchanges
                        && let Some(permit) = self.permit.take() =>
                {
                    self.start(permit, key, fresh);
                    continue;
                }
                // The permit is being prepared, or too many exchanges are under way.
                SetStep::Poll { .. } => self.set.next_limit(),
            };
            self.pause(pause).await;
        }
    }

    fn spawn(&self, task: Task) {
        self.work.push((self.run)(self.client.clone(), task));
    }

    /// Starts a poll that is due, or prepares the permit for it. A request that cannot be signed
    /// ends its wait.
    fn start(&mut self, mut permit: Permit, key: WaitKey, fresh: bool) {
        let now = self.client.now();
        let Some(credentials) = permit.start(now.mono, fresh) else {
            return self.spawn(Task::Prepare { permit, key, fresh });
        };
        self.permit = Some(permit);
        let request = self.set.start(key, now, &mut self.client.session(), &credentials);
        let poll = self.set.waiter(key).map_or(0, Waiter::poll_count);
        if let Ok(request) = request {
            let request = Box::new(request);
            self.spawn(Task::Exchange { key, poll, request, started: now.mono });
        }
    }

    /// Starts a request for the job list, whose turn has come.
    fn start_list(&mut self, now: Now, credentials: &Credentials) {
        let request = self.set.start_list(now, &mut self.client.session(), credentials);
        if let Ok(request) = request {
            self.spawn(Task::List { request: Box::new(request), started: now.mono });
        }
    }

    /// Takes the jobs that are ready: at most [`JOBS_AT_ONCE`], or all if the transport blocks.
    /// `pause` polls for further jobs, with a waker.
    async fn take_jobs(&mut self) {
        let at_once = if self.client.blocks { usize::MAX } else { JOBS_AT_ONCE };
        for _ in 0..at_once {
            let Some(Some(job)) = self.jobs.next().now_or_never() else { return };
            self.add(job);
        }
        yield_now().await;
    }

    fn add(&mut self, job: JobId) {
        let now = self.client.now().mono;
        self.set.add(Waiter::new(job, self.client.policy(), self.client.seed(), now));
    }

    /// Waits until this moment, a new job, or a finished task.
    async fn pause(&mut self, until: Option<Mono>) {
        if let Some(permit) = &mut self.permit {
            permit.release();
        }
        let client = self.client.clone();
        let sleep = pin!(async {
            match until {
                Some(until) => client.sleep(until.saturating_since(client.now().mono)).await,
                None => pending().await,
            }
        });
        select(poll_fn(|context| self.poll_events(context)), sleep).await;
    }

    fn poll_events(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Poll::Ready(Some(done)) = self.work.poll_next_unpin(context) {
            self.finish(done);
            return Poll::Ready(());
        }
        if self.jobs.is_terminated() {
            return Poll::Pending;
        }
        self.jobs.as_mut().poll_next(context).map(|job| job.into_iter().for_each(|j| self.add(j)))
    }

    fn finish(&mut self, done: Done) {
        let now = self.client.now();
        match done {
            Done::Prepared { permit, key, result } => {
                self.permit = Some(permit);
                if let Err(error) = result
                    && let Some(event) = self.set.cannot_start(key, now.mono, error.kind())
                {
                    self.errors.insert(key, error);
                    self.trace_poll(key, &event);
                }
            }
            Done::Answered { key, poll, answer } => {
                // A late answer to an earlier poll is ignored.
                if self.set.waiter(key).is_none_or(|waiter| waiter.poll_count() != poll) {
                    return;
                }
                self.errors.remove(&key);
                let answer = answer.map_err(|error| {
                    let fault = error.kind();
                    self.errors.insert(key, error);
                    fault
                });
                let event = self.set.answer(key, now, &mut self.client.session(), answer);
                event.iter().for_each(|event| self.trace_poll(key, event));
            }
            Done::ListPrepared(Ok((now, credentials))) => self.start_list(now, &credentials),
            Done::ListPrepared(Err(error)) => self.take_list(now, Err(error)),
            Done::Listed(answer) => self.take_list(now, answer),
        }
    }

    fn take_list(&mut self, now: Now, answer: Result<Response<Bytes>, TransportError>) {
        let answer = answer.map_err(|error| error.kind());
        self.set.answer_list(now, &mut self.client.session(), answer);
    }

    fn trace_poll(&self, key: WaitKey, event: &Event) {
        self.trace.polled(self.set.waiter(key), event, self.errors.get(&key));
    }
}
