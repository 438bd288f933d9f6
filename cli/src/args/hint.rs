//! One hint for arguments that are refused.

use std::env;

use clap::{
    Arg, Command as Program, CommandFactory,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::Args;
use crate::secrets::variable;

/// Returns what to do about an error of clap, if it is about more than a value's format.
pub(crate) fn hint(error: &clap::Error) -> Option<String> {
    let mut program = Args::command();
    program.build();
    let command = env::args_os().skip(1).find_map(|arg| program.find_subcommand(arg));
    let known = || known_option(error, &program, command);
    known().or_else(|| similar(error)).or_else(|| expected(error))
}

/// Explains an unknown option that belongs elsewhere, or that is the start of an option here.
fn known_option(
    error: &clap::Error,
    program: &Program,
    command: Option<&Program>,
) -> Option<String> {
    let option = match error.get(ContextKind::InvalidArg)? {
        ContextValue::String(option) if error.kind() == ErrorKind::UnknownArgument => option,
        _ => return None,
    };
    let has = |command: &&Program| command.get_arguments().any(|arg| is(arg, option));
    if let Some(command) = command.filter(has) {
        let name = command.get_name();
        return Some(format!("write {option} after the command: tcss-export {name} {option}"));
    }
    let owners: Vec<_> = program.get_subcommands().filter(has).map(Program::get_name).collect();
    if !owners.is_empty() {
        return Some(format!("{option} is an option of {}", owners.join(", ")));
    }
    let typed = option.strip_prefix("--")?;
    let longs = command.unwrap_or(program).get_arguments().filter_map(Arg::get_long);
    let meant = longs.filter(|long| long.starts_with(typed)).min_by_key(|long| long.len())?;
    Some(format!("did you mean '--{meant}'?"))
}

fn is(arg: &Arg, option: &str) -> bool {
    match option.strip_prefix("--") {
        Some(name) => arg.get_long() == Some(name),
        None => arg.get_short().is_some_and(|short| option == format!("-{short}")),
    }
}

/// Returns the name that clap finds most similar.
fn similar(error: &clap::Error) -> Option<String> {
    let kinds =
        [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    let name = match kinds.iter().find_map(|kind| error.get(*kind)) {
        Some(ContextValue::String(name)) => format!("'{name}'"),
        // The most similar one is the last.
        Some(ContextValue::Strings(names)) => format!("'{}'", names.last()?),
        // An option of a later command: `'wait --timeout' exists`. The others are about values that
        // look like options, which no command needs.
        _ => match error.get(ContextKind::Suggested)? {
            ContextValue::StyledStrs(tips) => {
                let tips = tips.iter().map(ToString::to_string);
                tips.filter_map(|tip| tip.strip_suffix(" exists").map(str::to_owned)).next()?
            }
            _ => return None,
        },
    };
    Some(format!("did you mean {name}?"))
}

/// Returns what was expected in place of something that resembles nothing known.
fn expected(error: &clap::Error) -> Option<String> {
    let argument = error.get(ContextKind::InvalidArg).map(ToString::to_string);
    let usage = || error.get(ContextKind::Usage).map(ToString::to_string);
    match error.kind() {
        // It may be the value of a variable, which clap does not name.
        ErrorKind::InvalidUtf8 => {
            let names = ["TENCENTCLOUD_ENDPOINT", "TENCENTCLOUD_REGION"];
            let wrong = names.into_iter().find(|name| variable(name).is_err());
            wrong.map(|name| format!("{name} is not UTF-8")).or_else(usage)
        }
        ErrorKind::InvalidSubcommand => Some("tcss-export -h lists the commands".to_owned()),
        ErrorKind::InvalidValue if argument.is_some_and(|arg| arg.starts_with("--asset-type")) => {
            Some("for a type that is not listed, use --other-asset-type".to_owned())
        }
        _ => usage(),
    }
}
