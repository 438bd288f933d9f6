use std::fmt;
use std::time::Duration;

use crate::faults::DownloadFault;
use crate::script::Step;

/// One request the service got, without anything secret but a download's target and headers, which
/// debug output leaves out.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Seen {
    /// When it was there as a whole, since the start of the service.
    pub at: Duration,
    /// Its method.
    pub method: String,
    /// Its X-TC-Action, if it had one.
    pub action: Option<String>,
    /// The JobId (or JobID) in its body, if there was one.
    pub job_id: Option<String>,
    /// Its X-TC-Timestamp, if it had one.
    pub timestamp: Option<String>,
    /// What it asked of the storage, if it was no request to the API.
    pub download: Option<SeenDownload>,
    /// What it was answered.
    pub answer: SeenAnswer,
}

/// What a request asked of the storage.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeenDownload {
    /// The request target as it stood on the wire, byte for byte; a fragment, which no request has
    /// by the rules of HTTP, is left out.
    pub target: String,
    /// The headers in their order, with names in lower case.
    pub headers: Vec<(String, String)>,
}

impl SeenDownload {
    /// Returns the first value of a header whose name is given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|header| header.0 == name);
        found.map(|header| header.1.as_str())
    }
}

impl fmt::Debug for SeenDownload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.target.split('?').next();
        f.debug_struct("SeenDownload").field("path", &path).finish_non_exhaustive()
    }
}

/// What a request was answered.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SeenAnswer {
    /// It failed a check: HTTP status 200 with this error code.
    Refused {
        /// The error code.
        code: String,
    },
    /// It was accepted and answered by this step.
    Played(Step),
    /// It created this job.
    Created {
        /// The id of the new job.
        job_id: String,
    },
    /// It got the list of jobs.
    Listed,
    /// It got the URL of a job's file.
    GivenUrl,
    /// It asked for the file.
    Download {
        /// The HTTP status of the answer, if there was one.
        status: Option<u16>,
        /// What became of an accepted download; a refused one has none.
        fault: Option<DownloadFault>,
    },
}
