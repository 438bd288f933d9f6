//! The commands `completions` and `man`: what a shell and man read about this program.

use std::{fs, path::Path};

use clap::{Arg, CommandFactory};
use clap_complete::Shell;

use crate::{
    args::Args,
    error::{Error, ErrorKind, Result, hints},
    output::{Ending, Output},
};

/// Prints the script that completes commands and options.
pub(crate) fn completions(shell: Shell, output: &Output) -> Result<Ending> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "tcss-export", &mut script);
    // clap_complete names the commands of a program with a hyphen in two ways, so that bash
    // completes none of their options: https://github.com/clap-rs/clap/issues/6421.
    let script = String::from_utf8_lossy(&script).replace("tcss__subcmd__export", "tcss__export");
    output.print(&script)?;
    Ok(Ending::Done)
}

/// Writes a man page for the program and each command.
pub(crate) fn man(folder: &Path) -> Result<Ending> {
    // A man page has no text for an option that is hidden in the short help.
    let shown = |arg: Arg| arg.hide_short_help(false);
    let program = Args::command().mut_args(shown);
    let program = program.mut_subcommands(|command| command.mut_args(shown));
    let written =
        fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(program, folder));
    written.map_err(|error| {
        let path = folder.display().to_string();
        let message = format!("the man pages cannot be written to {path}: {error}");
        let hint = hints::of_io(error.kind());
        Error::new(ErrorKind::File, message).with_hint(hint).with_path(path)
    })?;
    Ok(Ending::Done)
}
