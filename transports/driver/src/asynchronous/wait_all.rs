use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::stream::{self, FusedStream, FuturesUnordered, Stream, StreamExt};
use http::{Request, Response};
use tcss_export_core::{Credentials, Finished, JobId, Mono, WaitKey};

use super::Platform;
use crate::{
    error::{TransportError, WaitFailure},
    fleet::{Fleet, Next},
    shared::Shared,
};

/// Waits for many jobs and gives their outcomes as they come, with any number of exchanges under
/// way at once, all in one task.
///
/// Jobs may come in later: a job's deadline counts from the moment the stream of jobs gives it.
/// See [`WaitSet`](tcss_export_core::WaitSet) for how deadline and number of jobs go together.
/// Dropped, it leaves nothing behind; so does a dropped `next` of it, which may be called again.
pub fn wait_all<P: Platform + Clone, J: Stream<Item = JobId>>(
    shared: &Shared,
    jobs: J,
    platform: P,
) -> Pin<Box<impl Stream<Item = (JobId, Result<Finished, WaitFailure>)> + use<P, J>>> {
    let fleet = Fleet::new(shared);
    let (under_way, jobs) = (FuturesUnordered::new(), Box::pin(jobs.fuse()));
    let all = All { fleet, platform, jobs, under_way, is_fetching: false };
    Box::pin(stream::unfold(all, async |mut all| {
        let ended = all.next(errand).await?;
        Some((ended, all))
    }))
}

struct All<P, J, F> {
    fleet: Fleet,
    platform: P,
    jobs: Pin<Box<J>>,
    under_way: FuturesUnordered<F>,
    is_fetching: bool,
}

/// What the platform is asked for.
enum Errand {
    Credentials { key: WaitKey, fresh: bool },
    Send(WaitKey, Box<Request<Bytes>>),
}

/// What came of it.
enum Back {
    Credentials(WaitKey, Result<Credentials, TransportError>),
    Answer(WaitKey, Result<Response<Bytes>, TransportError>),
}

async fn errand<P: Platform>(mut platform: P, errand: Errand) -> Back {
    match errand {
        Errand::Credentials { key, fresh } => {
            Back::Credentials(key, platform.credentials(fresh).await)
        }
        Errand::Send(key, request) => Back::Answer(key, platform.send(*request).await),
    }
}

/// Why a pause is over.
enum Woken {
    Job(JobId),
    Back(Back),
    Time,
}

impl<P, J, F> All<P, J, F>
where
    P: Platform + Clone,
    J: FusedStream<Item = JobId>,
    F: Future<Output = Back>,
{
    async fn next(
        &mut self,
        run: impl Fn(P, Errand) -> F,
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
                Next::Send(key, request) => Errand::Send(key, Box::new(request)),
            };
            self.under_way.push(run(self.platform.clone(), errand));
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
    }

    fn note(&mut self, woken: Woken) {
        let now = self.platform.now();
        match woken {
            Woken::Job(job) => self.fleet.add(job, now.mono),
            Woken::Back(Back::Credentials(key, credentials)) => {
                self.is_fetching = false;
                self.fleet.fetched(now, key, credentials);
            }
            Woken::Back(Back::Answer(key, answer)) => self.fleet.answered(now, key, answer),
            Woken::Time => {}
        }
    }
}

/// Tells whether a job or an answer has come in. That the last job has come is something, too.
fn happened<J: FusedStream<Item = JobId>, F: Future<Output = Back>>(
    jobs: &mut Pin<Box<J>>,
    under_way: &mut FuturesUnordered<F>,
    context: &mut Context<'_>,
) -> Poll<Woken> {
    if !jobs.is_terminated()
        && let Poll::Ready(job) = jobs.as_mut().poll_next(context)
    {
        return Poll::Ready(job.map_or(Woken::Time, Woken::Job));
    }
    match under_way.poll_next_unpin(context) {
        Poll::Ready(Some(back)) => Poll::Ready(Woken::Back(back)),
        // Nothing is under way.
        Poll::Ready(None) | Poll::Pending => Poll::Pending,
    }
}
