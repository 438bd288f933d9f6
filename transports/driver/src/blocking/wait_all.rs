use tcss_export_core::{Finished, JobId};

use super::{run, this_thread};
use crate::{
    client::Client,
    error::WaitFailure,
    fleet::{Fleet, Next},
    transport::Transport,
};

/// Waits for many jobs: an iterator over their outcomes as they come.
///
/// It makes one exchange at a time on the thread that drains it. To have more under way at once,
/// split the jobs over threads with clients that share one [`Budget`](crate::Budget).
#[derive(Debug)]
#[must_use = "a wait does nothing until its outcomes are drained"]
pub struct WaitAll<T> {
    fleet: Fleet,
    platform: Client<T>,
}

impl<T: Transport> WaitAll<T> {
    pub(super) fn new(client: &Client<T>, jobs: impl IntoIterator<Item = JobId>) -> Self {
        let (fleet, platform) = (Fleet::new(&client.shared), client.clone());
        let mut all = Self { fleet, platform };
        jobs.into_iter().for_each(|job| all.add(job));
        all
    }

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

impl<T: Transport> Iterator for WaitAll<T> {
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
                        run(platform.sleep(moment.saturating_since(now.mono)));
                    }
                }
                Next::FetchCredentials { key, fresh } => {
                    let credentials = run(platform.credentials(fresh));
                    fleet.fetched(platform.now(), key, credentials, fresh);
                }
                Next::Send(flight, request) => {
                    let answer = run(platform.exchange(request));
                    fleet.answered(platform.now(), flight, answer);
                }
            }
        }
    }
}
