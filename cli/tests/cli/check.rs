//! `check`: whether a run will work.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use tcss_export_testkit::wire::{WireAnswer, WireServer};
use tcss_export_testkit::{Clock, SeenAnswer};

use crate::support::{
    Cli, Ended, Folder, KEY, OTHER_KEY, builder, cli, run_at, server, without_keys,
};

/// Returns the state of each check.
fn states(ended: &Ended) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let checks = ended.json()["checks"].as_array().expect("a list").clone();
    checks.iter().map(|check| (text(&check["check"]), text(&check["state"]))).collect()
}

#[track_caller]
fn assert_states(ended: &Ended, code: i32, expected: &str) {
    let states: Vec<_> = states(ended).iter().map(|(c, s)| format!("{c}:{s}")).collect();
    assert_eq!((ended.code, &*states.join(" ")), (Some(code), expected), "{ended:?}");
}

/// Returns a check by its name.
fn line(ended: &Ended, check: &str) -> Value {
    let checks = ended.json()["checks"].as_array().expect("a list").clone();
    checks.into_iter().find(|line| line["check"] == check).expect("a check")
}

fn check(url: &str, more: &[&str]) -> Cli {
    cli(&[&["check", "--json", "--endpoint", url], more].concat())
}

#[test]
fn a_machine_that_is_ready_passes_and_nothing_is_created() {
    let folder = Folder::new("check-ready");
    let service = builder("RUNNING:10").start().expect("a service");
    let file = folder.path("report.csv");
    let url = service.url();
    let ended = check(&url, &["-o", &file]).run();
    let expected = "name:ok connection:ok clock:ok key:ok list:ok poll:skipped create:skipped \
        output:ok room:ok";
    assert_states(&ended, 0, expected);
    let key = line(&ended, "key")["detail"].as_str().expect("a text").to_owned();
    let owner = "; account 100000000001, qcs::cam::uin/100000000001:uin/100000000002";
    assert!(key.ends_with(owner), "{key}");
    assert!(folder.files().is_empty());

    run_at(&url, "create --asset-type host --all");
    let ended = check(&url, &["-o", &file]).run();
    assert_eq!(line(&ended, "list")["detail"], "the account has 1 job");
    assert_eq!(line(&ended, "poll")["detail"], "the newest job has the status RUNNING");
    let is_created = |answer: &SeenAnswer| matches!(answer, SeenAnswer::Created { .. });
    assert_eq!(service.seen().iter().filter(|seen| is_created(&seen.answer)).count(), 1);
}

#[test]
fn for_people_each_check_is_a_line_with_what_to_do() {
    let service = builder("RUNNING").start().expect("a service");
    let args = ["check", "--endpoint", &service.url()];
    let ended = cli(&args).env("TENCENTCLOUD_SECRET_KEY", OTHER_KEY).run();
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!((ended.code, lines.len()), (Some(4), 4), "{ended:?}");
    assert!(lines[0].starts_with("ok       name         127.0.0.1 has the address 127.0.0.1"));
    assert!(lines[3].starts_with("FAILED   key          the service refused with AuthFailure."));
    let advice = "; check that the secret key belongs to the id; ";
    assert!(lines[3].contains(advice), "{}", lines[3]);
}

#[test]
fn a_refused_key_is_a_failure_of_the_key() {
    let service = builder("RUNNING").start().expect("a service");
    let ended = check(&service.url(), &[]).env("TENCENTCLOUD_SECRET_KEY", OTHER_KEY).run();
    assert_states(&ended, 4, "name:ok connection:ok clock:ok key:failed");
}

#[test]
fn without_a_key_the_service_is_asked_nevertheless() {
    let service = builder("RUNNING").start().expect("a service");
    let ended = without_keys(&["check", "--json", "--endpoint", &service.url()]).run();
    assert_states(&ended, 2, "name:ok connection:ok clock:ok key:failed");
    let detail = line(&ended, "key")["detail"].to_string();
    assert!(detail.contains("TENCENTCLOUD_SECRET_ID is not set"), "{detail}");
}

