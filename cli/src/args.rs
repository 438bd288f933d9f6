//! The commands, their arguments and their help.

mod common;
mod help;
mod hint;
mod options;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{ArgAction, Args as Group, Parser, Subcommand};
use clap_complete::Shell;
use tcss_export::{JobId, signing::Timestamp};
use tcss_export_testkit::{CreateFaults, DownloadFaults, Script};

pub(crate) use self::common::Common;
pub(crate) use self::hint::hint;
pub(crate) use self::options::{Export, Job, Save, Timing, not_a_url};
use self::options::{Source, file, page, port, positive, time, timestamp, whole};
use crate::{output::Output, shell::CommandOption};

const COMPARE: &str = "Compares the signature of the request in this file, as another program \
    printed it; - is stdin.";

#[derive(Debug, Parser)]
#[command(
    name = "tcss-export",
    version,
    about = "Creates and downloads exports of Tencent Container Security Service.",
    after_help = help::MORE_OF_ALL,
    after_long_help = help::PROGRAM,
    max_term_width = 100,
    subcommand_value_name = "COMMAND",
    arg_required_else_help = true,
    args_override_self = true,
    disable_help_subcommand = true,
    disable_help_flag = true,
    disable_version_flag = true
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    // These come after the options of a command.
    #[arg(long, global = true, display_order = 100, hide_short_help = true)]
    #[arg(help = "Prints results and errors as JSON.")]
    json: bool,
    #[arg(long, global = true, display_order = 101, hide_short_help = true)]
    #[arg(help = "Prints no progress, only results and errors.")]
    quiet: bool,
    #[arg(long, short, global = true, display_order = 102, hide_short_help = true)]
    #[arg(action = ArgAction::Help, help = "Prints this help; -h prints a summary.")]
    help: Option<bool>,
    #[arg(long, short = 'V', display_order = 103, hide_short_help = true)]
    #[arg(action = ArgAction::Version, help = "Prints the version.")]
    version: Option<bool>,
}

// The two options of a type would make these wider than a terminal.
const CREATE_USAGE: &str = "tcss-export create [OPTIONS] --asset-type <TYPE> <--all|--id <N>>";
const RUN_USAGE: &str = "tcss-export run [OPTIONS] --asset-type <TYPE> <--all|--id <N>> -o <FILE>";

#[derive(Debug, Subcommand)]
#[command(mut_subcommands = |command| command.after_help(help::MORE))]
pub(crate) enum Command {
    #[command(about = "Creates a job and prints its id.", after_long_help = help::CREATE)]
    #[command(override_usage = CREATE_USAGE)]
    Create(Create),
    #[command(about = "Lists the export jobs of the account.", after_long_help = help::JOBS)]
    Jobs(Jobs),
    #[command(about = "Prints the current status of a job.", after_long_help = help::RESULT)]
    Result(JobResult),
    #[command(about = "Waits until the file of a job is ready.", after_long_help = help::WAIT)]
    Wait(Wait),
    #[command(about = "Waits for a job and downloads its file, or downloads from a URL.")]
    #[command(after_long_help = help::DOWNLOAD)]
    Download(Download),
    #[command(about = "Creates a job, waits for it and downloads its file.")]
    #[command(after_long_help = help::RUN, override_usage = RUN_USAGE)]
    Run(Run),
    #[command(about = "Replays a recorded wait and checks each decision; needs no keys.")]
    #[command(after_long_help = help::REPLAY)]
    Replay(Replay),
    #[command(about = "Prints the signed request without sending it.")]
    #[command(after_long_help = help::SIGN)]
    Sign(Sign),
    #[command(about = "Prints what is signed, or compares another program's request.")]
    #[command(after_long_help = help::EXPLAIN)]
    #[command(override_usage = "tcss-export explain [OPTIONS] <JOB_ID | --compare <FILE>>")]
    Explain(Explain),
    #[command(about = "Shows which key is used and where it comes from.")]
    #[command(after_long_help = help::CREDENTIALS)]
    Credentials(Credentials),
    #[command(about = "Checks whether a run will work, without creating a job.")]
    #[command(after_long_help = help::CHECK)]
    Check(Check),
    #[command(about = "Runs a local test service until it is stopped.")]
    #[command(after_long_help = help::SERVE)]
    Serve(Serve),
    #[command(about = "Shows a whole export on a test service; needs no keys.")]
    #[command(after_long_help = help::DEMO)]
    Demo,
    #[command(about = "Prints the script that completes commands in a shell.")]
    #[command(after_long_help = help::COMPLETIONS)]
    Completions {
        #[arg(value_name = "SHELL", help = "The shell that reads the script.")]
        shell: Shell,
    },
    #[command(about = "Writes the man pages to a folder.", after_long_help = help::MAN)]
    Man {
        #[arg(value_name = "FOLDER", help = "The folder, which is created if it is missing.")]
        folder: PathBuf,
    },
    #[command(about = "Prints this help or the help of a command.")]
    #[command(after_long_help = help::HELP)]
    Help {
        #[arg(value_name = "COMMAND", help = "The command to describe.")]
        command: Option<String>,
    },
}

