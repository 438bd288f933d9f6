use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream::{self, FusedStream, FuturesUnordered, Stream, StreamExt};
use http::{Request, Response};
use tcss_export_core::{Credentials, Finished, JobId, Mono, WaitKey};

use super::within;
use crate::{
    client::Client,
    error::{TransportError, WaitFailure},
    fleet::{Fleet, Flight, Next},
    transport::Transport,
};

/// Waits for many jobs and gives their outcomes as they come, with any number of exchanges under
/// way at once, all in one task.
///
/// Jobs may come in later: a job's deadline counts from the moment the stream of jobs gives it. All
/// that it has ready are taken, so hold the stream back if there may be too many.
/// See [`WaitSet`](tcss_export_core::WaitSet) for how deadline and number of jobs go together.
/// Dropped, it leaves nothing behind; so does a dropped `next` of it, which may be called again.
pub(crate) fn wait_all<T: Transport, J: Stream<Item = JobId>>(
    client: &Client<T>,
    jobs: J,
) -> Pin<Box<impl Stream<Item = (JobId, Result<Finished, WaitFailure>)> + use<T, J>>> {
    let (fleet, platform) = (Fleet::new(&client.shared), client.clone());
    let (under_way, jobs) = (FuturesUnordered::new(), Box::pin(jobs.fuse()));
    let all = All { fleet, platform, jobs, under_way, is_fetching: false, jobs_in_a_row: 0 };
    Box::pin(stream::unfold(all, async |mut all| {
        let ended = all.next(errand).await?;
        Some((ended, all))
    }))
}

struct All<T, J, F> {
    fleet: Fleet,
    platform: Client<T>,
    jobs: Pin<Box<J>>,
    under_way: FuturesUnordered<F>,
    is_fetching: bool,
    jobs_in_a_row: u32,
}

/// So many jobs are taken before other tasks, and answers, get their turn.
const JOBS_IN_A_ROW: u32 = 64;

/// What the platform is asked for.
enum Errand {
    Credentials { key: WaitKey, fresh: bool },
    Send(Flight, Box<Request<Bytes>>),
}

/// What came of it.
enum Back {
    Credentials { key: WaitKey, fresh: bool, came: Result<Credentials, TransportError> },
    Answer(Flight, Result<Response<Bytes>, TransportError>),
}

/// Runs an errand, and gives it up at the limit of an exchange.
async fn errand<T: Transport>(platform: Client<T>, errand: Errand, limit: Duration) -> Back {
    let limit = platform.sleep(limit);
    match errand {
        Errand::Credentials { key, fresh } => {
            let came = within(limit, platform.credentials(fresh)).await;
            Back::Credentials { key, fresh, came }
        }
        Errand::Send(flight, request) => {
            Back::Answer(flight, within(limit, platform.exchange(*request)).await)
        }
    }
}

/// Why a pause is over.
enum Woken {
    Job(JobId),
    Back(Back),
    Time,
}

impl<T, J, F> All<T, J, F>
where
    T: Transport,
    J: FusedStream<Item = JobId>,
    F: Future<Output = Back>,
{
    async fn next(
        &mut self,
        run: impl Fn(Client<T>, Errand, Duration) -> F,
    ) -> Option<(JobId, Result<Finished, WaitFailure>)> {
        loop {
            let now = self.platform.now();
            let errand = match self.fleet.next(now) {
                Next::Ended(job, outcome) => return Some((job, outcome)),
                Next::Empty if self.jobs.is_terminated() => return None,
                Next::Empty => {
                    self.pause(None).await;
                    continue;
                }
                Next::Sleep(moment) => {
                    self.pause(Some((moment, now.mono))).await;
                    continue;
                }
                Next::FetchCredentials { .. } if self.is_fetching => {
                    // The turn has come already: nothing calls but the fetch.
                    let limit = self.fleet.next_limit();
                    self.pause(limit.map(|limit| (limit, now.mono))).await;
                    continue;
                }
                Next::FetchCredentials { key, fresh } => {
                    self.is_fetching = true;
                    Errand::Credentials { key, fresh }
                }
                Next::Send(flight, request) => Errand::Send(flight, Box::new(request)),
            };
            let limit = self.fleet.exchange_limit();
            self.under_way.push(run(self.platform.clone(), errand, limit));
        }
    }

    /// Waits until something has happened, and takes note of it.
    async fn pause(&mut self, until: Option<(Mono, Mono)>) {
        let is_fetching = self.is_fetching;
        let woken = match until {
            Some((moment, now)) => {
                let mut sleep = pin!(self.platform.sleep(moment.saturating_since(now)));
                let (fleet, jobs, under_way) = (&self.fleet, &mut self.jobs, &mut self.under_way);
                poll_fn(|context| match happened(jobs, under_way, context) {
                    Poll::Pending
                        if !is_fetching && fleet.is_called_before(moment, now, context.waker()) =>
                    {
                        Poll::Ready(Woken::Time)
                    }
                    Poll::Pending => sleep.as_mut().poll(context).map(|()| Woken::Time),
                    woken => woken,
                })
                .await
            }
            None => {
                let (jobs, under_way) = (&mut self.jobs, &mut self.under_way);
                poll_fn(|context| happened(jobs, under_way, context)).await
            }
        };
        self.note(woken);
        if self.jobs_in_a_row == JOBS_IN_A_ROW {
            self.jobs_in_a_row = 0;
            give_way().await;
        }
    }

    fn note(&mut self, woken: Woken) {
        let now = self.platform.now();
        match woken {
            Woken::Job(job) => {
                self.fleet.add(job, now.mono);
                self.jobs_in_a_row += 1;
            }
            Woken::Back(Back::Credentials { key, fresh, came }) => {
                self.is_fetching = false;
                self.fleet.fetched(now, key, came, fresh);
            }
            Woken::Back(Back::Answer(flight, answer)) => self.fleet.answered(now, flight, answer),
            Woken::Time => {}
        }
    }
}

/// Tells whether an answer or a job has come in. That the last job has come is something, too.
fn happened<J: FusedStream<Item = JobId>, F: Future<Output = Back>>(
    jobs: &mut Pin<Box<J>>,
    under_way: &mut FuturesUnordered<F>,
    context: &mut Context<'_>,
) -> Poll<Woken> {
    if let Poll::Ready(Some(back)) = under_way.poll_next_unpin(context) {
        return Poll::Ready(Woken::Back(back));
    }
    if !jobs.is_terminated()
        && let Poll::Ready(job) = jobs.as_mut().poll_next(context)
    {
        return Poll::Ready(job.map_or(Woken::Time, Woken::Job));
    }
    Poll::Pending
}

/// Lets the other tasks of the executor run.
async fn give_way() {
    let mut has_waited = false;
    poll_fn(|context| match std::mem::replace(&mut has_waited, true) {
        true => Poll::Ready(()),
        false => {
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}
