use serde_json::{Map, Value, json};

use crate::service::fault::Fault;

/// Reads the parameters of a call.
pub(in crate::service) fn job_id(body: &[u8]) -> Result<String, Fault> {
    let parameters: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|_| Fault::new("InvalidParameter", "expected a JSON object"))?;
    let job_id = match parameters.get("JobId") {
        Some(Value::String(job_id)) if !job_id.is_empty() => job_id.clone(),
        Some(_) => return Err(Fault::new("InvalidParameter", "expected JobId as a text")),
        None => return Err(Fault::new("MissingParameter", "expected the parameter JobId")),
    };
    if parameters.len() > 1 {
        return Err(Fault::new("UnknownParameter", "expected no parameter besides JobId"));
    }
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
