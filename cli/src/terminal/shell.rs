//! Commands that a user can paste into a shell.

use std::time::Duration;

use tcss_export::{JobId, text::printable};

/// An option of a command, with its value if it takes one; quoted only when it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    value: Option<String>,
}

impl Setting {
    pub(crate) const fn flag(name: &'static str) -> Self {
        Self { name, value: None }
    }

    /// Returns an option with its value, if that is given.
    pub(crate) fn of(name: &'static str, value: Option<String>) -> Option<Self> {
        value.map(|value| Self { name, value: Some(value) })
    }

    /// Returns an option that takes seconds, if they are given.
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

/// Returns a command of this program with its options, if it can be shown.
pub(crate) fn command(name: &str, options: &[Setting]) -> Option<String> {
    joined(name, texts(options))
}

/// Returns a command about a job, if it can be shown.
pub(crate) fn job_command(name: &str, job: &JobId, options: &[Setting]) -> Option<String> {
    let job = quoted(job.as_str());
    // Behind two dashes nothing is an option.
    match job.starts_with(['-', '\'']) {
        true => joined(name, texts(options).chain(["--".to_owned(), job])),
        false => joined(name, [job].into_iter().chain(texts(options))),
    }
}

fn texts(options: &[Setting]) -> impl Iterator<Item = String> {
    options.iter().map(Setting::text)
}

/// What holds control characters, or is no text, would be another command on the screen.
fn joined(name: &str, words: impl Iterator<Item = String>) -> Option<String> {
    let words = ["tcss-export", name].map(str::to_owned).into_iter().chain(words);
    let command = printable(&words.collect::<Vec<_>>().join(" ")).to_string();
    (!command.contains(char::REPLACEMENT_CHARACTER)).then_some(command)
}

/// Quotes an argument for a shell, if it needs that.
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
    fn an_argument_is_quoted_for_a_shell_if_it_needs_that() {
        assert_eq!(quoted("e4409223-8e92"), "e4409223-8e92");
        assert_eq!(quoted("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
        assert_eq!(quoted("http://[::1]:8080"), "'http://[::1]:8080'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }

    #[test]
    fn a_job_that_looks_like_an_option_comes_last() {
        let options = [Setting::of("-o", Some("a b".to_owned())), Some(Setting::flag("--force"))];
        let options: Vec<_> = options.into_iter().flatten().collect();
        let command = |job: &str| job_command("download", &JobId::new(job).unwrap(), &options);
        assert_eq!(command("J").unwrap(), "tcss-export download J -o 'a b' --force");
        assert_eq!(command("-J").unwrap(), "tcss-export download -o 'a b' --force -- -J");
    }

    #[test]
    fn what_cannot_be_shown_as_it_is_gives_no_command() {
        for name in ["a\nb", "\u{fffd}.csv", "\u{1b}[2J", "\u{202e}"] {
            let options = Setting::of("-o", Some(name.to_owned()));
            assert_eq!(command("download", options.as_slice()), None, "{name:?}");
        }
    }
}
