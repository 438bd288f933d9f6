//! The command line of tcss-export: arguments and environment in, results on stdout, everything
//! else on stderr, and one exit code for each kind of end.

mod args;
mod captured;
mod client;
mod commands {
    pub(crate) mod check;
    pub(crate) mod compare;
    pub(crate) mod create;
    pub(crate) mod credentials;
    pub(crate) mod demo;
    pub(crate) mod download;
    pub(crate) mod install;
    pub(crate) mod jobs;
    pub(crate) mod replay;
    pub(crate) mod run;
    pub(crate) mod serve;
    pub(crate) mod sign;
    pub(crate) mod wait;
}
mod download;
mod error;
mod keys;
mod output;
mod panics;
mod progress;
mod secrets;
mod shell;
mod signals;
mod state;
mod text;
mod wait;

use std::{env, io, panic::catch_unwind, process::ExitCode};

use clap::{Parser, error::ErrorKind as ClapErrorKind};
use console::Term;
use tcss_export::driver::ResourceLimit;
use tokio::runtime::{Builder, Runtime};

use crate::{
    args::{Args, Command, Common, Explain},
    error::{Error, ErrorKind, Result, hints},
    output::{Ending, Output},
    text::{columns, wrapped},
};

fn main() -> ExitCode {
    panics::watch();
    let args = Args::try_parse();
    let output = match &args {
        Ok(args) => args.output(),
        Err(_) => {
            let json = env::args_os().any(|arg| arg == "--json" || arg == "--events");
            Output { json, quiet: false, results_on_stderr: false }
        }
    };
    let result =
        args.map_or_else(|error| without_args(&output, &error), |args| run(&args, &output));
    match result {
        Ok(ending) => ending.exit_code().into(),
        Err(error) => {
            output.error(&error);
            error.exit_code().into()
        }
    }
}

/// Runs a command on a runtime of this thread.
fn run(args: &Args, output: &Output) -> Result<Ending> {
    let runtime = start_runtime()?;
    let result = runtime.block_on(panics::caught(run_command(args, output)));
    let result = result.map_err(|error| match args.command.common().map(Common::endpoint) {
        Some(Ok(endpoint)) => error.with_endpoint(&endpoint),
        _ => error,
    });
    // A thread may hang in a DNS lookup or a write to a pipe; the process ends anyway.
    runtime.shutdown_background();
    result
}

fn start_runtime() -> Result<Runtime> {
    // tokio panics if it cannot open the sockets for signals.
    let started = catch_unwind(|| Builder::new_current_thread().enable_all().build());
    let sockets = || Err(io::Error::other("no sockets for signals can be opened"));
    started.unwrap_or_else(|_| sockets()).map_err(|error| {
        Error::new(ErrorKind::Resource, format!("the runtime cannot start: {error}"))
            .with_hint(hints::of_limit(ResourceLimit::OpenFiles))
            .or_limit(&error)
    })
}

async fn run_command(args: &Args, output: &Output) -> Result<Ending> {
    match &args.command {
        Command::Create(args) => commands::create::create(args, &args.common, output).await,
        Command::Jobs(args) => commands::jobs::jobs(args, &args.common, output).await,
        Command::Result(args) => commands::wait::result(args, &args.common, output).await,
        Command::Wait(args) => commands::wait::wait(args, &args.common, output).await,
        Command::Download(args) => commands::download::download(args, &args.common, output).await,
        Command::Run(args) => commands::run::run(args, &args.common, output).await,
        Command::Replay(args) => commands::replay::replay(args, output),
        Command::Sign(args) => commands::sign::sign(args, &args.common, output).await,
        Command::Explain(Explain { compare: Some(file), time, common, .. }) => {
            commands::compare::compare(file, time.timestamp, common, output).await
        }
        Command::Explain(Explain { job: Some(job), time, common, .. }) => {
            commands::sign::explain(job, time, common, output)
        }
        // clap requires the id or the file.
        Command::Explain(_) => Err(Error::new(ErrorKind::Usage, "JOB_ID or --compare is required")),
        Command::Credentials(args) => commands::credentials::credentials(args, output).await,
        Command::Check(args) => commands::check::check(args, output).await,
        Command::Serve(args) => commands::serve::serve(args, output).await,
        Command::Demo => commands::demo::demo(output).await,
        Command::Completions { shell } => commands::install::completions(*shell, output),
        Command::Man { folder } => commands::install::man(folder),
        Command::Help { command } => help_of(command.as_deref(), output),
    }
}

/// Prints the same as `--help` after the command.
fn help_of(command: Option<&str>, output: &Output) -> Result<Ending> {
    let words = ["tcss-export"].into_iter().chain(command).chain(["--help"]);
    let args = Args::try_parse_from(words);
    args.map_or_else(|error| without_args(output, &error), |_| Ok(Ending::Done))
}

/// Returns the text of a help. clap wraps all but the usage.
fn help(error: &clap::Error, columns: usize) -> String {
    let usage = "Usage: ";
    let line = |line: &str| match line.starts_with(usage) {
        true => wrapped(line, columns, usage.len()) + "\n",
        false => format!("{line}\n"),
    };
    error.to_string().lines().map(line).collect()
}

/// Prints the requested help or version, or refuses the arguments.
fn without_args(output: &Output, error: &clap::Error) -> Result<Ending> {
    match error.kind() {
        ClapErrorKind::DisplayHelp | ClapErrorKind::DisplayVersion => {
            output.print(&help(error, columns(&Term::stdout())))?;
            Ok(Ending::Done)
        }
        ClapErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            output.stderr(&help(error, columns(&Term::stderr())));
            Ok(Ending::NoCommand)
        }
        _ => Err(Error::arguments(&error.to_string(), args::hint(error))),
    }
}
