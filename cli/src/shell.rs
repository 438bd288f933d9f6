//! Commands that a user can paste into a shell.

use tcss_export::{JobId, text::printable};

/// Returns a command of this program with its options.
pub(crate) fn command(name: &str, options: &[String]) -> String {
    let words = ["tcss-export", name].into_iter().chain(options.iter().map(String::as_str));
    printable(&words.collect::<Vec<_>>().join(" ")).to_string()
}

/// Returns a command about a job.
pub(crate) fn job_command(name: &str, job: &JobId, options: &[String]) -> String {
    let job = quoted(job.as_str());
    // Behind two dashes nothing is an option.
    match job.starts_with(['-', '\'']) {
        true => command(name, &[options, &["--".to_owned(), job]].concat()),
        false => command(name, &[&[job], options].concat()),
    }
}

/// Returns an option and its value.
pub(crate) fn option(name: &str, value: &str) -> String {
    format!("{name} {}", quoted(value))
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
        let options = [option("-o", "a b")];
        let command = |job: &str| job_command("download", &JobId::new(job).unwrap(), &options);
        assert_eq!(command("J"), "tcss-export download J -o 'a b'");
        assert_eq!(command("-J"), "tcss-export download -o 'a b' -- -J");
    }
}
