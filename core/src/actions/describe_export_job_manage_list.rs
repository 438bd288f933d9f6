use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::value::RawValue;

use super::{Action, ExportStatus, JobId, RunTimeFilter, SERVICE, VERSION};
use crate::text::{json_count, json_progress, nonempty_text};

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
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DescribeExportJobManageListResponse {
    /// The number of jobs of the account; `None` if the service sent no readable number.
    pub total_count: Option<u64>,
    /// The jobs, one for each element of the service's list, so they can be counted for the offset.
    /// Null or no list means no jobs; another JSON type is an error, since it does not show whether
    /// the account has jobs.
    pub jobs: Vec<ExportJobInfo>,
}

/// One export job in a list.
///
/// A field is `None` if the service sent null, nothing, an empty text or another JSON type. All are
/// empty if the element is not an object or repeats a member.
///
/// Service page: [data types](https://www.tencentcloud.com/document/product/1163/52928).
#[derive(Clone, Debug, PartialEq)]
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

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members<'a> {
    #[serde(borrow)]
    total_count: Option<&'a RawValue>,
    #[serde(borrow)]
    list: Option<&'a RawValue>,
}

impl<'de> Deserialize<'de> for DescribeExportJobManageListResponse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = Members::deserialize(deserializer)?;
        let list = members.list.map_or("null", RawValue::get);
        let list: Option<Vec<&RawValue>> = serde_json::from_str(list).map_err(D::Error::custom)?;
        let jobs = list.unwrap_or_default().into_iter().map(ExportJobInfo::from_json).collect();
        Ok(Self { total_count: json_count(members.total_count), jobs })
    }
}

/// The members of an element of the list, each of any JSON type.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct JobMembers<'a> {
    #[serde(borrow, rename = "JobID")]
    job_id: Option<&'a RawValue>,
    #[serde(borrow)]
    job_name: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    export_status: Option<&'a RawValue>,
    #[serde(borrow)]
    export_progress: Option<&'a RawValue>,
    #[serde(borrow)]
    failure_msg: Option<&'a RawValue>,
    #[serde(borrow)]
    timeout: Option<&'a RawValue>,
    #[serde(borrow)]
    insert_time: Option<&'a RawValue>,
}

impl ExportJobInfo {
    fn from_json(json: &RawValue) -> Self {
        // serde would read an array as members in order.
        let object = Some(json.get()).filter(|json| json.starts_with('{'));
        let members = object.and_then(|json| serde_json::from_str(json).ok());
        let members: JobMembers<'_> = members.unwrap_or_default();
        Self {
            job_id: nonempty_text(members.job_id).and_then(|id| JobId::new(id).ok()),
            name: nonempty_text(members.job_name),
            source: nonempty_text(members.source),
            status: ExportStatus::from_json(members.export_status),
            progress: json_progress(members.export_progress),
            failure_message: nonempty_text(members.failure_msg),
            timeout: nonempty_text(members.timeout),
            insert_time: nonempty_text(members.insert_time),
        }
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
