//! The commands, one a file.

mod create;
mod demo;
mod download;
mod explain;
mod help;
mod jobs;
mod replay;
mod result;
mod run;
mod serve;
mod sign;
mod wait;

use crate::{
    args::{Args, Command},
    failure::Failure,
    output::Output,
};

/// How a command ends that gave its result.
pub(crate) enum Ending {
    Done,
    /// The job has failed, which is a result all the same.
    JobFailed,
    /// A replay decides otherwise, which is a result all the same.
    Differs,
    /// The help was shown because nothing was asked for.
    Refused,
}

impl Ending {
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::JobFailed | Self::Differs => 1,
            Self::Refused => 2,
        }
    }
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<Ending, Failure> {
    match &args.command {
        Command::Create(create) => create::run(create, &args.common, output),
        Command::Jobs(jobs) => jobs::run(jobs, &args.common, output),
        Command::Result(job) => result::run(&job.job_id, &args.common, output),
        Command::Wait(wait) => wait::run(wait, &args.common, output),
        Command::Download(download) => download::run(download, &args.common, output),
        Command::Run(run) => run::run(run, &args.common, output),
        Command::Replay(replay) => replay::run(replay, output),
        Command::Sign(sign) => sign::run(sign, &args.common, output),
        Command::Explain(explain) => explain::run(explain, &args.common, output),
        Command::Serve(serve) => serve::run(serve, output),
        Command::Demo => demo::run(output),
        Command::Help(help) => help::run(help, output),
    }
}
