//! Failed exchanges: exit code, kind, facts and hint.

use std::net::TcpListener;

use serde_json::{Value, json};
use tcss_export_testkit::wire::WireAnswer;

use crate::support::{FIRST_ID, KEY, TOKEN, cli, run_at, server, service};

/// Returns exit code, kind and the whole error of one exchange.
fn failed(url: &str) -> (Option<i32>, String, Value) {
    let ended = run_at(url, "result J --json");
    assert_eq!(ended.stdout, "");
    let error = ended.error();
    (ended.code, error["kind"].as_str().expect("a kind").to_owned(), error)
}

/// Checks that an answer is refused as unusable with this message.
fn unusable(answer: WireAnswer, message: &str) {
    let (code, kind, error) = failed(&server(answer).url());
    assert_eq!((code, &*kind), (Some(6), "answer"), "{error}");
    assert!(error["message"].as_str().expect("a text").starts_with(message), "{error}");
}

/// Checks that the exchange fails without a complete answer, with this message about the server.
fn cut_off(url: &str, message: &str) {
    let (code, kind, error) = failed(url);
    assert_eq!((code, &*kind), (Some(5), "transport"), "{error}");
    let message = format!("{}: {message}", url.replace("http://", ""));
    assert!(error["message"].as_str().expect("a text").starts_with(&message), "{error}");
    assert_eq!(error["status"], Value::Null);
}

#[test]
fn an_api_error_is_reported_with_all_its_facts() {
    let (code, _, error) = failed(&service("ERROR:AuthFailure.UnauthorizedOperation").url());
    let expected = json!({
        "kind": "api",
        "code": "AuthFailure.UnauthorizedOperation",
        "message": "requested by the script",
        "status": 200,
        "request_id": FIRST_ID,
        "file_request_id": null,
        "job_id": null,
        "hint": "grant the user of this key these actions of tcss: \
            CreateExportComplianceStatusListJob, DescribeExportJobManageList and \
            DescribeExportJobResult; source of the key: environment, TENCENTCLOUD_SECRET_ID and \
            TENCENTCLOUD_SECRET_KEY",
        "url": null,
        "tried": null,
        "command": null,
    });
    assert_eq!((code, error), (Some(4), expected));
}

#[test]
fn the_text_of_an_error_has_the_same_facts_aligned() {
    let service = service("ERROR:NoSuchVersion");
    let url = service.url();
    let ended = run_at(&url, "result J");
    let expected = format!(
        "error: the service refused with NoSuchVersion: requested by the script\n  \
         HTTP status  200\n  request id   {FIRST_ID}\n  \
         hint         check --endpoint (now {url}): it seems to lead to another service\n"
    );
    assert_eq!((ended.code, ended.stderr, &*ended.stdout), (Some(4), expected, ""));
}

#[test]
fn a_code_without_a_hint_gets_the_hint_of_its_family() {
    let hint = |code: &str| failed(&service(&format!("ERROR:{code}")).url()).2["hint"].clone();
    assert_eq!(hint("InvalidParameter.Detail"), hint("InvalidParameter"));
    assert_eq!(hint("Nobody.KnowsIt"), "look up the code in the service's list of error codes");
}

