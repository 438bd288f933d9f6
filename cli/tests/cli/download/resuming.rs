//! What an earlier run has left, and another one at the same time.

use std::fs;
use std::process::Stdio;

use serde_json::json;

use super::{download, megabyte, serving};
use crate::support::{Folder, cli};

#[test]
fn a_part_that_was_damaged_leads_to_a_start_from_the_first_byte() {
    let folder = Folder::new("download-damaged-part");
    let service = serving(megabyte(), "SUCCESS", "SLOW:20000");
    let (url, file) = (service.url(), folder.path("f"));
    let running = cli(&["download", "J", "-o", &file, "--endpoint", &url]);
    let running = running.stdout(Stdio::null()).start(2);
    running.signal("-KILL");
    running.end();
    let mut part = folder.read(".f.part");
    part[0] ^= 1;
    fs::write(folder.path(".f.part"), part).expect("a file");
    let ended = download(&service, &folder, &["--json"]);
    assert_eq!((ended.code, &ended.json()["resumed"]), (Some(0), &json!(false)), "{ended:?}");
    assert!(ended.stderr.contains("\nstarting again from the first byte\n"), "{ended:?}");
    assert_eq!(folder.read("f"), megabyte());
}

#[test]
fn a_second_download_to_the_same_file_is_refused() {
    let folder = Folder::new("download-busy");
    let service = serving(megabyte(), "SUCCESS", "SLOW:20000");
    let (url, file) = (service.url(), folder.path("f"));
    let first = cli(&["download", "J", "-o", &file, "--endpoint", &url]);
    let mut first = first.stdout(Stdio::null()).start(1);
    let second = download(&service, &folder, &["--json"]);
    assert_eq!((second.code, &second.error()["kind"]), (Some(7), &json!("file")), "{second:?}");
    let message = format!("{file:?} is being downloaded already");
    assert_eq!(second.error()["message"], message);
    first.signal_to_the_end("-KILL");
}

#[test]
fn after_a_kill_the_next_run_goes_on() {
    let folder = Folder::new("download-kill");
    let service = serving(megabyte(), "SUCCESS", "SLOW:20000");
    let (url, file) = (service.url(), folder.path("f"));
    let running = cli(&["download", "J", "-o", &file, "--endpoint", &url]);
    let running = running.stdout(Stdio::null()).start(2);
    running.signal("-KILL");
    assert_eq!(running.end().code, None);
    assert_eq!(folder.files(), [".f.part", ".f.part.json"]);
    let ended = download(&service, &folder, &["--json"]);
    assert_eq!((ended.code, &ended.json()["resumed"]), (Some(0), &json!(true)), "{ended:?}");
    assert!(ended.stderr.starts_with("resuming after "), "{ended:?}");
    assert_eq!((folder.read("f"), folder.files().len()), (megabyte(), 1));
}
