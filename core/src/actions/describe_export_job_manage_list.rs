use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::value::RawValue;

use super::{Action, ExportStatus, JobId, RunTimeFilter, SERVICE, VERSION};
use crate::text::{json_count, json_progress, nonempty_text};

/// Lists the export jobs of the account.
///
/// It is also how to find a job whose creation gave no usable answer:
/// [`newest_first`](Self::newest_first), then compare [`ExportJobInfo::insert_time`] with the time
/// of the request.
///
/// Service page:
/// [DescribeExportJobManageList](https://www.tencentcloud.com/document/product/1163/53215).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeExportJobManageList {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    filters: Vec<RunTimeFilter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
}

impl DescribeExportJobManageList {
    /// Creates the question for the first jobs, in the service's own number and order.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for the newest jobs first.
    #[must_use]
    pub fn newest_first(self) -> Self {
        self.with_by("InsertTime").with_order("DESC")
    }

    /// Sets the conditions on the jobs: the service knows the names `ExportStatus` and
    /// `ExportSource`.
    #[must_use]
    pub fn with_filters(mut self, filters: impl IntoIterator<Item = RunTimeFilter>) -> Self {
        self.filters = Vec::from_iter(filters);
        self
    }

    /// Sets how many jobs are passed over.
    #[must_use]
    pub const fn with_offset(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    /// Sets how many jobs are listed at most: the service takes 100, and 10 unless told.
    #[must_use]
    pub const fn with_limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Sets the direction of the order, such as `DESC`.
    #[must_use]
    pub fn with_order(mut self, order: impl Into<String>) -> Self {
        self.order = Some(order.into());
        self
    }

    /// Sets what is ordered by: the service knows `InsertTime`.
    #[must_use]
    pub fn with_by(mut self, by: impl Into<String>) -> Self {
        self.by = Some(by.into());
        self
    }
}

impl Action for DescribeExportJobManageList {
    const SERVICE: &'static str = SERVICE;
    const VERSION: &'static str = VERSION;
    const NAME: &'static str = "DescribeExportJobManageList";
    type Response = DescribeExportJobManageListResponse;
}

/// A part of the account's export jobs.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DescribeExportJobManageListResponse {
    /// How many jobs there are, these and others; `None` when the service sent no readable number.
    pub total_count: Option<u64>,
    /// The jobs, one for each element of the service's list, so that offsets can be counted by
    /// them. A list that is null or absent has none; one of another JSON type is no answer of this
    /// action, as it could not be told from an account without jobs.
    pub jobs: Vec<ExportJobInfo>,
}

/// What the service tells about one export job.
///
/// Any member but the status is `None` when the service sent null, nothing, an empty text or a
/// value of another JSON type; none of these hides the other members. An element of the list that
/// is no object, or has a member twice, is a job of which nothing is known.
///
/// Service page: [data types](https://www.tencentcloud.com/document/product/1163/52928).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ExportJobInfo {
    /// The id of the job.
    pub job_id: Option<JobId>,
    /// The name of the job.
    pub name: Option<String>,
    /// What was exported.
    pub source: Option<String>,
    /// How the job stands.
    pub status: ExportStatus,
    /// How much is done, in percent, as the service says it.
    pub progress: Option<f64>,
    /// Why the job failed.
    pub failure_message: Option<String>,
    /// When the job times out, as the service writes it.
    pub timeout: Option<String>,
    /// When the job was created, as the service writes it: `YYYY-MM-DD hh:mm:ss`, in a time zone
    /// that it does not name.
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

/// The members of an element of the list as the service names them, each of any JSON type.
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
        // An array would be read as members in their order.
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
    fn what_is_no_object_is_a_job_of_which_nothing_is_known() {
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