#[test]
fn a_key_without_the_permission_to_list_is_a_failure_of_the_list() {
    for code in ["UnauthorizedOperation", "AuthFailure.UnauthorizedOperation"] {
        let body = json!({ "Response": {
            "Error": { "Code": code, "Message": "not allowed" }, "RequestId": "r",
        } });
        let server = server(WireAnswer::json(body.to_string()));
        let ended = check(&server.url(), &[]).run();
        let expected =
            "name:ok connection:ok clock:ok key:warning list:failed poll:skipped create:skipped";
        assert_states(&ended, 4, expected);
        let hint = line(&ended, "list")["hint"].to_string();
        assert!(hint.contains("DescribeExportJobManageList"), "{hint}");
    }
}

/// Nothing can listen on this port.
const CLOSED: &str = "http://127.0.0.1:1";

#[test]
fn a_service_that_cannot_be_reached_is_a_failure_of_the_connection() {
    let ended = check(CLOSED, &[]).run();
    assert_states(&ended, 5, "name:ok connection:failed key:skipped permissions:skipped");
}

#[test]
fn a_page_in_place_of_an_answer_is_a_failure_of_the_connection() {
    let page = WireAnswer::response(200, &[("content-type", "text/html")], "<html>");
    let ended = check(&server(page).url(), &[]).run();
    assert_states(&ended, 6, "name:ok connection:failed key:skipped permissions:skipped");
}

#[test]
fn an_unknown_certificate_is_a_failure_of_the_certificate() {
    let server = WireServer::tls([WireAnswer::json("{}")]).expect("a server");
    let ended = check(&server.url(), &[]).run();
    assert_states(&ended, 5, "name:ok certificate:failed key:skipped permissions:skipped");
}

#[test]
fn missing_roots_are_a_failure_of_the_certificate() {
    let server = WireServer::tls([WireAnswer::json("{}")]).expect("a server");
    let ended = check(&server.url(), &[]).env("SSL_CERT_FILE", "/nonexistent").run();
    assert_states(&ended, 5, "name:ok certificate:failed key:skipped permissions:skipped");
    let hint = line(&ended, "certificate")["hint"].to_string();
    assert!(hint.contains("SSL_CERT_FILE"), "{hint}");
}

#[test]
fn a_clock_that_is_off_is_a_warning() {
    let ahead = Clock::from_fn(|| Clock::default().now() + 600);
    let service = builder("RUNNING").clock(ahead).start().expect("a service");
    let ended = check(&service.url(), &[]).run();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let clock = line(&ended, "clock");
    assert_eq!(
        (&clock["state"], &clock["hint"]),
        (&json!("warning"), &json!("set the clock of this machine"))
    );
}

#[test]
fn made_up_addresses_are_a_failure_of_the_name() {
    let ended = check("https://198.18.0.7:1", &[]).run();
    assert_states(&ended, 2, "name:failed key:skipped permissions:skipped");
}

#[test]
fn an_output_that_cannot_be_written_is_a_failure() {
    let folder = Folder::new("check-output");
    fs::write(folder.path("there"), "x").expect("a file");
    for (name, more, state) in
        [("there", &[][..], "failed"), ("there", &["--force"], "ok"), ("no/f", &[], "failed")]
    {
        let file = folder.path(name);
        let args = [&["-o", &file], more].concat();
        let ended = check(CLOSED, &args).run();
        assert_eq!(line(&ended, "output")["state"], state, "{name} {more:?}");
    }
    let dated = line(&check(CLOSED, &["-o", &folder.path("a-{date}")]).run(), "output");
    assert!(dated["detail"].as_str().expect("a text").contains("/a-20"), "{dated}");
    // The first failure, of the connection, gives the exit code.
    assert_eq!(check(CLOSED, &["-o", &folder.path("no/f")]).run().code, Some(5));
    assert_eq!(folder.files(), ["there"]);
}

#[test]
fn a_key_file_that_others_can_read_is_a_warning() {
    let folder = Folder::new("check-mode");
    let file = folder.path("keys.ini");
    fs::write(&file, format!("[default]\nsecret_id = AKIDFIELDCASES0001\nsecret_key = {KEY}\n"))
        .expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("its mode");
    let service = builder("RUNNING").start().expect("a service");
    let args = ["check", "--json", "--endpoint", &service.url()];
    let ended = without_keys(&args).env("TENCENTCLOUD_CREDENTIALS_FILE", &file).run();
    let key = line(&ended, "key");
    assert_eq!((ended.code, &key["state"]), (Some(0), &json!("warning")));
    assert!(key["detail"].as_str().expect("a text").ends_with("set its mode to 0600"), "{key}");
}
