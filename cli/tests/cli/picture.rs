//! `replay --svg`: a recorded wait as a picture, read back by an XML parser.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Duration;

use http::Response;
use roxmltree::{Document, Node};
use tcss_export::core::wait::{Policy, Step, Waiter};
use tcss_export::core::{
    Credentials, Endpoint, JobId, Mono, Now, Session, TransportErrorKind, Wall,
};

use crate::support::{new_file, without_keys};

/// A poll that cannot be started, for example without credentials.
const NOT_STARTED: Exchange = Err(TransportErrorKind::Connection);
const PAUSE: Duration = Duration::from_secs(2);

type Exchange = Result<Response<String>, TransportErrorKind>;

/// Records a wait in virtual time, with exchanges of a second each and equal pauses.
fn recorded(name: &str, exchanges: impl IntoIterator<Item = Exchange>) -> PathBuf {
    recorded_with(PAUSE, name, exchanges)
}

/// Records a wait whose pauses grow up to this one.
fn recorded_with(
    longest: Duration,
    name: &str,
    exchanges: impl IntoIterator<Item = Exchange>,
) -> PathBuf {
    let now = |mono: Mono| {
        let wall = Wall::from_unix_seconds(1_699_979_400).saturating_add(mono.since_origin());
        Now { wall, mono }
    };
    let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").expect("made up");
    let mut session = Session::new(Endpoint::international());
    let (mut policy, mut time) = (Policy::default(), Mono::default());
    policy.max_wait = Duration::from_secs(9_000);
    (policy.poll_interval, policy.longest_poll_interval) = (PAUSE, longest);
    let mut waiter = Waiter::new(JobId::new("4711").expect("an id"), &policy, 7, time);
    waiter.record(now(time), &session);
    for exchange in exchanges {
        while let Step::WaitUntil(moment) = waiter.step(time) {
            time = moment;
        }
        if matches!(exchange, Err(TransportErrorKind::Connection)) {
            waiter.cannot_start(time, TransportErrorKind::Connection);
            continue;
        }
        waiter.start(now(time), &mut session, &credentials).expect("a due poll");
        time = time.saturating_add(Duration::from_secs(1));
        let answer = exchange.map(|answer| answer.map(Into::into));
        waiter.answer(now(time), &mut session, answer);
    }
    waiter.cancel();
    let lines = waiter.take_transcript();
    let text = |line| serde_json::to_string(line).expect("a line") + "\n";
    let file = new_file(name);
    fs::write(&file, lines.iter().map(text).collect::<String>()).expect("a file");
    file
}

fn status(status: &str, progress: f64) -> Exchange {
    let url = "https://h.example/a.csv?q-signature=EXAMPLEQUERY";
    let result = serde_json::json!({
        "ExportStatus": status, "ExportProgress": progress, "DownloadURL": url,
        "ExportFailureReason": "", "RequestId": "r",
    });
    Ok(Response::new(serde_json::json!({ "Response": result }).to_string()))
}

fn refusal(code: &str) -> Exchange {
    let error = serde_json::json!({ "Code": code, "Message": "m" });
    let response = serde_json::json!({ "Response": { "Error": error, "RequestId": "r" } });
    Ok(Response::new(response.to_string()))
}

/// Draws a recording to stdout.
fn drawn(recording: &PathBuf) -> String {
    let ended = without_keys(&["replay", "--svg", "-"]).arg(recording).run();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout
}

/// Returns the classes of the marks of the requests.
fn marks<'a>(picture: &'a Document<'_>) -> Vec<&'a str> {
    let group = picture.descendants().find(|node| node.attribute("id") == Some("requests"));
    let marks = group.expect("the requests").children().filter(Node::is_element);
    marks.filter_map(|mark| mark.attribute("class")).collect()
}

/// Returns the texts of a class.
fn texts<'a>(picture: &'a Document<'_>, class: &str) -> Vec<&'a str> {
    let of_class = |node: &Node<'_, '_>| node.attribute("class") == Some(class);
    picture.descendants().filter(of_class).filter_map(|node| node.text()).collect()
}

fn count(classes: &[&str], class: &str) -> usize {
    classes.iter().filter(|found| **found == class).count()
}

