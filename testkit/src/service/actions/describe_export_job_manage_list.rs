use serde_json::{Value, json};

use super::parameters::{Filter, Parameters, invalid};
use crate::calendar::date_time;
use crate::service::fault::Fault;

const DEFAULT_LIMIT: u64 = 10;
const MOST: u64 = 100;
/// How long a listed job is said to be kept, in seconds.
const KEPT: i64 = 24 * 60 * 60;

/// Which jobs a call asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    filters: Vec<Filter>,
    offset: usize,
    limit: usize,
    oldest_first: bool,
}

/// A job that was created here, as far as it is.
pub(in crate::service) struct ListedJob<'a> {
    pub(in crate::service) job_id: &'a str,
    pub(in crate::service) asset_type: &'a str,
    pub(in crate::service) status: &'a str,
    pub(in crate::service) progress: f64,
    pub(in crate::service) message: &'a str,
    /// When it was created, in unix seconds.
    pub(in crate::service) created: i64,
}

impl Listing {
    pub(super) fn read(body: &[u8]) -> Result<Self, Fault> {
        let mut parameters = Parameters::read(body)?;
        let filters = parameters.filters()?;
        let offset = parameters.optional_number("Offset")?.unwrap_or_default();
        let limit = parameters.optional_number("Limit")?.unwrap_or(DEFAULT_LIMIT);
        let order = parameters.optional_text("Order")?.unwrap_or_default();
        let by = parameters.optional_text("By")?;
        parameters.end()?;
        if limit > MOST {
            return Err(invalid("expected a Limit of at most 100"));
        }
        if by.is_some_and(|by| by != "InsertTime") {
            return Err(invalid("expected By as InsertTime"));
        }
        if filters.iter().any(|filter| !["ExportStatus", "ExportSource"].contains(&&*filter.name)) {
            return Err(invalid("expected filters by ExportStatus or ExportSource"));
        }
        let size = |number| usize::try_from(number).unwrap_or(usize::MAX);
        let oldest_first = order.eq_ignore_ascii_case("asc");
        Ok(Self { filters, offset: size(offset), limit: size(limit), oldest_first })
    }

    fn holds(&self, job: &ListedJob<'_>) -> bool {
        self.filters.iter().all(|filter| {
            let text = if filter.name == "ExportStatus" { job.status } else { job.asset_type };
            filter.values.iter().any(|value| value == text)
        })
    }
}

/// Returns the members of a good answer about these jobs, which come in the order of creation.
pub(in crate::service) fn list(listing: &Listing, jobs: &[ListedJob<'_>]) -> Value {
    let mut held: Vec<_> = jobs.iter().filter(|job| listing.holds(job)).collect();
    if !listing.oldest_first {
        held.reverse();
    }
    let page = held.iter().skip(listing.offset).take(listing.limit);
    json!({ "TotalCount": held.len(), "List": page.map(|job| info(job)).collect::<Vec<_>>() })
}

fn info(job: &ListedJob<'_>) -> Value {
    json!({
        "JobID": job.job_id,
        "JobName": format!("made-up export {}", job.job_id),
        "Source": job.asset_type,
        "ExportStatus": job.status,
        // A whole number here, other than in DescribeExportJobResult.
        "ExportProgress": job.progress as i64,
        "FailureMsg": job.message,
        "Timeout": date_time(job.created.saturating_add(KEPT)),
        "InsertTime": date_time(job.created),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(body: &str) {
        let code = Listing::read(body.as_bytes()).expect_err(body).code;
        assert_eq!(code, "InvalidParameter");
    }

    #[test]
    fn a_call_may_ask_for_nothing_special() {
        let expected = Listing { filters: Vec::new(), offset: 0, limit: 10, oldest_first: false };
        assert_eq!(Listing::read(b"{}"), Ok(expected));
    }

    #[test]
    fn more_than_the_documented_most_is_an_invalid_parameter() {
        refused(r#"{"Limit":101}"#);
    }

    #[test]
    fn a_negative_offset_is_an_invalid_parameter() {
        refused(r#"{"Offset":-1}"#);
    }

    #[test]
    fn a_filter_nobody_knows_is_an_invalid_parameter() {
        refused(r#"{"Filters":[{"Name":"JobName","Values":["x"]}]}"#);
    }

    #[test]
    fn an_order_by_something_else_is_an_invalid_parameter() {
        refused(r#"{"By":"JobName"}"#);
    }
}
