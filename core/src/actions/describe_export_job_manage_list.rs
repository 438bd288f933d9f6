use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::{Action, ExportStatus, JobId, RunTimeFilter, SERVICE, VERSION, lenient_job_id};
use crate::text::{lenient_number, lenient_progress, lenient_text};

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
    type Response = DescribeExportJobManageListResponse;
}

/// Some of the account's export jobs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct DescribeExportJobManageListResponse {
    /// The number of jobs of the account; `None` if the service sent no readable number.
    #[serde(rename = "TotalCount", deserialize_with = "lenient_number")]
    pub total_count: Option<u64>,
    /// The jobs, one for each element of the service's list, so they can be counted for the offset.
    /// Null or no list means no jobs; another JSON type is an error, since it does not show whether
    /// the account has jobs.
    #[serde(rename = "List", deserialize_with = "jobs")]
    pub jobs: Vec<ExportJobInfo>,
}

/// One export job in a list.
///
/// A field is `None` if the service sent null, nothing, an empty text or another JSON type. All are
/// empty if the element is not an object or repeats a member.
///
/// Service page: [data types](https://www.tencentcloud.com/document/product/1163/52928).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[non_exhaustive]
pub struct ExportJobInfo {
    /// The id of the job.
    #[serde(rename = "JobID", deserialize_with = "lenient_job_id")]
    pub job_id: Option<JobId>,
    /// The name of the job.
    #[serde(rename = "JobName", deserialize_with = "lenient_text")]
    pub name: Option<String>,
    /// The source of the exported data.
    #[serde(deserialize_with = "lenient_text")]
    pub source: Option<String>,
    /// The status of the job.
    #[serde(rename = "ExportStatus", deserialize_with = "ExportStatus::lenient")]
    pub status: ExportStatus,
    /// The progress in percent.
    #[serde(rename = "ExportProgress", deserialize_with = "lenient_progress")]
    pub progress: Option<f64>,
    /// Why the job failed.
    #[serde(rename = "FailureMsg", deserialize_with = "lenient_text")]
    pub failure_message: Option<String>,
    /// When the job times out, in the service's format.
    #[serde(deserialize_with = "lenient_text")]
    pub timeout: Option<String>,
    /// When the job was created, as `YYYY-MM-DD hh:mm:ss` in an unnamed time zone.
    #[serde(deserialize_with = "lenient_text")]
    pub insert_time: Option<String>,
}

fn jobs<'de, D: Deserializer<'de>>(json: D) -> Result<Vec<ExportJobInfo>, D::Error> {
    let list = Option::<Vec<&RawValue>>::deserialize(json)?;
    Ok(list.unwrap_or_default().into_iter().map(ExportJobInfo::from_json).collect())
}

impl ExportJobInfo {
    fn from_json(json: &RawValue) -> Self {
        // serde would read an array as members in order.
        let object = Some(json.get()).filter(|json| json.starts_with('{'));
        object.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(json: &str) -> ExportJobInfo {
        ExportJobInfo::from_json(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn an_element_that_is_not_an_object_is_a_job_without_any_value() {
        let twice = r#"{"JobID":"1","JobID":"2"}"#;
        for json in ["null", "1", r#""4711""#, r#"["4711","name"]"#, "{}", twice] {
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
