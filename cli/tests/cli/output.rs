//! Closed pipes and full disks.

use std::fs::File;
use std::io;
use std::process::Command;

use serde_json::Value;

use crate::support::{Cli, ID, KEY, cli, service, without_keys};

/// Runs with a stdout whose reader has closed the pipe.
fn unread(cli: Cli) -> (Option<i32>, String) {
    let (reader, writer) = io::pipe().expect("a pipe");
    drop(reader);
    let ended = cli.stdout(writer).run();
    (ended.code, ended.stderr)
}

/// Runs a wait on a terminal of this kind and returns its output, by `script(1)`.
#[cfg(target_os = "linux")]
fn on_terminal(kind: &str, url: &str) -> String {
    let binary = env!("CARGO_BIN_EXE_tcss-export");
    let line = format!("{binary} wait J --interval 0 --endpoint {url}");
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).env("TERM", kind);
    script.env("TENCENTCLOUD_SECRET_ID", ID).env("TENCENTCLOUD_SECRET_KEY", KEY);
    String::from_utf8(script.output().expect("the command script").stdout).expect("UTF-8")
}

#[test]
#[cfg(target_os = "linux")]
fn a_terminal_without_cursor_movement_gets_lines() {
    let service = service("RUNNING:10,SUCCESS");
    let shown = on_terminal("dumb", &service.url());
    assert!(shown.starts_with("RUNNING 10 %\r\nstatus "), "{shown:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn any_other_terminal_gets_a_bar() {
    let service = service("RUNNING:10,SUCCESS");
    let shown = on_terminal("xterm", &service.url());
    assert!(!shown.contains("RUNNING 10 %\r\n") && shown.contains("\u{1b}["), "{shown:?}");
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
