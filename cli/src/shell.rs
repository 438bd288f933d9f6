//! Commands for the user to paste into a shell.

use tcss_export::{JobId, core::text::printable};

/// The name of an option and its value, not quoted yet: `None` if the option is not set, an empty
/// text if it takes no value.
pub(crate) type CommandOption = (&'static str, Option<String>);

/// Returns a command of this program, perhaps about a job, unless it cannot be shown: with a
/// control character or invalid text the screen would show another command.
pub(crate) fn command(
    name: &str,
    job: Option<&JobId>,
    options: &[CommandOption],
) -> Option<String> {
    let mut words = vec!["tcss-export".to_owned(), name.to_owned()];
    words.extend(options.iter().filter_map(|(name, value)| match value.as_deref()? {
        "" => Some((*name).to_owned()),
        value => Some(format!("{name} {}", quoted(value))),
    }));
    match job.map(|job| quoted(job.as_str())) {
        // Nothing after two dashes is an option.
        Some(job) if job.starts_with(['-', '\'']) => words.extend(["--".to_owned(), job]),
        Some(job) => words.insert(2, job),
        None => {}
    }
    let command = printable(&words.join(" ")).to_string();
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
        let options = [("-o", "a b"), ("--force", "")];
        let options = options.map(|(name, value)| (name, Some(value.to_owned())));
        let command = |job: &str| command("download", JobId::new(job).ok().as_ref(), &options);
        assert_eq!(command("J").unwrap(), "tcss-export download J -o 'a b' --force");
        assert_eq!(command("-J").unwrap(), "tcss-export download -o 'a b' --force -- -J");
    }

    #[test]
    fn a_value_that_cannot_be_shown_gives_no_command() {
        for name in ["a\nb", "\u{fffd}.csv", "\u{1b}[2J", "\u{202e}"] {
            let options = [("-o", Some(name.to_owned()))];
            assert_eq!(command("download", None, &options), None, "{name:?}");
        }
    }
}
