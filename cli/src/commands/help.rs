use clap::Parser;

use crate::{
    args::{Args, Help},
    ending::Ending,
    failure::Failure,
    terminal::output::Output,
    without_args,
};

/// Gives what `--help` gives behind the name of the command.
pub(super) fn run(help: &Help, output: &Output) -> Result<Ending, Failure> {
    let words = ["tcss-export"].into_iter().chain(help.command.as_deref()).chain(["--help"]);
    match Args::try_parse_from(words) {
        Ok(_) => Ok(Ending::Done),
        Err(error) => without_args(output, &error),
    }
}
