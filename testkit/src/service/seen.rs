use std::time::Duration;

use crate::script::Step;

/// One request the service got, without anything secret.
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
    /// What it was answered.
    pub answer: SeenAnswer,
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
}
