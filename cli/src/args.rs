//! The arguments and their help.

mod help;

use std::{path::PathBuf, time::Duration};

use clap::{ArgAction, Args as Group, Parser, Subcommand};
use tcss_export::{Endpoint, JobId, Language, Session, signing::Timestamp};
use tcss_export_testkit::Script;

use self::help::{AFTER_DEMO, AFTER_HELP, AFTER_REPLAY, AFTER_RESULT, AFTER_SERVE, AFTER_WAIT};
use crate::failure::Failure;

const DEFAULT_SITE: &str = "international";

#[derive(Debug, Parser)]
#[command(
    name = "tcss-export",
    version,
    about = "Follows an export job of Tencent Container Security Service to its end.",
    after_help = AFTER_HELP,
    arg_required_else_help = true,
    args_override_self = true,
    disable_help_subcommand = true,
    disable_help_flag = true,
    disable_version_flag = true
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) common: Common,
    #[arg(long, short = 'V', action = ArgAction::Version, help = "Prints the version.")]
    version: Option<bool>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(about = "Asks once how far a job is.", after_help = AFTER_RESULT)]
    Result(Job),
    #[command(about = "Follows a job until its file is ready.", after_help = AFTER_WAIT)]
    Wait(Wait),
    #[command(
        about = "Shows what a recorded wait decided, and decides it again; needs no key.",
        after_help = AFTER_REPLAY
    )]
    Replay(Replay),
    #[command(about = "Shows the signed request and sends nothing.")]
    Sign(Sign),
    #[command(
        about = "Shows what is signed, to compare with the service's signature tool; needs no key."
    )]
    Explain(Explain),
    #[command(about = "Runs a test service on this machine until it is stopped.", after_help = AFTER_SERVE)]
    Serve(Serve),
    #[command(
        about = "Follows a made-up job on a test service; needs no key and no network.",
        after_help = AFTER_DEMO
    )]
    Demo,
}

#[derive(Debug, Group)]
pub(crate) struct Common {
    #[arg(
        long,
        global = true,
        value_name = "SITE",
        default_value = DEFAULT_SITE,
        help = "Names the site: international, mainland, a host or a URL."
    )]
    endpoint: String,
    #[arg(
        long,
        global = true,
        help = "Sends a region, such as ap-singapore; this service needs none."
    )]
    region: Option<String>,
    #[arg(
        long,
        global = true,
        value_name = "LANGUAGE",
        value_parser = language,
        help = "Asks for the service's messages in zh-CN or en-US."
    )]
    language: Option<Language>,
    #[arg(long, global = true, help = "Prints results and errors as JSON.")]
    pub(crate) json: bool,
    #[arg(long, global = true, help = "Prints no progress; results and errors stay.")]
    pub(crate) quiet: bool,
    #[arg(long, short, global = true, action = ArgAction::Help, help = "Prints this help.")]
    help: Option<bool>,
}

#[derive(Debug, Group)]
pub(crate) struct Job {
    #[arg(value_name = "JOB_ID", help = "Names the job, as the service did when it was created.")]
    pub(crate) job_id: JobId,
}

#[derive(Debug, Group)]
pub(crate) struct Wait {
    #[command(flatten)]
    pub(crate) job: Job,
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = seconds,
        allow_negative_numbers = true,
        help = "Gives up after this time; half an hour by default."
    )]
    pub(crate) timeout: Option<Duration>,
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = seconds,
        allow_negative_numbers = true,
        help = "Asks at this steady interval; by default it grows from 2 s to 15 s."
    )]
    pub(crate) interval: Option<Duration>,
    #[arg(long, help = "Prints each event as a line of JSON before the result; implies --json.")]
    pub(crate) events: bool,
    #[arg(
        long,
        value_name = "FILE",
        help = "Writes down all that happens, line by line, for replay and bug reports."
    )]
    pub(crate) record: Option<PathBuf>,
    #[arg(long, requires = "record", help = "Lets --record replace a file that exists.")]
    pub(crate) force: bool,
}

#[derive(Debug, Group)]
pub(crate) struct Replay {
    #[arg(value_name = "FILE", help = "Names the file that wait --record wrote; - is stdin.")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Group)]
pub(crate) struct Explain {
    #[command(flatten)]
    pub(crate) job: Job,
    #[arg(
        long,
        value_name = "UNIX",
        value_parser = timestamp,
        allow_negative_numbers = true,
        help = "Signs as of this time, in seconds since 1970; now by default."
    )]
    pub(crate) timestamp: Option<Timestamp>,
}

#[derive(Debug, Group)]
pub(crate) struct Sign {
    #[command(flatten)]
    pub(crate) what: Explain,
    #[arg(long, help = "Shows the signature and the token, which are masked otherwise.")]
    pub(crate) reveal: bool,
}

#[derive(Debug, Group)]
pub(crate) struct Serve {
    #[arg(long, default_value_t = 0, help = "Listens on this port; 0 stands for a free one.")]
    pub(crate) port: u16,
    #[arg(
        long,
        value_name = "STEPS",
        default_value_t,
        help = "Sets what each job answers, request by request."
    )]
    pub(crate) script: Script,
}

impl Args {
    /// Whether results and errors are objects.
    pub(crate) const fn is_json(&self) -> bool {
        self.common.json || matches!(&self.command, Command::Wait(wait) if wait.events)
    }
}

impl Common {
    /// Returns the endpoint as it was given, unless it is the one that is taken anyway.
    pub(crate) fn given_endpoint(&self) -> Option<&str> {
        (self.endpoint != DEFAULT_SITE).then_some(&self.endpoint)
    }

    pub(crate) fn session(&self) -> Result<Session, Failure> {
        let mut session = Session::new(self.endpoint()?);
        if let Some(region) = &self.region {
            session = session.with_region(region)?;
        }
        Ok(match self.language {
            Some(language) => session.with_language(language),
            None => session,
        })
    }

    /// Reads the endpoint here and not in clap, whose error would show a password in a URL.
    fn endpoint(&self) -> Result<Endpoint, Failure> {
        match &*self.endpoint.to_ascii_lowercase() {
            "international" => Ok(Endpoint::international()),
            "mainland" => Ok(Endpoint::mainland()),
            address => Ok(address.parse()?),
        }
    }
}

fn language(text: &str) -> Result<Language, &'static str> {
    text.parse().map_err(|_| "expected zh-CN or en-US")
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds like 90 or 0.5")?;
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| "expected a finite number of seconds that is not negative")
}

fn timestamp(text: &str) -> Result<Timestamp, String> {
    let seconds = text.parse().map_err(|_| "expected whole seconds since 1970")?;
    Timestamp::new(seconds).map_err(|error| error.to_string())
}
