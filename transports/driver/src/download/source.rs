use tcss_export_core::{DownloadUrl, JobId, download::Policy};

/// What to download: a URL, the job that can be asked for a new one, and by which policy.
///
/// A [`DownloadUrl`] alone is a source, too: without a job an expired URL ends the download.
#[derive(Clone, Debug)]
#[must_use]
pub struct Source {
    pub(crate) url: DownloadUrl,
    pub(crate) job: Option<JobId>,
    pub(crate) policy: Policy,
}

impl Source {
    /// Creates a source of what the URL leads to.
    pub fn new(url: DownloadUrl) -> Self {
        Self { url, job: None, policy: Policy::default() }
    }

    /// Sets the job that is asked for a new URL when this one has expired or is refused.
    pub fn of_job(mut self, job: JobId) -> Self {
        self.job = Some(job);
        self
    }

    /// Sets the policy of the download; that of the wait for a new URL is the client's.
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }
}

impl From<DownloadUrl> for Source {
    fn from(url: DownloadUrl) -> Self {
        Self::new(url)
    }
}
