//! The command line of tcss-export: arguments and environment in, results on stdout, all else on
//! stderr, and an exit code for each way to end.

mod args;
mod background;
mod commands;
mod create;
mod download;
mod ending;
mod failure;
mod keys;
mod sending;
mod terminal;
mod variables;
mod wait;

use std::{env, process::ExitCode};

use clap::{Parser, error::ErrorKind};

use crate::{args::Args, ending::Ending, failure::Failure, terminal::output::Output};

fn main() -> ExitCode {
    match Args::try_parse() {
        Ok(args) => {
            let output = Output::new(args.is_json(), args.common.quiet);
            let output =
                if args.is_stdout_taken() { output.with_results_on_stderr() } else { output };
            end(&output, commands::run(&args, &output))
        }
        Err(error) => {
            let output =
                Output::new(env::args_os().any(|arg| arg == "--json" || arg == "--events"), false);
            end(&output, without_args(&output, &error))
        }
    }
}

/// Gives the help or the version that was asked for, or refuses the arguments.
pub(crate) fn without_args(output: &Output, error: &clap::Error) -> Result<Ending, Failure> {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            output.print(&text)?;
            Ok(Ending::Done)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            output.complain(&text);
            Ok(Ending::Refused)
        }
        _ => Err(Failure::arguments(&text)),
    }
}

fn end(output: &Output, result: Result<Ending, Failure>) -> ExitCode {
    let code = match result {
        Ok(ending) => ending.exit_code(),
        Err(failure) => {
            output.complain(&output.worded(&failure));
            failure.exit_code()
        }
    };
    ExitCode::from(code)
}
