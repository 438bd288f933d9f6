use tcss_export_core::{DownloadUrl, JobId, download::Policy};

/// What to download: a URL, the job that can be asked for a new one, and by which policy.
///
/// A [`DownloadUrl`] alone is an order, too: without a job an expired URL ends the download.
#[derive(Clone, Debug)]
#[must_use]
pub struct Order {
    pub(crate) url: DownloadUrl,
    pub(crate) job: Option<JobId>,
    pub(crate) policy: Policy,
}

impl Order {
    /// Creates an order of what the URL leads to.
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

    /// Returns the policy of the download, for the transport that carries it out.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }
}

impl From<DownloadUrl> for Order {
    fn from(url: DownloadUrl) -> Self {
        Self::new(url)
    }
}
