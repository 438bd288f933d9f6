use tcss_export_core::{Finished, JobId};

use super::{Platform, this_thread};
use crate::{
    error::WaitFailure,
    fleet::{Fleet, Next},
    shared::Shared,
};

/// Waits for many jobs: an iterator over their outcomes as they come.
///
/// It makes one exchange at a time on the thread that drains it. To have more under way at once,
/// split the jobs over threads with clients that share one [`Budget`](crate::Budget).
#[derive(Debug)]
#[must_use = "a wait does nothing until its outcomes are drained"]
pub struct WaitAll<P> {
    fleet: Fleet,
    platform: P,
}

/// Begins to wait for many jobs; their deadlines count from now. See
/// [`WaitSet`](tcss_export_core::WaitSet) for how deadline and number of jobs go together.
pub fn wait_all<P: Platform>(
    shared: &Shared,
    jobs: impl IntoIterator<Item = JobId>,
    platform: P,
) -> WaitAll<P> {
    let mut all = WaitAll { fleet: Fleet::new(shared), platform };
    jobs.into_iter().for_each(|job| all.add(job));
    all
}

impl<P: Platform> WaitAll<P> {
    /// Adds a job, whose deadline counts from now.
    pub fn add(&mut self, job: JobId) {
        self.fleet.add(job, self.platform.now().mono);
    }

    /// Returns how many jobs are still waited for.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.fleet.len()
    }
}

impl<P: Platform> Iterator for WaitAll<P> {
    type Item = (JobId, Result<Finished, WaitFailure>);

    fn next(&mut self) -> Option<Self::Item> {
        let Self { fleet, platform } = self;
        loop {
            let now = platform.now();
            match fleet.next(now) {
                Next::Empty => return None,
                Next::Ended(job, outcome) => return Some((job, outcome)),
                Next::Sleep(moment) => {
                    if !fleet.is_called_before(moment, now.mono, &this_thread()) {
                        platform.sleep(moment.saturating_since(now.mono));
                    }
                }
                Next::FetchCredentials { key, fresh } => {
                    let credentials = platform.credentials(fresh);
                    fleet.fetched(platform.now(), key, credentials, fresh);
                }
                Next::Send(flight, request) => {
                    let answer = platform.send(request);
                    fleet.answered(platform.now(), flight, answer);
                }
            }
        }
    }
}