#[derive(Debug, Group)]
pub(crate) struct Create {
    #[command(flatten)]
    pub(crate) export: Export,
    #[arg(long, value_name = "TIME", value_parser = time, allow_negative_numbers = true)]
    #[arg(help = "Repeats a create that had no effect for this long; 30 minutes by default.")]
    pub(crate) timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Group)]
pub(crate) struct JobResult {
    #[command(flatten)]
    pub(crate) job: Job,
    #[arg(long, value_name = "TIME", value_parser = time, allow_negative_numbers = true)]
    #[arg(help = "Repeats a failed request for this long; by default not at all.")]
    pub(crate) timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Group)]
pub(crate) struct Credentials {
    #[arg(long, help = "Asks STS whose key it is.")]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Group)]
pub(crate) struct Check {
    #[arg(long, short = 'o', value_name = "FILE", value_parser = file())]
    #[arg(help = "Also checks this output file, with {date} as for run.")]
    pub(crate) output: Option<PathBuf>,
    #[arg(long, requires = "output", help = "Allows the output file to exist.")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Group)]
pub(crate) struct Jobs {
    #[arg(long, help = "Filters by status: RUNNING, SUCCESS, FAILURE or other.")]
    pub(crate) status: Option<String>,
    #[arg(long, value_name = "N", value_parser = page, allow_negative_numbers = true)]
    #[arg(help = "Shows at most N jobs, 1 to 100; the default is 10.")]
    pub(crate) limit: Option<u64>,
    #[arg(long, value_name = "N", value_parser = whole, allow_negative_numbers = true)]
    #[arg(help = "Skips N jobs.")]
    pub(crate) offset: Option<u64>,
    #[arg(long, value_name = "TIME", value_parser = time, allow_negative_numbers = true)]
    #[arg(help = "Repeats a failed request for this long; by default not at all.")]
    pub(crate) timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Group)]
pub(crate) struct Wait {
    #[command(flatten)]
    pub(crate) job: Job,
    #[command(flatten)]
    pub(crate) timing: Timing,
    #[arg(long, help = "Prints each event as a line of JSON; implies --json.")]
    pub(crate) events: bool,
    #[arg(long, value_name = "WHAT", value_parser = ["url"], hide_possible_values = true)]
    #[arg(help = "Prints only the URL of the file, with --print url; not with --json.")]
    pub(crate) print: Option<String>,
    #[arg(long, value_name = "FILE")]
    #[arg(help = "Records what happens, for replay and bug reports.")]
    pub(crate) record: Option<PathBuf>,
    #[arg(long, requires = "record", hide_short_help = true)]
    #[arg(help = "Lets --record replace an existing file.")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Group)]
pub(crate) struct Replay {
    #[arg(value_name = "FILE", help = "The file that wait --record wrote; - is stdin.")]
    pub(crate) file: PathBuf,
    #[arg(long, value_name = "FILE")]
    #[arg(help = "Draws the wait as a picture in this file, as SVG; - is stdout.")]
    pub(crate) svg: Option<PathBuf>,
    #[arg(long, requires = "svg", hide_short_help = true)]
    #[arg(help = "Lets --svg replace an existing file.")]
    pub(crate) force: bool,
}

#[derive(Debug, Group)]
pub(crate) struct Download {
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) save: Save,
    #[command(flatten)]
    pub(crate) timing: Timing,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Group)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) export: Export,
    #[command(flatten)]
    pub(crate) save: Save,
    #[command(flatten)]
    pub(crate) timing: Timing,
    #[arg(long, value_name = "FILE", help = "Records the export, for a later run to continue.")]
    pub(crate) state: Option<PathBuf>,
    #[arg(long, requires = "state", hide_short_help = true)]
    #[arg(help = "Starts another export if the last one is complete.")]
    pub(crate) again: bool,
    #[arg(long, value_name = "JOB_ID", requires = "state", hide_short_help = true)]
    #[arg(conflicts_with_all = ["adopt_single", "create_anew"])]
    #[arg(help = "Continues with this job, whose id a killed run did not receive.")]
    pub(crate) adopt: Option<JobId>,
    #[arg(long, requires = "state", conflicts_with = "create_anew", hide_short_help = true)]
    #[arg(help = "Adopts the new job without --adopt if there is exactly one.")]
    pub(crate) adopt_single: bool,
    #[arg(long, requires = "state", hide_short_help = true)]
    #[arg(help = "Creates another job instead of continuing with the last one.")]
    pub(crate) create_anew: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Group)]
