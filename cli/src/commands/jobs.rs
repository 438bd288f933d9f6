//! The command `jobs`: the export jobs of the account as a table, or as blocks on a terminal that
//! is too narrow for it.

use console::{Term, measure_text_width};
use serde::Serialize;
use tcss_export::{
    actions::{DescribeExportJobManageList, ExportJobInfo, RunTimeFilter},
    core::text::printable,
};

use crate::{
    args::{self, Common},
    client::{client, repeating, send},
    error::{Error, Result},
    output::{Ending, Output},
    secrets::{masked, without_keys},
    text::{columns, percent, rows},
};

const TITLES: [&str; 5] = ["JOB ID", "STATUS", "PROGRESS", "CREATED", "NAME"];

/// A page of the account's jobs, with masked texts.
#[derive(Serialize)]
struct List {
    total_count: Option<u64>,
    jobs: Vec<Row>,
    request_id: Option<String>,
}

#[derive(Serialize)]
struct Row {
    job_id: Option<String>,
    name: Option<String>,
    source: Option<String>,
    status: Option<String>,
    progress: Option<f64>,
    failure_message: Option<String>,
    timeout: Option<String>,
    insert_time: Option<String>,
}

pub(crate) async fn jobs(args: &args::Jobs, common: &Common, output: &Output) -> Result<Ending> {
    let client = client(common, output).await?.with_policy(repeating(args.timeout));
    let answer = send(&client, &action(args), output).await;
    let answer = answer.map_err(|failure| {
        Error::from(failure).without_job_hint("check --status, --limit and --offset")
    })?;
    let list = List {
        total_count: answer.response.total_count,
        jobs: answer.response.jobs.iter().map(Row::new).collect(),
        request_id: answer.request_id.as_deref().map(without_keys),
    };
    let columns = columns(&Term::stdout());
    output.result(&list, || list.text(args.offset.unwrap_or_default(), columns))?;
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

/// Returns a known status in the service's spelling.
fn known(status: &str) -> &str {
    let statuses = ["RUNNING", "SUCCESS", "FAILURE"];
    statuses.into_iter().find(|known| known.eq_ignore_ascii_case(status)).unwrap_or(status)
}

impl List {
    /// Returns the text for a terminal with this number of columns.
    fn text(&self, offset: u64, columns: usize) -> String {
        match (self.jobs.len(), self.total_count) {
            (0, total) if offset == 0 || total == Some(0) => return "no jobs\n".to_owned(),
            (0, None) => return format!("no jobs after the first {offset}\n"),
            (0, Some(total)) => {
                return format!("no jobs after the first {offset}; there are {total} in all\n");
            }
            _ => {}
        }
        let rows = [TITLES.map(str::to_owned)].into_iter().chain(self.jobs.iter().map(Row::cells));
        let lines = table(&rows.collect::<Vec<_>>());
        let fits = lines.iter().all(|line| measure_text_width(line.trim()) <= columns);
        let mut text = match fits {
            true => self.with_messages(lines),
            false => self.jobs.iter().map(Row::block).collect(),
        };
        let end = offset.saturating_add(self.jobs.len() as u64);
        if let Some(total) = self.total_count.filter(|total| *total > end) {
            text += &format!("{end} of {total} jobs; for more use --offset {end}\n");
        }
        text
    }

    /// Adds why a job failed to the lines of the table.
    fn with_messages(&self, lines: Vec<String>) -> String {
        let mut lines = lines.into_iter();
        let mut text = lines.next().unwrap_or_default();
        for (line, job) in lines.zip(&self.jobs) {
            text += &line;
            if let Some(message) = job.message() {
                // On a separate line, because it may be long.
                text += &format!("  {}\n", printable(message));
            }
        }
        text
    }
}

impl Row {
    fn new(job: &ExportJobInfo) -> Self {
        let status = job.status.as_str();
        Self {
            job_id: job.job_id.as_ref().map(|id| without_keys(id.as_str())),
            name: job.name.as_deref().map(masked),
            source: job.source.as_deref().map(masked),
            status: (!status.is_empty()).then(|| masked(status)),
            progress: job.progress,
            failure_message: job.failure_message.as_deref().map(masked),
            timeout: job.timeout.as_deref().map(masked),
            insert_time: job.insert_time.as_deref().map(masked),
        }
    }

    /// Returns why the job failed.
    fn message(&self) -> Option<&str> {
        self.failure_message.as_deref().filter(|message| !message.trim().is_empty())
    }

    /// Returns a line with the whole id, which people copy, and a line for each of the others.
    fn block(&self) -> String {
        let others = [
            ("status", self.status.clone()),
            ("progress", self.progress.map(percent)),
            ("created", self.insert_time.clone()),
            ("name", self.name.clone()),
            ("message", self.message().map(str::to_owned)),
        ];
        let id = printable(self.job_id.as_deref().unwrap_or("-"));
        format!("{id}\n{}", rows("  ", &others))
    }

    fn cells(&self) -> [String; TITLES.len()] {
        let progress = self.progress.map(percent);
        [&self.job_id, &self.status, &progress, &self.insert_time, &self.name]
            .map(|cell| printable(cell.as_deref().unwrap_or("-")).to_string())
    }
}

/// Aligns the columns of a table, except for the last one.
fn table<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or_default());
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}  "));
        format!("{}\n", cells.collect::<String>().trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the text about two jobs; their table has 90 columns.
    fn text(columns: usize) -> String {
        let job = |id: &str, name: &str, failure_message: Option<&str>| Row {
            job_id: Some(id.repeat(36)),
            name: Some(name.to_owned()),
            source: None,
            status: Some("FAILURE".to_owned()),
            progress: None,
            failure_message: failure_message.map(str::to_owned),
            timeout: None,
            insert_time: Some("2026-01-02 00:00:00".to_owned()),
        };
        let jobs = vec![job("a", "合规检测导出", Some(&"why ".repeat(30))), job("b", "n", None)];
        List { total_count: Some(3), jobs, request_id: None }.text(0, columns)
    }

    #[test]
    fn a_table_that_fits_stays_a_table() {
        assert!(text(usize::MAX).starts_with("JOB ID "));
        assert_eq!(text(90), text(usize::MAX));
    }

    #[test]
    fn on_a_narrower_terminal_each_job_is_a_block_with_its_whole_id() {
        let (a, b, why) = ("a".repeat(36), "b".repeat(36), "why ".repeat(30));
        let expected = format!(
            "{a}\n  status   FAILURE\n  created  2026-01-02 00:00:00\n  name     合规检测导出\n  \
             message  {why}\n{b}\n  status   FAILURE\n  created  2026-01-02 00:00:00\n  name     n\n\
             2 of 3 jobs; for more use --offset 2\n"
        );
        assert_eq!(text(89), expected);
    }
}