#[test]
fn each_request_has_a_mark_for_its_result() {
    let recording = recorded(
        "marks.jsonl",
        [
            status("RUNNING", 10.0),
            Ok(Response::new("<html>".to_owned())),
            Err(TransportErrorKind::Timeout),
            refusal("RequestLimitExceeded"),
            refusal("AuthFailure.TokenFailure"),
            status("RUNNING", 50.0),
            status("RUNNING", 60.0),
            status("SUCCESS", 100.0),
        ],
    );
    let svg = drawn(&recording);
    let picture = Document::parse(&svg).expect("XML");
    let marks = marks(&picture);
    let counts = ["answered", "retried", "throttled", "corrected", "done", "failed"]
        .map(|class| count(&marks, class));
    assert_eq!((marks.len(), counts), (8, [3, 2, 1, 1, 1, 0]));
    let notes = texts(&picture, "note");
    // The first status, each fault and the end, but not the other answers.
    assert_eq!(notes.len(), 6, "{notes:?}");
    assert!(notes[0].starts_with("RUNNING 10 %"), "{notes:?}");
    assert!(notes[3].starts_with("RequestLimitExceeded; throttled: backing off"), "{notes:?}");
    assert_eq!(notes[5], "success");
    assert!(texts(&picture, "title")[0].starts_with("success after "), "{svg}");
    assert_eq!(texts(&picture, "faint")[0], "job 4711, deadline after 2.5 h");
    assert!(!svg.contains("h.example") && !svg.contains("EXAMPLEQUERY"), "{svg}");
}

#[test]
fn marks_and_progress_are_at_their_times() {
    let exchanges = [status("RUNNING", 0.0), status("RUNNING", 100.0), status("SUCCESS", 100.0)];
    let svg = drawn(&recorded("times.jsonl", exchanges));
    // Answers after 1, 4 and 7 s, with pauses of 2 s, on an axis from 70 to 930.
    let (first, second) = (70.0 + 860.0 / 7.0, 70.0 + 860.0 * 4.0 / 7.0);
    for mark in [
        format!("class=\"answered\" d=\"M{first:.1} "),
        format!("class=\"answered\" d=\"M{second:.1} "),
        "class=\"done\" d=\"M930.0 ".to_owned(),
        // From the line of 0 % to that of 100 %.
        format!("class=\"progress\" d=\"M{first:.1} 150.0H{second:.1}V80.0H930\""),
    ] {
        assert!(svg.contains(&mark), "{mark}: {svg}");
    }
}

#[test]
fn an_end_without_a_request_has_a_mark() {
    let svg = drawn(&recorded("cancelled.jsonl", [status("RUNNING", 10.0)]));
    let picture = Document::parse(&svg).expect("XML");
    assert_eq!(marks(&picture), ["answered", "failed"]);
    assert_eq!(texts(&picture, "note")[1], "the wait was cancelled");
}

#[test]
fn a_poll_that_cannot_start_has_a_mark_at_its_time() {
    let exchanges = [status("RUNNING", 10.0), NOT_STARTED, status("SUCCESS", 10.0)];
    let svg = drawn(&recorded("not-started.jsonl", exchanges));
    let picture = Document::parse(&svg).expect("XML");
    assert_eq!(marks(&picture), ["answered", "retried", "done"]);
    assert_eq!(texts(&picture, "faint right")[4..], ["1.0 s", "3.0 s", "4.0 s"]);
}

#[test]
fn a_pause_up_to_the_expected_end_has_a_line_and_a_note() {
    let exchanges = [status("RUNNING", 10.0), status("RUNNING", 90.0), status("SUCCESS", 100.0)];
    let svg = drawn(&recorded_with(10 * PAUSE, "aimed.jsonl", exchanges));
    let picture = Document::parse(&svg).expect("XML");
    let lines = picture.descendants().filter(|node| node.attribute("class") == Some("aimed"));
    let note = "RUNNING 90 %; next request at the expected end in ";
    assert_eq!(lines.count(), 1, "{svg}");
    assert!(texts(&picture, "note")[1].starts_with(note), "{svg}");
}

#[test]
fn an_answer_that_corrects_the_clock_stays_in_its_lane() {
    let mut ahead = status("RUNNING", 10.0);
    // The wait begins an hour earlier.
    let date = "Tue, 14 Nov 2023 17:30:00 GMT".parse().expect("a date");
    ahead.as_mut().expect("an answer").headers_mut().insert("date", date);
    let svg = drawn(&recorded("ahead.jsonl", [status("RUNNING", 1.0), ahead]));
    let picture = Document::parse(&svg).expect("XML");
    assert_eq!(marks(&picture), ["answered", "corrected", "failed"]);
    let group = picture.descendants().find(|node| node.attribute("id") == Some("requests"));
    let heights = group
        .expect("the requests")
        .children()
        .filter_map(|mark| Some(mark.attribute("d")?.split(' ').nth(1)?[..5].to_owned()));
    assert_eq!(heights.collect::<Vec<_>>(), ["212.0"; 3]);
}

#[test]
fn a_failed_job_has_the_mark_of_an_end_without_a_file() {
    let svg = drawn(&recorded("failed.jsonl", [status("FAILURE", 10.0)]));
    let picture = Document::parse(&svg).expect("XML");
    assert_eq!(marks(&picture), ["failed"]);
    assert_eq!(texts(&picture, "note"), ["the job has failed"]);
}

