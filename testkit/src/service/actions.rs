//! The actions the service knows, one file each.

mod describe_export_job_result;

use super::fault::Fault;

/// Returns the job a call asks for, by the rules of its action.
pub(super) fn job_id(action: &str, body: &[u8]) -> Result<String, Fault> {
    match action {
        "DescribeExportJobResult" => describe_export_job_result::job_id(body),
        _ => Err(Fault::new("InvalidAction", "expected an action of this service")),
    }
}

/// Returns the job named in a body whatever else is wrong with the call.
pub(crate) fn named_job(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    body.get("JobId")?.as_str().map(str::to_owned)
}

pub(super) use self::describe_export_job_result::{Report, report};
