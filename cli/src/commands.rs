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
    ending::Ending,
    failure::Failure,
    terminal::output::Output,
};

pub(crate) fn run(args: &Args, output: &Output) -> Result<Ending, Failure> {
    match &args.command {
        Command::Create(create) => create::run(create, &args.common, output),
        Command::Jobs(jobs) => jobs::run(jobs, &args.common, output),
        Command::Result(job) => result::run(job, &args.common, output),
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