#[test]
fn texts_of_the_service_cannot_change_the_picture() {
    let long =
        "<script>&amp;\"'\u{1b}]0;\u{fffe}\u{ffff}\u{202e}".to_owned() + &"\u{4e2d}".repeat(9_999);
    let recording = recorded("hostile.jsonl", [status(&long, f64::MAX), status("SUCCESS", -1e300)]);
    let svg = drawn(&recording);
    let picture = Document::parse(&svg).expect("XML");
    let known = ["svg", "title", "style", "rect", "path", "text", "g"];
    let elements = picture.descendants().filter(Node::is_element);
    assert!(elements.into_iter().all(|node| known.contains(&node.tag_name().name())), "{svg}");
    let note = texts(&picture, "note")[0];
    assert!(
        note.starts_with("<script>&amp;\"'\u{fffd}]0;\u{fffd}\u{fffd}\u{fffd}\u{4e2d}"),
        "{note}"
    );
    assert!(note.chars().count() <= 110 && svg.len() < 10_000, "{svg}");
}

#[test]
fn a_thousand_polls_fit_into_one_picture() {
    let exchange = |poll| match poll % 3 {
        0 => refusal("InternalError"),
        _ => status("RUNNING", f64::from(poll) / 10.0),
    };
    let svg = drawn(&recorded("long.jsonl", (0..1_000).map(exchange)));
    let picture = Document::parse(&svg).expect("XML");
    assert_eq!(marks(&picture).len(), 1_001);
    assert_eq!(texts(&picture, "note").len(), 16);
    let ticks = texts(&picture, "faint middle");
    assert!((5..=11).contains(&ticks.len()) && ticks[1] == "5 min", "{ticks:?}");
    let attributes = picture.descendants().flat_map(|node| node.attributes());
    let x = attributes.filter(|found| found.name() == "x").map(|x| x.value().parse::<f64>());
    assert!(x.into_iter().all(|x| (0.0..=960.0).contains(&x.expect("a number"))), "{svg}");
    let height: f64 = picture.root_element().attribute("height").unwrap().parse().unwrap();
    assert!(height < 800.0);
}

#[test]
fn a_wait_without_a_request_or_without_an_end_has_a_picture() {
    let recording = recorded("empty.jsonl", []);
    let ended = drawn(&recording);
    assert_eq!(marks(&Document::parse(&ended).expect("XML")), ["failed"]);
    let text = fs::read_to_string(&recording).expect("a file");
    fs::write(&recording, text.lines().next().expect("a line")).expect("a file");
    let svg = drawn(&recording);
    let picture = Document::parse(&svg).expect("XML");
    assert_eq!(texts(&picture, "title"), ["the recording stops before the end"]);
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
}

#[test]
fn a_difference_from_the_recording_is_in_the_picture() {
    let recording = recorded("otherwise.jsonl", [refusal("InternalError"), status("SUCCESS", 1.0)]);
    let text = fs::read_to_string(&recording).expect("a file");
    fs::write(&recording, text.replace("InternalError", "ResourceNotFound")).expect("a file");
    let ended = without_keys(&["replay", "--svg", "-"]).arg(&recording).run();
    assert_eq!(ended.code, Some(1));
    let picture = Document::parse(&ended.stdout).expect("XML");
    let text = "line 2 is decided otherwise than recorded";
    assert_eq!((texts(&picture, "title"), marks(&picture)), (vec![text], vec!["failed"]));
}

#[test]
fn an_existing_file_is_replaced_only_with_force() {
    let (recording, picture) = (recorded("kept.jsonl", []), new_file("kept.svg"));
    let draw = |args: &[&str]| without_keys(args).arg(&recording).arg("--svg").arg(&picture).run();
    fs::write(&picture, "other").expect("a file");
    let refused = draw(&["replay"]);
    assert_eq!(refused.code, Some(7), "{refused:?}");
    assert!(refused.stderr.contains("--force"), "{refused:?}");
    assert_eq!(fs::read_to_string(&picture).expect("a file"), "other");
    let ended = draw(&["replay", "--force"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("all decided as recorded"), "{ended:?}");
    Document::parse(&fs::read_to_string(&picture).expect("a file")).expect("XML");
}

#[test]
fn a_reader_that_closes_stdout_does_not_prevent_the_picture() {
    let (recording, picture) =
        (recorded("closed.jsonl", [status("SUCCESS", 1.0)]), new_file("closed.svg"));
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    without_keys(&["replay", "--svg"]).arg(&picture).arg(&recording).stdout(writer).run();
    Document::parse(&fs::read_to_string(&picture).expect("a file")).expect("XML");
}

#[test]
fn the_picture_of_the_guide_is_that_of_its_recording() {
    let images = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/images");
    let recording = File::open(format!("{images}/wait.jsonl")).expect("a recording");
    let ended = without_keys(&["replay", "-", "--svg", "-"]).stdin(recording).run();
    let picture = fs::read_to_string(format!("{images}/wait.svg")).expect("a picture");
    assert_eq!(ended.code, Some(0), "record it again: see docs/guide.md");
    assert!(ended.stdout == picture, "draw it again: see docs/guide.md");
}
