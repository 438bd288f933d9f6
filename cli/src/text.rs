//! Numbers, times and tables as text for people.

use std::{error::Error, time::Duration};

use console::{Term, measure_text_width};
use indicatif::HumanCount;
use tcss_export::{core::text::printable, driver::tls::TlsProblem, wait::Report};

/// Aligns labelled values, without control characters and without labels that have no value.
pub(crate) fn rows(indent: &str, rows: &[(&str, Option<String>)]) -> String {
    let rows = || rows.iter().filter_map(|(label, value)| Some((label, value.as_ref()?)));
    let width = rows().map(|(label, _)| label.len()).max().unwrap_or_default();
    rows().map(|(label, value)| format!("{indent}{label:width$}  {}\n", printable(value))).collect()
}

/// Formats a number of bytes: `1,000 of 4,000 bytes (25 %)`.
pub(crate) fn amount(bytes: u64, total: Option<u64>) -> String {
    match total {
        Some(total) => {
            let percent = share(bytes, total, 100);
            format!("{} of {} bytes ({percent} %)", HumanCount(bytes), HumanCount(total))
        }
        None => format!("{} bytes", HumanCount(bytes)),
    }
}

/// Returns `bytes / total`, counted in parts: 100 for percent.
pub(crate) fn share(bytes: u64, total: u64, parts: u64) -> u128 {
    u128::from(bytes) * u128::from(parts) / u128::from(total.max(1))
}

/// Formats a percentage with one digit after the point, if it needs any.
pub(crate) fn percent(progress: f64) -> String {
    match progress.abs() {
        0.0..1e6 => format!("{} %", (progress * 10.0).round() / 10.0),
        _ => format!("{progress:e} %"),
    }
}

/// Formats the effort of a wait: `3 requests, 1 retry, 2.1 s`.
pub(crate) fn effort(report: &Report) -> String {
    let Report { polls, retries, elapsed, .. } = report;
    format!("{}, {:.1} s", requests(*polls, *retries), elapsed.as_secs_f64())
}

/// Formats a number of requests: `3 requests, 1 retry`.
pub(crate) fn requests(polls: u32, retries: u32) -> String {
    let requests = if polls == 1 { "request" } else { "requests" };
    match retries {
        0 => format!("{polls} {requests}"),
        1 => format!("{polls} {requests}, 1 retry"),
        _ => format!("{polls} {requests}, {retries} retries"),
    }
}

/// Returns seconds, rounded down to the millisecond.
pub(crate) fn seconds(elapsed: Duration) -> f64 {
    Duration::from_millis(elapsed.as_millis().try_into().unwrap_or(u64::MAX)).as_secs_f64()
}

/// Formats a delay: `in 1.2 s`.
pub(crate) fn delay(delay: Duration) -> String {
    match delay.as_millis() {
        0 => "at once".to_owned(),
        millis if millis < 50 => "in 0.1 s".to_owned(),
        _ => format!("in {} s", (delay.as_secs_f64() * 10.0).round() / 10.0),
    }
}

/// Returns the text of an error and its sources, each text once.
pub(crate) fn with_sources(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        // rustls shows dates as numbers, and names of errors instead of texts.
        let problem = TlsProblem::of(source);
        let cause = problem.map_or_else(|| source.to_string(), |problem| problem.to_string());
        // hyper's outer error names a stage only: "client error (Connect)".
        if !text.ends_with(&cause) && !cause.starts_with("client error (") {
            text = format!("{text}: {cause}");
        }
        next = source.source();
    }
    text
}

/// Returns the width of a terminal. Programs read whole lines.
pub(crate) fn columns(term: &Term) -> usize {
    term.size_checked().map_or(usize::MAX, |(_, columns)| columns.into())
}

/// Breaks a line between words to fit a terminal. The lines after the first one are indented.
pub(crate) fn wrapped(line: &str, columns: usize, indent: usize) -> String {
    let (mut text, mut width) = (String::new(), 0);
    for (number, word) in line.split(' ').enumerate() {
        let length = measure_text_width(word);
        if number > 0 && width + 1 + length > columns {
            text += &format!("\n{:indent$}", "");
            width = indent;
        } else if number > 0 {
            text.push(' ');
            width += 1;
        }
        text += word;
        width += length;
    }
    text
}

#[cfg(test)]
mod tests {
    use tcss_export::driver::{TransportError, TransportErrorKind};

    use super::*;

    #[test]
    fn an_amount_has_a_percentage_if_the_total_is_known() {
        assert_eq!(amount(1_000, Some(4_001)), "1,000 of 4,001 bytes (24 %)");
        assert_eq!(amount(0, Some(0)), "0 of 0 bytes (0 %)");
        assert_eq!(amount(12_345, None), "12,345 bytes");
        assert_eq!(amount(u64::MAX, Some(u64::MAX)).rsplit(' ').nth(1), Some("(100"));
    }

    #[test]
    fn a_percentage_is_short_for_any_number() {
        assert_eq!(percent(55.0), "55 %");
        assert_eq!(percent(33.333), "33.3 %");
        assert_eq!(percent(-1e300), "-1e300 %");
    }

    #[test]
    fn a_delay_is_rounded_to_a_tenth_of_a_second_and_never_to_zero() {
        let text = |millis| delay(Duration::from_millis(millis));
        assert_eq!(text(0), "at once");
        assert_eq!(text(1), "in 0.1 s");
        assert_eq!(text(1_249), "in 1.2 s");
        assert_eq!(text(15_000), "in 15 s");
    }

    #[test]
    fn a_line_breaks_between_words_and_keeps_its_blanks() {
        assert_eq!(wrapped("ok       a name", 15, 2), "ok       a name");
        assert_eq!(wrapped("ok       a name", 14, 2), "ok       a\n  name");
        assert_eq!(wrapped("of_more_columns a b", 8, 3), "of_more_columns\n   a b");
        assert_eq!(wrapped("a b c", 0, 0), "a\nb\nc");
    }

    #[test]
    fn each_source_is_shown_once() {
        let error = TransportError::new(TransportErrorKind::Timeout, "why");
        assert_eq!(with_sources(&error), "no answer came within the time limit: why");
        let same = TransportError::new(TransportErrorKind::Connection, "the connection failed");
        assert_eq!(with_sources(&same), "the connection failed");
    }
}
