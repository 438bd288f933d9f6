use clap::Args as Group;
use tcss_export::JobId;

use super::{Export, Pace, Save};

#[derive(Debug, Group)]
pub(crate) struct Download {
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) save: Save,
    #[command(flatten)]
    pub(crate) pace: Pace,
}

#[derive(Debug, Group)]
#[group(required = true, multiple = false)]
pub(crate) struct Source {
    #[arg(value_name = "JOB_ID", help = "The id of the job, as printed by create or jobs.")]
    pub(crate) job_id: Option<JobId>,
    // Read later and not by clap, whose error would show its secret query.
    #[arg(
        long,
        value_name = "URL",
        conflicts_with_all = ["timeout", "interval"],
        help = "Downloads from this URL; needs no keys. Put it in single quotes."
    )]
    pub(crate) url: Option<String>,
}

#[derive(Debug, Group)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) export: Export,
    #[command(flatten)]
    pub(crate) save: Save,
    #[command(flatten)]
    pub(crate) pace: Pace,
}
