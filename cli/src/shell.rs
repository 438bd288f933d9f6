//! Commands for the user to paste into a shell.

use std::time::Duration;

use tcss_export::{JobId, core::text::printable};

/// An option of a command, with its value if it takes one; the value is not quoted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommandOption {
    pub(crate) name: &'static str,
    value: Option<String>,
}

impl CommandOption {
    pub(crate) const fn flag(name: &'static str) -> Self {
        Self { name, value: None }
    }

    /// Returns an option with a value, if the value is set.
    pub(crate) fn of(name: &'static str, value: Option<String>) -> Option<Self> {
        value.map(|value| Self { name, value: Some(value) })
    }

    /// Returns an option that takes seconds, if they are set.
    pub(crate) fn seconds(name: &'static str, value: Option<Duration>) -> Option<Self> {
        Self::of(name, value.map(|value| value.as_secs_f64().to_string()))
    }

    fn text(&self) -> String {
        match &self.value {
            Some(value) => format!("{} {}", self.name, quoted(value)),
            None => self.name.to_owned(),
        }
    }
}

/// Returns a command of this program, unless it cannot be shown.
pub(crate) fn command(name: &str, options: &[CommandOption]) -> Option<String> {
    joined(name, texts(options))
}

/// Returns a command about a job, unless it cannot be shown.
pub(crate) fn job_command(name: &str, job: &JobId, options: &[CommandOption]) -> Option<String> {
    let job = quoted(job.as_str());
    // Nothing after two dashes is an option.
    match job.starts_with(['-', '\'']) {
        true => joined(name, texts(options).chain(["--".to_owned(), job])),
        false => joined(name, [job].into_iter().chain(texts(options))),
    }
}

fn texts(options: &[CommandOption]) -> impl Iterator<Item = String> {
    options.iter().map(CommandOption::text)
}

/// Returns `None` for control characters and invalid text: the screen would show another command.
fn joined(name: &str, words: impl Iterator<Item = String>) -> Option<String> {
    let words = ["tcss-export", name].map(str::to_owned).into_iter().chain(words);
    let command = printable(&words.collect::<Vec<_>>().join(" ")).to_string();
    (!command.contains(char::REPLACEMENT_CHARACTER)).then_some(command)
}

/// Quotes an argument for a shell, if necessary.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/@+,".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_quoted_for_a_shell_if_necessary() {
        assert_eq!(quoted("e4409223-8e92"), "e4409223-8e92");
        assert_eq!(quoted("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
        assert_eq!(quoted("http://[::1]:8080"), "'http://[::1]:8080'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }

    #[test]
    fn a_job_that_looks_like_an_option_comes_last() {
        let options =
            [CommandOption::of("-o", Some("a b".to_owned())), Some(CommandOption::flag("--force"))];
        let options: Vec<_> = options.into_iter().flatten().collect();
        let command = |job: &str| job_command("download", &JobId::new(job).unwrap(), &options);
        assert_eq!(command("J").unwrap(), "tcss-export download J -o 'a b' --force");
        assert_eq!(command("-J").unwrap(), "tcss-export download -o 'a b' --force -- -J");
    }

    #[test]
    fn a_value_that_cannot_be_shown_gives_no_command() {
        for name in ["a\nb", "\u{fffd}.csv", "\u{1b}[2J", "\u{202e}"] {
            let options = CommandOption::of("-o", Some(name.to_owned()));
            assert_eq!(command("download", options.as_slice()), None, "{name:?}");
        }
    }
}
