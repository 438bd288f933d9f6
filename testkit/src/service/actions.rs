//! The actions the service knows, one file each.

mod create_export_compliance_status_list_job;
mod describe_export_job_download_url;
mod describe_export_job_manage_list;
mod describe_export_job_result;
mod parameters;

use super::fault::Fault;

pub(super) use self::create_export_compliance_status_list_job::{Creation, created};
pub(super) use self::describe_export_job_download_url::download_url;
pub(super) use self::describe_export_job_manage_list::{ListedJob, Listing, list};
pub(super) use self::describe_export_job_result::{Report, report};

/// An acceptable call: its action and what it asks for.
pub(crate) enum Call {
    /// DescribeExportJobResult of this job.
    Result(String),
    /// CreateExportComplianceStatusListJob.
    Create(Creation),
    /// DescribeExportJobManageList.
    List(Listing),
    /// DescribeExportJobDownloadURL of this job.
    DownloadUrl(String),
}

/// Reads the parameters of a call, by the rules of its action.
pub(super) fn read(action: &str, body: &[u8]) -> Result<Call, Fault> {
    match action {
        "DescribeExportJobResult" => describe_export_job_result::job_id(body).map(Call::Result),
        "CreateExportComplianceStatusListJob" => Creation::read(body).map(Call::Create),
        "DescribeExportJobManageList" => Listing::read(body).map(Call::List),
        "DescribeExportJobDownloadURL" => {
            describe_export_job_download_url::job_id(body).map(Call::DownloadUrl)
        }
        _ => Err(unknown()),
    }
}

/// Returns the error of an action that nobody knows.
pub(crate) fn unknown() -> Fault {
    Fault::new("InvalidAction", "expected an action of this service")
}

/// Returns the job whose result a body asks for, whatever else is wrong with the call.
pub(crate) fn named_job(body: &[u8]) -> Option<String> {
    member(body, "JobId")
}

/// Returns the job named in a body, in either spelling.
pub(super) fn noted_job(body: &[u8]) -> Option<String> {
    named_job(body).or_else(|| member(body, "JobID"))
}

fn member(body: &[u8], name: &str) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    body.get(name)?.as_str().map(str::to_owned)
}
