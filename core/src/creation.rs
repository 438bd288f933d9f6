//! A create whose process may be killed before it learns the id of the job.

use alloc::{collections::BTreeSet, vec::Vec};
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    actions::{
        CreateExportComplianceStatusListJob, DescribeExportJobManageList,
        DescribeExportJobManageListResponse, JobId,
    },
    time::Wall,
};

/// The intent to create a job, to be stored before the request is sent.
///
/// The service has no idempotency token, and its list shows neither who created a job nor what it
/// exports. So an intent contains the jobs that existed before. If a process was killed before it
/// stored the id of its job, a later process lists the jobs again: with no new job, none was
/// created; a new one may also be somebody else's.
///
/// ```
/// use tcss_export_core::{Creation, Wall, actions::{AssetType,
///     CreateExportComplianceStatusListJob, DescribeExportJobManageListResponse}};
///
/// let order = CreateExportComplianceStatusListJob::all(AssetType::HOST);
/// // The answer to `Creation::list()`.
/// let before = DescribeExportJobManageListResponse::default();
/// let creation = Creation::new(order, &before, Wall::from_unix_seconds(1_700_000_000));
/// let stored = serde_json::to_string(&creation)?;
/// // The process may be killed from here on, until the id of the job is stored.
/// let creation: Creation = serde_json::from_str(&stored)?;
/// assert_eq!(creation.new_jobs(&before), []);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Creation {
    order: CreateExportComplianceStatusListJob,
    /// The ids on the first page of the list, newest first.
    known: Vec<JobId>,
    at: Wall,
}

impl Creation {
    /// How long a create may still be under way after its process was killed: 30 s, the limit of
    /// an exchange.
    pub const UNDER_WAY: Duration = Duration::from_secs(30);
    /// The largest page of the service.
    const PAGE: u64 = 100;

    /// Returns the request for the list of jobs, before a create and after a kill. Use an answer
    /// only if it [is complete](Self::is_complete).
    pub fn list() -> DescribeExportJobManageList {
        let mut list = DescribeExportJobManageList::new().newest_first();
        list.limit = Some(Self::PAGE);
        list
    }

    /// Returns whether a list has the ids of all jobs that belong on its page. Otherwise, the job
    /// of a create may be missing from it.
    pub fn is_complete(list: &DescribeExportJobManageListResponse) -> bool {
        let expected = list.total_count.unwrap_or_default().min(Self::PAGE);
        list.jobs.len() as u64 >= expected && list.jobs.iter().all(|job| job.job_id.is_some())
    }

    /// Creates an intent, with the jobs that exist now.
    pub fn new(
        order: CreateExportComplianceStatusListJob,
        before: &DescribeExportJobManageListResponse,
        now: Wall,
    ) -> Self {
        Self { order, known: ids(before).cloned().collect(), at: now }
    }

    /// Records when the create, which had no effect so far, is sent again:
    /// [`under_way`](Self::under_way) counts from then. Store the intent again before that.
    pub const fn repeat_at(&mut self, at: Wall) {
        self.at = at;
    }

    /// Returns what is to be created.
    pub const fn order(&self) -> &CreateExportComplianceStatusListJob {
        &self.order
    }

    /// Returns how long the create may still be under way. Before that, a list without a new job
    /// proves nothing.
    pub fn under_way(&self, now: Wall) -> Duration {
        // Even if the clock was set back, it is never longer.
        Self::UNDER_WAY.saturating_sub(now.saturating_since(self.at))
    }

    /// Returns the jobs that are new since this intent, newest first, each once.
    pub fn new_jobs(&self, after: &DescribeExportJobManageListResponse) -> Vec<JobId> {
        let mut known: BTreeSet<&JobId> = self.known.iter().collect();
        let mut jobs: Vec<_> = ids(after).collect();
        // The known page was full. If jobs on it were deleted since, older ones have moved up.
        if self.known.len() as u64 == Self::PAGE {
            let last = jobs.iter().rposition(|id| known.contains(*id));
            jobs.truncate(last.unwrap_or(jobs.len()));
        }
        jobs.retain(|id| known.insert(id));
        jobs.into_iter().cloned().collect()
    }
}

fn ids(list: &DescribeExportJobManageListResponse) -> impl Iterator<Item = &JobId> {
    list.jobs.iter().filter_map(|job| job.job_id.as_ref())
}
