//! The record of a request.

use std::fmt;
use std::time::Duration;

use crate::create_faults::CreateFault;
use crate::download_faults::DownloadFault;
use crate::script::Step;

/// One request to the service and its answer. Only a download's target and headers can be secret,
/// and debug output omits them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Seen {
    /// The time of its last byte, since the start of the service.
    pub at: Duration,
    /// Its method.
    pub method: String,
    /// Its X-TC-Action, if any.
    pub action: Option<String>,
    /// The SecretId in its Authorization, if any. The signature may be wrong.
    pub secret_id: Option<String>,
    /// The JobId (or JobID) in its body, if any.
    pub job_id: Option<String>,
    /// Its X-TC-Timestamp, if any.
    pub timestamp: Option<String>,
    /// Its target and headers, if it was a request to the storage instead of the API.
    pub download: Option<SeenDownload>,
    /// The answer.
    pub answer: SeenAnswer,
}

/// One request to the storage.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeenDownload {
    /// The request target as it was on the wire, byte for byte, without a fragment: HTTP allows
    /// none.
    pub target: String,
    /// The headers in their order, with names in lower case.
    pub headers: Vec<(String, String)>,
}

impl SeenDownload {
    /// Returns the first value of a header; the name must be in lower case.
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

/// The answer to a request.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SeenAnswer {
    /// HTTP status 200 with this error code, because a check failed.
    Refused {
        /// The error code.
        code: String,
    },
    /// This step of the job's script.
    Played(Step),
    /// The id of a new job.
    Created {
        /// The id of the new job.
        job_id: String,
    },
    /// This fault of an accepted create.
    CreateFault {
        /// The fault; it is not [`CreateFault::Ok`].
        fault: CreateFault,
        /// The id of the new job, if one was made.
        job_id: Option<String>,
    },
    /// The list of jobs.
    Listed,
    /// The URL of a job's file.
    GivenUrl,
    /// The answer of a [`Builder::action`](crate::Builder::action).
    Added,
    /// The owner of the key.
    GivenOwner,
    /// An answer of the storage.
    Download {
        /// The HTTP status of the answer; `None` without an answer.
        status: Option<u16>,
        /// The fault of an accepted download; `None` for a refused one.
        fault: Option<DownloadFault>,
    },
}
