use serde::Serialize;
use tcss_export::{
    DescribeExportJobManageList, DescribeExportJobManageListResponse, ExportJobInfo, JobId,
    RunTimeFilter, text::printable, ureq::Client,
};

use crate::{
    args::{self, Common},
    ending::Ending,
    failure::{Failure, hints},
    keys,
    sending::send,
    terminal::{masking::masked, output::Output},
    wait::{decision, status::percent},
};

const TITLES: [&str; 5] = ["JOB ID", "STATUS", "PROGRESS", "CREATED", "NAME"];

/// A part of the account's jobs; what the service says in its own words is masked.
#[derive(Serialize)]
struct List<'a> {
    total_count: Option<u64>,
    jobs: Vec<Row<'a>>,
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Row<'a> {
    job_id: Option<&'a str>,
    name: Option<String>,
    source: Option<String>,
    status: Option<&'a str>,
    progress: Option<f64>,
    failure_message: Option<String>,
    timeout: Option<&'a str>,
    insert_time: Option<&'a str>,
}

pub(super) fn run(args: &args::Jobs, common: &Common, output: &Output) -> Result<Ending, Failure> {
    let client = Client::new(common.session()?, keys::credentials()?);
    let corrected = |offset| output.progress(&decision::corrected(offset));
    let answer = send(&client, &action(args), corrected);
    let answer =
        answer.map_err(|error| Failure::from(error).instead_of_job_id(hints::WRONG_LIST))?;
    let list = List::new(&answer.response, answer.request_id.as_deref());
    output.result(&list, || list.text(args.offset.unwrap_or_default()))?;
    Ok(Ending::Done)
}

fn action(args: &args::Jobs) -> DescribeExportJobManageList {
    let mut action = DescribeExportJobManageList::new().newest_first();
    if let Some(status) = &args.status {
        action.filters = vec![RunTimeFilter::new("ExportStatus", [known(status)])];
    }
    (action.limit, action.offset) = (args.limit, args.offset);
    action
}

/// Returns the service's spelling of a status that it knows.
fn known(status: &str) -> &str {
    let statuses = ["RUNNING", "SUCCESS", "FAILURE"];
    statuses.into_iter().find(|known| known.eq_ignore_ascii_case(status)).unwrap_or(status)
}

impl<'a> List<'a> {
    fn new(response: &'a DescribeExportJobManageListResponse, request_id: Option<&'a str>) -> Self {
        let jobs = response.jobs.iter().map(Row::new).collect();
        Self { total_count: response.total_count, jobs, request_id }
    }

    fn text(&self, offset: u64) -> String {
        if self.jobs.is_empty() {
            return self.none_after(offset);
        }
        let titles = TITLES.map(str::to_owned);
        let mut lines = table(&[&[titles], &*self.rows()].concat()).into_iter();
        let mut text = lines.next().unwrap_or_default();
        for (line, job) in lines.zip(&self.jobs) {
            text += &line;
            text += &job.failure();
        }
        let end = offset.saturating_add(self.jobs.len() as u64);
        if let Some(total) = self.total_count.filter(|total| *total > end) {
            text += &format!("{end} of {total} jobs; for more use --offset {end}\n");
        }
        text
    }

    /// Says that there are none, and that there are others if they were skipped.
    fn none_after(&self, offset: u64) -> String {
        match self.total_count {
            total if offset == 0 || total == Some(0) => "no jobs\n".to_owned(),
            None => format!("no jobs after the first {offset}\n"),
            Some(total) => format!("no jobs after the first {offset}; there are {total} in all\n"),
        }
    }

    fn rows(&self) -> Vec<[String; TITLES.len()]> {
        self.jobs.iter().map(Row::cells).collect()
    }
}

impl<'a> Row<'a> {
    fn new(job: &'a ExportJobInfo) -> Self {
        let status = job.status.as_str();
        Self {
            job_id: job.job_id.as_ref().map(JobId::as_str),
            name: job.name.as_deref().map(masked),
            source: job.source.as_deref().map(masked),
            status: (!status.is_empty()).then_some(status),
            progress: job.progress,
            failure_message: job.failure_message.as_deref().map(masked),
            timeout: job.timeout.as_deref(),
            insert_time: job.insert_time.as_deref(),
        }
    }

    fn cells(&self) -> [String; TITLES.len()] {
        let text = |text: Option<&str>| text.unwrap_or("-").to_owned();
        let progress = self.progress.map(percent);
        [
            text(self.job_id),
            masked(self.status.unwrap_or("-")),
            text(progress.as_deref()),
            text(self.insert_time),
            text(self.name.as_deref()),
        ]
        .map(|cell| printable(&cell).to_string())
    }

    /// Says why a job has failed, in a line of its own: it may be long.
    fn failure(&self) -> String {
        let message = self.failure_message.as_deref().unwrap_or_default();
        match message.trim().is_empty() {
            true => String::new(),
            false => format!("  {}\n", printable(message)),
        }
    }
}

/// Lines up columns of cells, save the last one.
fn table<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or_default());
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}  "));
        format!("{}\n", cells.collect::<String>().trim_end())
    };
    rows.iter().map(line).collect()
}
