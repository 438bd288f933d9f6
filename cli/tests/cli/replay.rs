//! `replay`: decides a recorded wait again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Cli, Ended, FIRST_ID, cli, new_file, service, without_keys};

/// Records a wait with one fault.
fn recording(name: &str) -> PathBuf {
    let service = service("RUNNING:10,ERROR:InternalError,SUCCESS");
    let file = new_file(name);
    let args = ["wait", "J", "--interval", "0", "--quiet", "--endpoint", &service.url()];
    assert_eq!(cli(&args).arg("--record").arg(&file).run().code, Some(0));
    file
}

/// Replays a recording with one changed line.
fn tampered(name: &str, number: usize, from: &str, to: &str) -> Cli {
    let file = recording(name);
    let text = fs::read_to_string(&file).expect("a file");
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let changed = lines[number - 1].replace(from, to);
    assert_ne!(lines[number - 1], changed);
    lines[number - 1] = changed;
    fs::write(&file, lines.join("\n")).expect("a file");
    replay(&file)
}

fn replay(file: &Path) -> Cli {
    without_keys(&["replay"]).arg(file)
}

fn last(ended: &Ended) -> Value {
    ended.objects().pop().expect("an object")
}

/// Checks that a file is refused with this exit code, kind and message.
fn refused(file: &Path, code: i32, kind: &str, message: &str) {
    let ended = replay(file).arg("--json").run();
    assert_eq!((ended.code, &ended.error()["kind"]), (Some(code), &json!(kind)), "{ended:?}");
    let text = ended.error()["message"].as_str().expect("a text").to_owned();
    assert!(text.contains(message), "{text}");
}

#[test]
fn without_json_the_decisions_are_a_table() {
    let ended = replay(&recording("table.jsonl")).run();
    let lines: Vec<_> = ended.stdout.lines().collect();
    let [head, running, failed, success, end] = lines[..] else { panic!("{ended:?}") };
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(
        head.trim_start(),
        "time  request  what came back                    what was decided"
    );
    assert_eq!(
        words(running)[1..],
        ["s", "1", "RUNNING", "10", "%", "next", "request", "at", "once"]
    );
    assert_eq!(words(failed)[1..6], ["s", "2", "InternalError", "retrying", "in"]);
    assert_eq!(words(success)[1..], ["s", "3", "success", "end"]);
    assert_eq!(end, "5 lines, all decided as recorded.");
}

#[test]
fn with_json_each_decision_is_an_object_and_the_result_too() {
    let ended = replay(&recording("objects.jsonl")).arg("--json").run();
    let objects = ended.objects();
    assert_eq!(objects.len(), 4, "{ended:?}");
    let lines: Vec<_> = objects[..3].iter().map(|object| &object["line"]).collect();
    assert_eq!(lines, [2, 3, 5]);
    let events: Vec<_> = objects[..3].iter().map(|object| &object["event"]).collect();
    assert_eq!(events, ["waiting", "retrying", "ended"]);
    assert_eq!(
        (&objects[0]["request_id"], &objects[1]["code"]),
        (&json!(FIRST_ID), &json!("InternalError"))
    );
    assert!(objects.iter().take(3).all(|object| object["at_seconds"].is_number()));
    let expected = json!({
        "as_recorded": true, "lines": 5, "outcome": "success",
        "line": null, "recorded": null, "decided": null,
    });
    assert_eq!((ended.code, &objects[3]), (Some(0), &expected));
}

#[test]
fn a_dash_reads_stdin() {
    let file = File::open(recording("stdin.jsonl")).expect("a file");
    let ended = without_keys(&["replay", "-", "--json"]).stdin(file).run();
    assert_eq!((ended.code, &last(&ended)["lines"]), (Some(0), &json!(5)));
}

