//! Closed pipes and full disks.

use std::fs::File;
use std::io;

use serde_json::Value;

use crate::support::{Cli, cli, service, without_keys};

/// Runs with a stdout whose reader has closed the pipe.
fn unread(cli: Cli) -> (Option<i32>, String) {
    let (reader, writer) = io::pipe().expect("a pipe");
    drop(reader);
    let ended = cli.stdout(writer).run();
    (ended.code, ended.stderr)
}

#[test]
fn a_closed_pipe_ends_the_command_without_a_message() {
    let service = service("SUCCESS");
    for command in ["result", "wait", "sign", "explain"] {
        let run = cli(&[command, "J", "--endpoint", &service.url()]);
        assert_eq!(unread(run), (Some(0), String::new()), "{command}");
    }
    for args in [&["--help"][..], &["--version"], &["serve"], &["demo", "--quiet"]] {
        assert_eq!(unread(cli(args)), (Some(0), String::new()), "{args:?}");
    }
}

#[test]
fn a_closed_pipe_keeps_the_exit_code_of_a_failed_job() {
    let service = service("FAILURE");
    let run = cli(&["result", "J", "--endpoint", &service.url()]);
    assert_eq!(unread(run), (Some(1), String::new()));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_ends_with_7() {
    let service = service("SUCCESS");
    let url = service.url();
    for args in [
        &["result", "J", "--endpoint", &url][..],
        &["wait", "J", "--endpoint", &url],
        &["sign", "J"],
        &["explain", "J"],
        &["serve"],
        &["--help"],
    ] {
        let full = File::options().write(true).open("/dev/full").expect("/dev/full");
        let ended = cli(args).stdout(full).run();
        assert_eq!(ended.code, Some(7), "{args:?}");
        assert!(ended.stderr.starts_with("error: stdout cannot be written: "), "{ended:?}");
        assert!(ended.stderr.ends_with("\n  hint  make room and try again\n"), "{ended:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_reported_as_json_too() {
    let full = File::options().write(true).open("/dev/full").expect("/dev/full");
    let error = without_keys(&["explain", "J", "--json"]).stdout(full).run().error();
    assert_eq!((&error["kind"], &error["status"]), (&Value::from("file"), &Value::Null));
}
