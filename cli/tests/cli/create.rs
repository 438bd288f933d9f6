//! `create`: creates at most one job.

use std::fs::File;
use std::io::Read;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::json;
use tcss_export_testkit::wire::WireAnswer;

use crate::support::{FIRST_ID, ID, KEY, cli, run_at, server, service};

const FIRST_JOB: &str = "00000000-7e57-4000-8000-000000000001";
const ALL_HOSTS: &str = "create --asset-type host --all";

/// Returns the body of the request that a command line sends.
fn body(line: &str) -> String {
    let server = server(WireAnswer::json(r#"{"Response":{"JobId":"J"}}"#));
    assert_eq!(run_at(&server.url(), line).code, Some(0), "{line}");
    let request = String::from_utf8(server.requests().remove(0)).expect("UTF-8");
    request.split_once("\r\n\r\n").expect("a body").1.to_owned()
}

#[test]
fn stdout_holds_only_the_id() {
    let ended = run_at(&service("RUNNING").url(), ALL_HOSTS);
    assert_eq!((ended.code, &*ended.stdout), (Some(0), &*format!("{FIRST_JOB}\n")));
    assert_eq!(ended.stderr, "");
}

#[test]
fn the_id_goes_to_stderr_if_stdout_cannot_be_written() {
    let full = || Stdio::from(File::options().write(true).open("/dev/full").expect("/dev/full"));
    let closed = || Stdio::from(std::io::pipe().expect("a pipe").1);
    for stdout in [full(), closed()] {
        let service = service("RUNNING");
        let url = service.url();
        let args = ["create", "--asset-type", "host", "--all", "--json", "--endpoint", &url];
        let ended = cli(&args).stdout(stdout).run();
        let error = ended.error();
        assert_eq!((ended.code, &error["job_id"]), (Some(7), &json!(FIRST_JOB)), "{error}");
        assert_eq!(error["kind"], "file");
        assert_eq!(service.seen().len(), 1);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_closed_stdout_is_noticed_before_a_job_is_created() {
    let service = service("RUNNING");
    let program = env!("CARGO_BIN_EXE_tcss-export");
    for (redirection, code) in [(">&-", 7), ("1<>/dev/null", 7), (">/dev/null", 0)] {
        let line =
            format!("exec '{program}' {ALL_HOSTS} --endpoint {} {redirection}", service.url());
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).env_clear();
        shell.env("TENCENTCLOUD_SECRET_ID", ID).env("TENCENTCLOUD_SECRET_KEY", KEY);
        let ended = shell.output().expect("a shell");
        assert_eq!(ended.status.code(), Some(code), "{redirection}");
        let stderr = String::from_utf8(ended.stderr).expect("UTF-8");
        assert_eq!(stderr.contains("stdout is closed or /dev/null"), code == 7, "{stderr}");
        assert_eq!(service.seen().len(), usize::from(code == 0));
    }
}

#[test]
fn with_json_the_request_id_is_printed_too() {
    let ended = run_at(&service("RUNNING").url(), &format!("{ALL_HOSTS} --json"));
    assert_eq!(ended.json(), json!({"job_id": FIRST_JOB, "request_id": FIRST_ID}));
}

/// Checks that a command corrects a wrong clock, reports it, and needs two requests.
fn corrected(line: &str) {
    let service = service("SKEW:600,RUNNING");
    // The first poll changes the service's clock.
    assert_eq!(run_at(&service.url(), "result J").code, Some(0));
    let ended = run_at(&service.url(), line);
    let correction = "AuthFailure.SignatureExpire; clock corrected by +";
    assert!(ended.stderr.starts_with(correction), "{ended:?}");
    assert!(ended.stderr.ends_with(" s; retrying at once\n"), "{ended:?}");
    assert_eq!((ended.code, service.seen().len()), (Some(0), 4), "{ended:?}");
    let ended = run_at(&service.url(), &format!("{line} --quiet --json"));
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
}

#[test]
fn a_wrong_clock_is_corrected_and_one_job_is_created() {
    corrected(ALL_HOSTS);
}

#[test]
fn the_jobs_command_corrects_a_wrong_clock_too() {
    corrected("jobs");
}

#[test]
fn a_clock_that_stays_wrong_ends_the_command_after_two_requests() {
    let error = r#"{"Code":"AuthFailure.SignatureExpire","Message":"no"}"#;
    let body = format!(r#"{{"Response":{{"Error":{error}}}}}"#);
    let date = ("Date", "Wed, 15 Nov 2023 00:09:50 GMT");
    for (headers, requests) in [(&[date][..], 2), (&[], 1)] {
        let server = server(WireAnswer::response(200, headers, &body));
        let ended = run_at(&server.url(), &format!("{ALL_HOSTS} --json"));
        let error = ended.error();
        let code = json!("AuthFailure.SignatureExpire");
        assert_eq!((ended.code, &error["code"]), (Some(4), &code), "{error}");
        assert!(error["hint"].as_str().expect("a hint").starts_with("set the clock"), "{error}");
        assert_eq!((server.requests().len(), &*ended.stdout), (requests, ""));
    }
}

#[test]
fn everything_is_exported_by_check_item_or_by_asset() {
    let all = r#"{"AssetType":"ASSET_HOST","ExportByAsset":false,"ExportAll":true}"#;
    assert_eq!(body(ALL_HOSTS), all);
    let by_asset = all.replace(r#"Asset":false"#, r#"Asset":true"#);
    assert_eq!(body("create --asset-type ASSET_HOST --all --by-asset"), by_asset);
}

#[test]
fn ids_are_repeated_or_separated_by_commas() {
    let ids = r#""ExportByAsset":false,"ExportAll":false,"IdList":[3,17,5]}"#;
    let expected = format!(r#"{{"AssetType":"Asset_other",{ids}"#);
    assert_eq!(body("create --other-asset-type Asset_other --id 3,17 --id 5"), expected);
}

#[test]
fn a_request_that_may_have_arrived_is_not_repeated_and_the_error_names_the_jobs_command() {
    for answer in [
        WireAnswer::raw("").then_close(),
        WireAnswer::response(502, &[], "<html>"),
        WireAnswer::json(r#"{"Response":{"Error":{"Code":"InternalError","Message":"no"}}}"#),
        WireAnswer::json(r#"{"Response":{"JobId":""}}"#),
    ] {
        let server = server(answer);
        let ended = run_at(&server.url(), &format!("{ALL_HOSTS} --json"));
        let (error, command) =
            (ended.error(), format!("tcss-export jobs --endpoint {}", server.url()));
        let hint = "the job may have been created anyway: look for it before you create another";
        assert_eq!((&error["hint"], &error["command"]), (&json!(hint), &json!(command)));
        assert_eq!((server.requests().len(), &*ended.stdout), (1, ""));
    }
}

#[test]
fn the_next_command_is_on_a_separate_line() {
    let server = server(WireAnswer::response(502, &[], ""));
    let ended = run_at(&server.url(), ALL_HOSTS);
    let line = format!("\n  check with   tcss-export jobs --endpoint {}\n", server.url());
    assert!(ended.stderr.ends_with(&line), "{ended:?}");
    assert_eq!(ended.code, Some(6));
}

#[test]
fn a_refusal_has_a_hint_that_mentions_no_job_id() {
    for code in ["InvalidParameter", "InvalidParameterValue.DataNotFound"] {
        let body = format!(r#"{{"Response":{{"Error":{{"Code":"{code}","Message":"no"}}}}}}"#);
        let server = server(WireAnswer::json(&body));
        let ended = run_at(&server.url(), &format!("{ALL_HOSTS} --json"));
        let hint = "check --asset-type, and that this account has what --id names";
        assert_eq!((ended.code, &ended.error()["hint"]), (Some(4), &json!(hint)));
    }
}

#[test]
fn an_interrupt_warns_that_the_job_may_exist() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let args = ["create", "--asset-type", "host", "--all", "--endpoint", &url];
    let running = cli(&args).stdout(Stdio::piped()).start(0);
    let (mut stream, _) = listener.accept().expect("a connection");
    stream.read_exact(&mut [0; 64]).expect("a request");
    running.signal("-INT");
    let ended = running.end();
    let stderr = format!(
        "stopped while creating a job; the job may have been created anyway: look for it before \
         you create another; check with: tcss-export jobs --endpoint {url}\n"
    );
    assert_eq!((ended.code, ended.stderr, &*ended.stdout), (Some(130), stderr, ""));
}
