//! Pauses that the service asks for.

use std::time::Duration;

use crate::common::read;

const DATE: (&str, &str) = ("Date", "Wed, 15 Nov 2023 00:09:50 GMT");

fn retry_after(headers: &[(&str, &str)]) -> Option<Duration> {
    read(503, headers, "busy").unwrap_err().retry_after()
}

fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

#[test]
fn seconds_are_read() {
    assert_eq!(retry_after(&[("Retry-After", "7")]), seconds(7));
    assert_eq!(retry_after(&[("Retry-After", "0")]), seconds(0));
    assert_eq!(retry_after(&[("Retry-After", " 120 ")]), seconds(120));
}

#[test]
fn date_is_read_relative_to_the_answers_own() {
    let until = ("Retry-After", "Wed, 15 Nov 2023 00:10:20 GMT");
    assert_eq!(retry_after(&[until, DATE]), seconds(30));
}

#[test]
fn date_in_the_past_is_no_wait() {
    let until = ("Retry-After", "Wed, 15 Nov 2023 00:00:00 GMT");
    assert_eq!(retry_after(&[until, DATE]), seconds(0));
}

#[test]
fn date_without_the_answers_own_is_none() {
    let until = ("Retry-After", "Wed, 15 Nov 2023 00:10:20 GMT");
    assert_eq!(retry_after(&[until]), None);
}

#[test]
fn unreadable_and_absent_are_none() {
    for value in ["", "soon", "-1", "1.5", "1e3", "99999999999999999999999", "导", "GMT"] {
        assert_eq!(retry_after(&[("Retry-After", value), DATE]), None, "{value}");
    }
    assert_eq!(retry_after(&[DATE]), None);
}

#[test]
fn largest_number_does_not_overflow() {
    let value = u64::MAX.to_string();
    assert_eq!(retry_after(&[("Retry-After", &value)]), seconds(u64::MAX));
}