pub(crate) struct Explain {
    #[command(flatten)]
    pub(crate) job: Option<Job>,
    #[command(flatten)]
    pub(crate) time: Time,
    #[arg(long, value_name = "FILE", conflicts_with = "job_id", help = COMPARE)]
    pub(crate) compare: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// The time of a signature.
#[derive(Debug, Group)]
pub(crate) struct Time {
    #[arg(long, value_name = "UNIX", value_parser = timestamp, allow_negative_numbers = true)]
    #[arg(help = "Signs for this time, in seconds since 1970.")]
    pub(crate) timestamp: Option<Timestamp>,
}

#[derive(Debug, Group)]
pub(crate) struct Sign {
    #[arg(long, help = "Shows the signature and the token, otherwise masked.")]
    pub(crate) reveal: bool,
    #[command(flatten)]
    pub(crate) job: Job,
    #[command(flatten)]
    pub(crate) time: Time,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Group)]
pub(crate) struct Serve {
    #[arg(long, default_value_t = 0, value_parser = port, allow_negative_numbers = true)]
    #[arg(help = "Listens on this port; 0 picks a free one.")]
    pub(crate) port: u16,
    #[arg(long, help = "Listens on ::1 in place of 127.0.0.1.")]
    pub(crate) ipv6: bool,
    #[arg(long, value_name = "N", value_parser = positive, allow_negative_numbers = true)]
    #[arg(help = "Accepts at most N requests of an action in any second.")]
    pub(crate) limit: Option<u64>,
    #[arg(long, value_name = "STEPS", default_value_t)]
    #[arg(help = "Sets the answers about each job, request by request.")]
    pub(crate) script: Script,
    #[arg(long, value_name = "LIST", default_value_t, hide_default_value = true)]
    #[arg(help = "Sets what goes wrong with each create, in order.")]
    pub(crate) create_faults: CreateFaults,
    #[arg(long, value_name = "PATH", help = "Serves this file as the result of each job.")]
    pub(crate) file: Option<PathBuf>,
    #[arg(long, value_name = "LIST", default_value_t, hide_default_value = true)]
    #[arg(requires = "file")]
    #[arg(help = "Sets what goes wrong with each download, in order.")]
    pub(crate) download_faults: DownloadFaults,
}

impl Args {
    pub(crate) fn output(&self) -> Output {
        let is_for_file = |save: &Save| save.path().is_none();
        Output {
            json: self.json || matches!(&self.command, Command::Wait(wait) if wait.events),
            quiet: self.quiet,
            results_on_stderr: match &self.command {
                Command::Download(download) => is_for_file(&download.save),
                Command::Run(run) => is_for_file(&run.save),
                // Stdout is for the URL; a failed job has none.
                Command::Wait(wait) => wait.print.is_some(),
                Command::Replay(replay) => replay.svg_is_stdout(),
                _ => false,
            },
        }
    }
}

impl Replay {
    pub(crate) fn svg_is_stdout(&self) -> bool {
        self.svg.as_deref() == Some(Path::new("-"))
    }
}

impl Run {
    /// Returns the command that continues after a fault, and its options.
    pub(crate) fn continuing(&self) -> (&'static str, Vec<CommandOption>) {
        let mut options =
            [self.save.options(), self.timing.options(), self.common.options()].concat();
        let Some(state) = &self.state else { return ("download", options) };
        options.splice(0..0, self.export.options());
        options.push(("--state", Some(state.to_string_lossy().into_owned())));
        options.push(("--adopt-single", self.adopt_single.then(String::new)));
        ("run", options)
    }
}

impl Command {
    /// Returns the options of a command that asks the service.
    pub(crate) const fn common(&self) -> Option<&Common> {
        Some(match self {
            Self::Create(args) => &args.common,
            Self::Jobs(args) => &args.common,
            Self::Result(args) => &args.common,
            Self::Wait(args) => &args.common,
            Self::Download(args) => &args.common,
            Self::Run(args) => &args.common,
            Self::Sign(args) => &args.common,
            Self::Explain(args) => &args.common,
            Self::Credentials(args) => &args.common,
            Self::Check(args) => &args.common,
            Self::Replay(_)
            | Self::Serve(_)
            | Self::Demo
            | Self::Completions { .. }
            | Self::Man { .. }
            | Self::Help { .. } => return None,
        })
    }
}
