//! What is told of a download while it lasts.

use serde_json::json;

use super::{download, megabyte, serving};
use crate::support::Folder;

#[test]
fn a_cut_and_an_expired_url_are_told_and_gone_through() {
    let folder = Folder::new("download-cut");
    let service = serving(megabyte(), "SUCCESS", "CUT:400000,EXPIRED");
    let ended = download(&service, &folder, &["--json"]);
    let object = ended.json();
    assert_eq!(
        (ended.code, &object["resumed"], &object["polls"]),
        (Some(0), &json!(true), &json!(2))
    );
    let told: Vec<_> =
        ended.stderr.lines().filter(|line| !line.starts_with(char::is_numeric)).collect();
    let [cut, expired, renewed, resumed] = told[..] else { panic!("{ended:?}") };
    assert!(cut.starts_with("the answer was incomplete: "), "{cut}");
    assert!(cut.contains("; retrying in 0."), "{cut}");
    assert!(expired.starts_with("the file server answered AccessDenied: Request has expired"));
    assert_eq!(renewed, "the job gave a new URL");
    assert_eq!(resumed, "resuming after 400,000 of 1,000,000 bytes (40 %)");
    assert_eq!(folder.read("f"), megabyte());
}

#[test]
fn a_wrong_range_is_told_and_that_it_starts_again() {
    let folder = Folder::new("download-range");
    let ended = download(&serving(megabyte(), "SUCCESS", "CUT:400000,RANGE"), &folder, &[]);
    let told: Vec<_> =
        ended.stderr.lines().filter(|line| !line.starts_with(char::is_numeric)).collect();
    let [cut, range, restart] = told[..] else { panic!("{ended:?}") };
    assert!(cut.starts_with("the answer was incomplete: "), "{cut}");
    assert!(range.starts_with("the answer holds another range than was asked for; retrying in "));
    assert_eq!((ended.code, restart), (Some(0), "starting again from the first byte"));
}

#[test]
fn without_a_terminal_each_tenth_is_a_line() {
    let folder = Folder::new("download-lines");
    let service = serving(megabyte(), "SUCCESS", "SLOW:100000");
    let ended = download(&service, &folder, &[]);
    let percent = |line: &str| -> Option<u32> {
        let (_, percent) = line.split_once(" of 1,000,000 bytes (")?;
        percent.strip_suffix(" %)")?.parse().ok()
    };
    let shown: Vec<_> = ended.stderr.lines().map(|line| percent(line).expect(line)).collect();
    let tenths: Vec<_> = shown.iter().map(|percent| percent / 10).collect();
    // Bytes that come together are one line.
    assert!((1..10).contains(&tenths.len()) && tenths.is_sorted_by(|a, b| a < b), "{ended:?}");
    assert!(tenths.iter().all(|tenth| (1..10).contains(tenth)), "{ended:?}");
}

#[test]
fn quiet_silences_the_progress_of_a_download() {
    let folder = Folder::new("download-quiet");
    let service = serving(megabyte(), "SUCCESS", "CUT:400000");
    let ended = download(&service, &folder, &["--quiet"]);
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
}
