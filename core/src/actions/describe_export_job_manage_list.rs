use alloc::{string::String, vec::Vec};

use serde::Serialize;

use super::{
    Action, ExportStatus, FromResponse, JobId, ResponseObject, RunTimeFilter, SERVICE, VERSION,
    job_id,
};
use crate::{
    json::{Json, Member},
    response_error::ResponseErrorKind,
};

/// Lists the export jobs of the account.
///
/// To find a job whose creation had no usable answer, list the [newest first](Self::newest_first),
/// and compare [`ExportJobInfo::insert_time`] with the time of the request.
///
/// Service page:
/// [DescribeExportJobManageList](https://www.tencentcloud.com/document/product/1163/53215).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
pub struct DescribeExportJobManageList {
    /// The conditions on the jobs. Known names are `ExportStatus` and `ExportSource`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<RunTimeFilter>,
    /// How many jobs to skip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// How many jobs to list. The service's default is 10, its maximum 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// The direction of the order, such as `DESC`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// The property to order by. `InsertTime` is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl DescribeExportJobManageList {
    /// Creates the action with the service's default number and order of jobs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for the newest jobs first.
    #[must_use]
    pub fn newest_first(self) -> Self {
        Self { order: Some("DESC".into()), by: Some("InsertTime".into()), ..self }
    }
}

impl Action for DescribeExportJobManageList {
    const SERVICE: &'static str = SERVICE;
    const VERSION: &'static str = VERSION;
    const NAME: &'static str = "DescribeExportJobManageList";
    const READ_ONLY: bool = true;
    type Response = DescribeExportJobManageListResponse;
}

/// Some of the account's export jobs.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct DescribeExportJobManageListResponse {
    /// The number of jobs of the account; `None` if the service sent no readable number.
    pub total_count: Option<u64>,
    /// The jobs, one for each element of the service's list, so they can be counted for the offset.
    /// Null or no list means no jobs. Another JSON type or a second list is an error, because it
    /// does not show whether the account has jobs.
    pub jobs: Vec<ExportJobInfo>,
}

impl FromResponse for DescribeExportJobManageListResponse {
    fn read(response: &mut ResponseObject<'_, '_>) -> Result<Self, ResponseErrorKind> {
        let [total_count, list] = response.values_of(["TotalCount", "List"])?;
        let jobs = match list.sole()? {
            None => Vec::new(),
            Some(list) => {
                let jobs = list.elements().ok_or(ResponseErrorKind::Unexpected)?;
                jobs.map(ExportJobInfo::read).collect()
            }
        };
        Ok(Self { total_count: total_count.value().and_then(Json::number), jobs })
    }
}

/// One export job in a list.
///
/// A field is `None` if the service sent null, nothing, an empty text, another JSON type or several
/// values. All are empty if the element is not an object. In a text for people, U+FFFD replaces
/// undecodable bytes. An id or a status with such bytes is empty.
///
/// Service page: [data types](https://www.tencentcloud.com/document/product/1163/52928).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ExportJobInfo {
    /// The id of the job.
    pub job_id: Option<JobId>,
    /// The name of the job.
    pub name: Option<String>,
    /// The source of the exported data.
    pub source: Option<String>,
    /// The status of the job.
    pub status: ExportStatus,
    /// The progress in percent.
    pub progress: Option<f64>,
    /// Why the job failed.
    pub failure_message: Option<String>,
    /// When the job times out, in the service's format.
    pub timeout: Option<String>,
    /// When the job was created, as `YYYY-MM-DD hh:mm:ss` in an unnamed time zone.
    pub insert_time: Option<String>,
}

impl ExportJobInfo {
    fn read(json: Json<'_>) -> Self {
        const NAMES: [&str; 8] = [
            "JobID",
            "JobName",
            "Source",
            "ExportStatus",
            "ExportProgress",
            "FailureMsg",
            "Timeout",
            "InsertTime",
        ];
        let [id, name, source, status, percent, message, timeout, insert_time] =
            json.values_of(NAMES).map(Member::value);
        Self {
            job_id: id.and_then(job_id),
            name: name.and_then(Json::text),
            source: source.and_then(Json::text),
            status: status.map(ExportStatus::read).unwrap_or_default(),
            progress: percent.and_then(Json::progress),
            failure_message: message.and_then(Json::text),
            timeout: timeout.and_then(Json::text),
            insert_time: insert_time.and_then(Json::text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Reader;

    fn job(json: &str) -> ExportJobInfo {
        ExportJobInfo::read(Reader::new(json.as_bytes()).value().unwrap())
    }

    #[test]
    fn an_element_that_is_not_an_object_is_a_job_without_any_value() {
        for json in ["null", "1", r#""4711""#, r#"["4711","name"]"#, "{}"] {
            let nothing = ExportJobInfo {
                job_id: None,
                name: None,
                source: None,
                status: ExportStatus::Unknown(String::new()),
                progress: None,
                failure_message: None,
                timeout: None,
                insert_time: None,
            };
            assert_eq!(job(json), nothing, "{json}");
        }
    }
}