#[test]
fn an_api_error_without_a_code_is_reported_without_one() {
    let server = server(WireAnswer::json(r#"{"Response":{"Error":"no"}}"#));
    let (code, kind, error) = failed(&server.url());
    assert_eq!((code, &*kind), (Some(4), "api"));
    assert_eq!(error["message"], "\"no\"");
    assert_eq!((&error["code"], &error["request_id"]), (&Value::Null, &Value::Null));
}

#[test]
fn a_page_cannot_be_used() {
    unusable(
        WireAnswer::response(502, &[("Content-Type", "text/html")], "<html>Bad</html>"),
        "expected JSON, got text/html: <html>Bad</html>",
    );
}

#[test]
fn a_page_with_status_200_cannot_be_used() {
    unusable(WireAnswer::json("hello"), "expected JSON, got application/json: hello");
}

#[test]
fn the_status_of_a_page_is_reported() {
    let (.., error) = failed(&service("HTTP:404").url());
    assert_eq!(error["status"], 404);
}

#[test]
fn an_empty_answer_cannot_be_used() {
    unusable(WireAnswer::json(""), "empty answer");
}

#[test]
fn truncated_json_cannot_be_used() {
    unusable(WireAnswer::json(r#"{"Response":{"#), "truncated answer");
}

#[test]
fn invalid_json_cannot_be_used() {
    unusable(WireAnswer::json("{x}"), "answer is not JSON at line 1 column 2");
}

#[test]
fn json_of_another_shape_cannot_be_used() {
    unusable(WireAnswer::json("{}"), "answer is JSON, but not one of this action");
}

#[test]
fn a_redirect_is_not_followed() {
    let headers = [("Location", "https://other.example/?q=EXAMPLEQUERY")];
    unusable(WireAnswer::response(302, &headers, ""), "unexpected redirect to other.example");
}

#[test]
fn a_compressed_answer_cannot_be_used() {
    let answer = WireAnswer::response(200, &[("Content-Encoding", "gzip")], "x");
    unusable(answer, "answer has the content encoding gzip");
}

#[test]
fn an_answer_that_is_too_large_cannot_be_used() {
    let server = server(WireAnswer::json(vec![b' '; (1 << 20) + 1]));
    let (code, kind, error) = failed(&server.url());
    assert_eq!((code, &*kind), (Some(6), "answer"), "{error}");
    let message = format!("{}: answer is larger than 1048576 bytes", server.addr());
    assert!(error["message"].as_str().expect("a text").starts_with(&message), "{error}");
}

#[test]
fn a_refused_connection_ends_with_5() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let message = "the connection failed: tcp connect error: Connection refused";
    cut_off(&format!("http://{free}"), message);
}

#[test]
fn a_closed_connection_ends_with_5() {
    cut_off(&server(WireAnswer::Close).url(), "the connection failed");
}

#[test]
fn a_body_shorter_than_its_length_ends_with_5() {
    let answer = WireAnswer::response(200, &[("Content-Length", "10")], "{}").then_close();
    cut_off(&server(answer).url(), "the answer ended before its declared length");
}

#[test]
fn an_answer_that_is_not_http_ends_with_5() {
    cut_off(&server(WireAnswer::raw("no HTTP\r\n\r\n").then_close()).url(), "");
}

#[test]
fn a_permanent_fault_ends_a_wait_with_its_own_kind() {
    let service = service("HTTP:302");
    let ended = run_at(&service.url(), "wait J --json");
    let error = ended.error();
    assert_eq!((ended.code, &error["kind"]), (Some(6), &json!("answer")), "{ended:?}");
    assert_eq!((&error["status"], service.seen().len()), (&json!(302), 1));
}

#[test]
fn control_characters_of_a_message_are_not_printed() {
    let body = r#"{"Response":{"Error":{"Code":"X","Message":"a\u001b[2Jb\nerror: c"}}}"#;
    let server = server(WireAnswer::json(body));
    let ended = run_at(&server.url(), "result J");
    assert!(
        ended
            .stderr
            .starts_with("error: the service refused with X: a\u{fffd}[2Jb\u{fffd}error: c\n")
    );
    let ended = run_at(&server.url(), "result J --json");
    assert_eq!(ended.error()["message"], "a\u{1b}[2Jb\nerror: c");
}

#[test]
fn a_message_that_echoes_secrets_is_masked() {
    let signature = "0123456789abcdef".repeat(4);
    let echo = format!("{KEY} {TOKEN} Signature={signature} https://h.example/?EXAMPLEQUERY");
    let api = format!(r#"{{"Response":{{"Error":{{"Code":"X","Message":"{echo}"}}}}}}"#);
    for body in [api, echo] {
        let server = server(WireAnswer::json(body));
        for flag in ["--json", "--quiet"] {
            let args = ["result", "J", "--endpoint", &server.url(), flag];
            let ended = cli(&args).env("TENCENTCLOUD_TOKEN", TOKEN).run();
            assert!(ended.stderr.contains("*** ***"), "{ended:?}");
        }
    }
}

#[test]
fn a_secret_that_contains_another_one_is_masked_as_a_whole() {
    let token = "EXAMPLESTARTeXaMpLeEXAMPLEEND";
    let error = format!(r#"{{"Code":"InvalidParameter","Message":"the token {token}"}}"#);
    let server = server(WireAnswer::json(format!(r#"{{"Response":{{"Error":{error}}}}}"#)));
    let cli = cli(&["result", "J", "--json", "--endpoint", &server.url()]);
    let cli = cli.env("TENCENTCLOUD_SECRET_KEY", "eXaMpLe");
    let ended = cli.env("TENCENTCLOUD_TOKEN", token).run();
    assert_eq!(ended.error()["message"], "the token ***");
}

/// The support code fails if an output contains the key or the token.
#[test]
fn where_a_text_was_cut_only_the_start_of_the_password_is_masked() {
    let message = "Ask admin... EXAMPLE...";
    let error = format!(r#"{{"Code":"InvalidParameter","Message":"{message}"}}"#);
    let server = server(WireAnswer::json(format!(r#"{{"Response":{{"Error":{error}}}}}"#)));
    let args = ["result", "J", "--json", "--endpoint", &server.url()];
    let ended = cli(&args).env("HTTPS_PROXY", "http://admin:EXAMPLEPASSWORD@p.example").run();
    let message = ended.error()["message"].as_str().expect("a text").to_owned();
    assert!(message.ends_with("Ask admin... ***..."), "{message}");
}

#[test]
fn a_result_that_echoes_secrets_is_masked() {
    // The token in base64.
    let encoded = "RmllbGRDYXNlc1Rva2VuMDAwMQ==";
    let result =
        format!(r#""ExportStatus":"{KEY}","FailureMsg":"{encoded}","RequestId":"{TOKEN}""#);
    let job = format!(
        r#"{{"JobID":"{KEY}","JobName":"{KEY}","Source":"{KEY}","ExportStatus":"{KEY}",
            "FailureMsg":"{KEY}","Timeout":"{KEY}","InsertTime":"{KEY}"}}"#
    );
    let jobs = format!(r#""TotalCount":1,"List":[{job}],"RequestId":"{KEY}""#);
    let created = format!(r#""JobId":"J","RequestId":"{KEY}""#);
    let create = &["create", "--asset-type", "host", "--all"][..];
    for (args, members) in [(&["result", "J"][..], result), (&["jobs"], jobs), (create, created)] {
        let server = server(WireAnswer::json(format!(r#"{{"Response":{{{members}}}}}"#)));
        for more in [&[][..], &["--json"]] {
            let url = server.url();
            let args = [args, &["--endpoint", &url], more].concat();
            let ended = cli(&args).env("TENCENTCLOUD_TOKEN", TOKEN).run();
            assert_eq!(ended.code, Some(0), "{ended:?}");
            let is_shown = more.is_empty() && args[0] == "create";
            assert!(is_shown || ended.stdout.contains("***"), "{ended:?}");
            assert!(!ended.stdout.contains("RmllbGRDYXNl"), "{ended:?}");
        }
    }
}