#[test]
fn a_different_decision_ends_with_1_and_has_its_line() {
    let other = r#""ResourceNotFound""#;
    let ended = tampered("differs.jsonl", 3, r#""InternalError""#, other).run();
    assert_eq!((ended.code, &*ended.stderr), (Some(1), ""));
    let tail = "Line 3 differs.\n  recorded  request 2: ResourceNotFound; retrying in ";
    assert!(ended.stdout.contains(tail), "{ended:?}");
    assert!(ended.stdout.ends_with("\n  decided   request 2: end\n"), "{ended:?}");
    let ended = tampered("differs.jsonl", 3, r#""InternalError""#, other).arg("--json").run();
    let end = last(&ended);
    assert_eq!((&end["as_recorded"], &end["line"]), (&json!(false), &json!(3)));
    assert_eq!((ended.code, &end["decided"]), (Some(1), &json!("request 2: end")));
}

#[test]
fn a_difference_that_the_text_hides_is_shown_in_full() {
    let ended = tampered("digits.jsonl", 2, r#""nanos":0"#, r#""nanos":1"#).run();
    assert!(ended.stdout.contains("Line 2 differs."), "{ended:?}");
    assert!(
        ended.stdout.contains("delay: 1ns") && ended.stdout.contains("delay: 0ns"),
        "{ended:?}"
    );
}

#[test]
fn other_times_and_other_ends_differ() {
    let ended = tampered("ends.jsonl", 5, r#""retries":1"#, r#""retries":7"#).run();
    let sides = "  recorded  success: 3 requests, 7 retries\n  \
                 decided   success: 3 requests, 1 retry\n";
    assert!(ended.stdout.ends_with(sides), "{ended:?}");
    let ended = tampered("times.jsonl", 4, r#""started":"#, r#""started":1,"was":"#).run();
    let sides = "  recorded  a request starts at 0.000 s\n  decided   no request is due then\n";
    assert!(ended.stdout.ends_with(sides), "{ended:?}");
    assert_eq!(ended.code, Some(1));
}

#[test]
fn an_incomplete_recording_is_reported() {
    let file = recording("stops.jsonl");
    let text = fs::read_to_string(&file).expect("a file");
    let whole: Vec<_> = text.lines().collect();
    fs::write(&file, whole[..3].join("\n")).expect("a file");
    let ended = replay(&file).run();
    let end =
        "\n3 lines, all decided as recorded; the recording stops before the end of the wait.\n";
    assert!(ended.stdout.ends_with(end), "{ended:?}");
    assert_eq!(ended.code, Some(0));
}

#[test]
fn a_file_that_is_not_a_recording_ends_with_2_and_has_the_line() {
    let file = new_file("odd.jsonl");
    let whole = fs::read_to_string(recording("origin.jsonl")).expect("a file");
    let lines: Vec<_> = whole.lines().collect();
    let cut = &lines[2][..40];
    for (text, message) in [
        (String::new(), "line 1: the file is empty"),
        ("hello".to_owned(), "line 1: expected value"),
        ("{}".to_owned(), "line 1: missing field `line`"),
        (r#"{"line":"other"}"#.to_owned(), "line 1: unknown variant `other`"),
        (lines[1..].join("\n"), "line 1: the first line, and only that, begins a wait"),
        ([lines[0], lines[0]].join("\n"), "line 2: the first line, and only that, begins a wait"),
        ([lines[0], "", lines[1], cut].join("\n"), "line 4: it stops in the middle"),
        (
            whole.replace(r#""version":1"#, r#""version":99"#),
            "line 1: expected a wait saved in form 1",
        ),
        ("{\"line\":\"\u{1b}[2J\"}".to_owned(), "line 1: control character"),
    ] {
        fs::write(&file, text).expect("a file");
        refused(&file, 2, "usage", &format!("odd.jsonl is not a recording: {message}"));
    }
    fs::write(&file, b"\xff\n").expect("a file");
    refused(&file, 2, "usage", "line 1: ");
}

#[test]
fn a_file_that_cannot_be_read_ends_with_7() {
    refused(&new_file("nowhere.jsonl"), 7, "file", "cannot be read: ");
    refused(Path::new(env!("CARGO_TARGET_TMPDIR")), 7, "file", "cannot be read: ");
}

#[test]
#[cfg(target_os = "linux")]
fn a_line_without_an_end_is_refused() {
    refused(Path::new("/dev/zero"), 2, "usage", "line 1: ");
}

#[test]
fn a_recording_cannot_control_the_terminal() {
    let script = "STATUS:a\u{1b}[2Jb,SUCCESS";
    let service = service(script);
    let file = new_file("steer.jsonl");
    let args = ["wait", "J", "--interval", "0", "--quiet", "--endpoint", &service.url()];
    cli(&args).arg("--record").arg(&file).run();
    let ended = replay(&file).run();
    assert!(
        ended.stdout.contains("a\u{fffd}[2Jb") && !ended.stdout.contains('\u{1b}'),
        "{ended:?}"
    );
}
