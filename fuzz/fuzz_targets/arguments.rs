//! Any arguments are accepted or refused without a panic, and again in the same way. No refusal
//! shows the secret parts of a URL, and the suggested command parses to the same options.
//!
//! Each line of the input is an argument. `\x01` stands for a presigned URL and `\x02` for a URL
//! with a password.
#![no_main]

/// The command line's own modules.
#[allow(dead_code, unused_imports)]
#[path = "../../cli/src"]
mod cli {
    pub(crate) mod args;
    pub(crate) mod client;
    pub(crate) mod error;
    pub(crate) mod keys;
    pub(crate) mod output;
    pub(crate) mod progress;
    pub(crate) mod secrets;
    pub(crate) mod shell;
    pub(crate) mod signals;
    pub(crate) mod text;
    pub(crate) mod wait;
}
// They name each other from the root of the crate.
use cli::{args, client, error, keys, output, progress, secrets, shell, signals, text, wait};

use std::cell::RefCell;

use clap::{CommandFactory, FromArgMatches};
use libfuzzer_sys::fuzz_target;
use tcss_export_core::{DownloadUrl, Mono, download::Download};

use args::{Args, Command, Common};
use error::Error;
use shell::CommandOption;

const PRESIGNED: &str = "https://h.example/a.csv?q-signature=EXAMPLE0SECRET";
const WITH_PASSWORD: &str = "https://u:EXAMPLE0SECRET@h.example";
const SECRET: &str = "EXAMPLE0SECRET";

fuzz_target!(|text: &str| {
    let Some(words) = text.split('\n').take(20).map(word).collect::<Option<Vec<_>>>() else {
        return;
    };
    let (first, second) = (parsed(&words), parsed(&words));
    assert_eq!(format!("{first:?}"), format!("{second:?}"));
    match &first {
        Ok(args) => use_args(args),
        Err(error) => check_refusal(&Error::arguments(&error.to_string(), args::hint(error))),
    }
});

thread_local! {
    /// Built once, since that takes longer than all else.
    static COMMAND: RefCell<clap::Command> = RefCell::new(Args::command());
}

fn parsed(words: &[String]) -> Result<Args, clap::Error> {
    let words = ["tcss-export"].into_iter().chain(words.iter().map(|word| &**word));
    COMMAND.with_borrow_mut(|command| {
        let mut matches = command.try_get_matches_from_mut(words)?;
        Args::from_arg_matches_mut(&mut matches).map_err(|error| error.format(command))
    })
}

/// Returns `None` for a word in which a URL is part of another URL.
fn word(line: &str) -> Option<String> {
    let (before, _) = line.split_at(line.find(['\x01', '\x02']).unwrap_or(line.len()));
    let is_sole = line.matches(['\x01', '\x02']).count() <= 1 && !before.contains("://");
    is_sole.then(|| line.replace('\x01', PRESIGNED).replace('\x02', WITH_PASSWORD))
}

fn check_refusal(error: &Error) {
    let json = serde_json::to_string(error).expect("texts and numbers");
    let shown = error.to_string();
    assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
    assert!(!shown.contains(SECRET) && !json.contains(SECRET), "{shown}");
}

fn use_args(args: &Args) {
    args.output();
    let session = args.command.common().map(|common| common.session(None));
    session.and_then(Result::err).iter().for_each(check_refusal);
    match &args.command {
        Command::Create(create) => refused(create.export.action()),
        Command::Result(result) => result.job.id().err().iter().for_each(check_refusal),
        Command::Wait(wait) => wait.job.id().err().iter().for_each(check_refusal),
        Command::Run(run) => {
            refused(run.export.action());
            check_save(&run.common, &run.save, &run.timing);
        }
        Command::Download(download) => {
            if let Some(job) = &download.source.job_id {
                args::not_a_url(job).err().iter().for_each(check_refusal);
            }
            check_save(&download.common, &download.save, &download.timing);
        }
        _ => {}
    }
}

fn refused<T, E: Into<Error>>(result: Result<T, E>) {
    result.err().map(Into::into).iter().for_each(check_refusal);
}

fn check_save(common: &Common, save: &args::Save, timing: &args::Timing) {
    for url in [PRESIGNED, WITH_PASSWORD] {
        let url = DownloadUrl::new(url).expect("not empty");
        refused(Download::new(url, &save.policy(), 7, Mono::default()));
    }
    // Without an endpoint, there is never a job to continue with.
    if common.session(None).is_err() {
        return;
    }
    let options = |common: &Common, save: &args::Save, timing: &args::Timing| {
        [common.options(), save.options(), timing.options()].concat()
    };
    let options_before = options(common, save, timing);
    let Some(line) = shell::command("download", None, &options_before) else { return };
    let words = split_by_shell(&line);
    let again = parsed(&[&words[1..], &["J".to_owned()]].concat()).expect("a command of ours");
    let Command::Download(download) = &again.command else { panic!("{line}") };
    let options_after = options(&download.common, &download.save, &download.timing);
    assert_eq!(values(&options_before), values(&options_after), "{line}");
    assert_eq!(save.policy(), download.save.policy(), "{line}");
    assert_eq!(timing.policy(), download.timing.policy(), "{line}");
}

fn values(options: &[CommandOption]) -> Vec<(&str, &str)> {
    options.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect()
}

/// Reads words as a shell does, with single quotes and backslashes as the only special characters.
fn split_by_shell(line: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let mut is_quoted = false;
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match c {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(std::mem::take(&mut word)),
            '\\' if !is_quoted => word.extend(characters.next()),
            c => word.push(c),
        }
    }
    words.push(word);
    words
}
