use serde_json::{Value, json};

use super::parameters::Parameters;
use crate::script::Step;
use crate::service::fault::Fault;

/// Reads the parameters of a call.
pub(in crate::service) fn job_id(body: &[u8]) -> Result<String, Fault> {
    let mut parameters = Parameters::read(body)?;
    let job_id = parameters.text("JobId")?;
    parameters.end()?;
    Ok(job_id)
}

/// How far a job is; `None` is written as null.
pub(in crate::service) struct Report<'a> {
    pub(in crate::service) status: &'a str,
    pub(in crate::service) url: Option<&'a str>,
    pub(in crate::service) progress: Option<f64>,
    pub(in crate::service) message: Option<&'a str>,
}

impl<'a> Report<'a> {
    pub(in crate::service) const fn new(status: &'a str, progress: f64) -> Self {
        Self { status, url: Some(""), progress: Some(progress), message: Some("") }
    }

    /// Returns what a step says about a job; none if it says nothing.
    pub(in crate::service) fn of(step: &'a Step) -> Option<Self> {
        Some(match step {
            Step::Running(progress) => Self::new("RUNNING", progress.unwrap_or_default()),
            Step::Success(url) => Self::success(url.as_deref().unwrap_or(Step::EXAMPLE_URL)),
            Step::Failure(text) => {
                let message = Some(text.as_deref().unwrap_or(Step::EXAMPLE_FAILURE));
                Self { message, ..Self::new("FAILURE", 0.0) }
            }
            Step::Status(text) => Self::new(text, 0.0),
            Step::Nulls => Self { status: "RUNNING", url: None, progress: None, message: None },
            _ => return None,
        })
    }

    pub(in crate::service) const fn success(url: &'a str) -> Self {
        Self { url: Some(url), ..Self::new("SUCCESS", 100.0) }
    }
}

/// Returns the members of a good answer.
pub(in crate::service) fn report(report: &Report<'_>) -> Value {
    json!({
        "ExportStatus": report.status,
        "DownloadURL": report.url,
        "ExportProgress": report.progress,
        "FailureMsg": report.message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(body: &str, code: &str) {
        assert_eq!(job_id(body.as_bytes()).expect_err(body).code, code);
    }

    #[test]
    fn a_job_id_is_taken_as_it_is() {
        assert_eq!(job_id(br#"{"JobId": "a\u0026b"}"#), Ok("a&b".to_owned()));
    }

    #[test]
    fn a_body_that_is_no_json_is_an_invalid_parameter() {
        refused("JobId=1", "InvalidParameter");
    }

    #[test]
    fn a_body_that_is_no_object_is_an_invalid_parameter() {
        refused(r#"["JobId"]"#, "InvalidParameter");
    }

    #[test]
    fn a_body_without_a_job_id_misses_a_parameter() {
        refused("{}", "MissingParameter");
    }

    #[test]
    fn an_empty_job_id_is_an_invalid_parameter() {
        refused(r#"{"JobId":""}"#, "InvalidParameter");
    }

    #[test]
    fn a_job_id_that_is_no_text_is_an_invalid_parameter() {
        refused(r#"{"JobId":7}"#, "InvalidParameter");
    }

    #[test]
    fn a_second_parameter_is_unknown() {
        refused(r#"{"JobId":"1","JobID":"1"}"#, "UnknownParameter");
    }
}
