//! `explain --compare`. The captured texts come from curl 7.88.1 and the SDKs for Python 3.1.195,
//! Go 1.3.166 and Node.js 4.1.313 against the test service. The requests of `mistakes.jsonl` were
//! signed by Python's hmac and hashlib at 1699979400, each with one mistake.

use std::fs::{self, File};
use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Cli, Ended, Folder, ID, TOKEN, cli, without_keys};

const NOW: &str = "1699979400";
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captured/");

fn file(name: &str) -> String {
    [FOLDER, name].concat()
}

fn read(name: &str) -> String {
    fs::read_to_string(file(name)).expect("a text")
}

/// Runs it with a text on stdin.
fn run(cli: Cli, text: &[u8]) -> Ended {
    let mut command = cli.stdin(Stdio::piped()).into_command();
    let mut child = command.spawn().expect("the binary runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    // A text that is too large is not read to its end.
    let _ = stdin.write_all(text);
    drop(stdin);
    Ended::new(child.wait_with_output().expect("an end"), false)
}

fn compare(text: &str) -> Ended {
    run(cli(&["explain", "--compare", "-", "--timestamp", NOW, "--json"]), text.as_bytes())
}

fn compare_without_keys(text: &str) -> Value {
    let args = ["explain", "--compare", "-", "--timestamp", NOW, "--json"];
    run(without_keys(&args), text.as_bytes()).json()
}

/// Returns the request of a row.
fn request(mistake: &str) -> String {
    let row = rows().into_iter().find(|row| row["mistake"] == mistake).expect("a row");
    row["text"].as_str().expect("a text").to_owned()
}

fn rows() -> Vec<Value> {
    read("mistakes.jsonl").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Returns the names of the parts with a result.
fn parts(object: &Value, result: &str) -> Vec<String> {
    let parts = object["parts"].as_array().expect("a list").iter();
    let named = parts.filter(|part| part["result"] == result);
    named.map(|part| part["part"].as_str().expect("a text").to_owned()).collect()
}

fn detail(object: &Value, name: &str) -> Value {
    let parts = object["parts"].as_array().expect("a list").iter();
    parts.filter(|part| part["part"] == name).map(|part| part["detail"].clone()).collect()
}

#[test]
fn each_mistake_is_named_with_its_part_and_cause() {
    for row in rows() {
        let ended = compare(row["text"].as_str().expect("a text"));
        let (object, mistake) = (ended.json(), &row["mistake"]);
        assert_eq!(object["first_difference"], row["part"], "{mistake}: {object}");
        assert_eq!(object["same"], row["part"].is_null(), "{mistake}");
        assert_eq!(ended.code, Some(i32::from(!row["part"].is_null())), "{mistake}");
        let cause = row["cause"].as_str().unwrap_or_default();
        let named = object["likely_cause"].as_str().unwrap_or_default();
        assert!(named.contains(cause), "{mistake}: {named}");
    }
}

#[test]
fn without_a_key_all_but_the_signature_is_compared() {
    let object = compare_without_keys(&request("none"));
    assert_eq!(parts(&object, "not_compared"), ["signature"]);
    assert_eq!(detail(&object, "signature"), json!(["no source has credentials"]));
    assert_eq!(compare_without_keys(&request("service cvm"))["first_difference"], "service");
}

#[test]
fn requests_of_curl_and_the_sdks_are_the_same() {
    for name in ["python-http-client.txt", "python-sdk.log", "go-sdk.log"] {
        let ended = cli(&["explain", "--compare", &file(name), "--json"]).run();
        let object = ended.json();
        assert_eq!((ended.code, &object["same"]), (Some(0), &json!(true)), "{name}: {object}");
        assert!(parts(&object, "not_compared").is_empty(), "{name}: {object}");
    }
}

/// The signature does not cover the id, but the service looks up the key by it.
#[test]
fn another_id_with_the_same_key_is_a_difference() {
    let ended = compare(&request("none").replace(ID, "AKIDOTHER"));
    let object = ended.json();
    assert_eq!(
        (ended.code, &object["first_difference"]),
        (Some(1), &json!("signature")),
        "{object}"
    );
    let cause = object["likely_cause"].as_str().expect("a text");
    assert!(cause.contains("the SecretId that was sent"), "{cause}");
    let masked = compare(&request("none").replace(ID, "AKID****0001"));
    assert_eq!((masked.code, parts(&masked.json(), "differs").len()), (Some(0), 0));
}

/// The SDK signs the host without its port, and takes the service from the host.
#[test]
fn the_sdk_for_node_does_not_sign_the_port() {
    let args =
        ["explain", "--compare", &file("node-sdk.http"), "--timestamp", "1795943792", "--json"];
    let object = cli(&args).run().json();
    assert_eq!(parts(&object, "differs"), ["host", "service", "signature"]);
    assert_eq!(detail(&object, "host"), json!(["signed 127.0.0.1"]));
    assert_eq!(detail(&object, "service"), json!(["sent 127, expected tcss"]));
}

#[test]
fn the_body_can_be_added_to_the_output_of_curl() {
    let text = read("curl-v.txt");
    let object = compare(&text).json();
    assert_eq!(parts(&object, "not_compared"), ["payload hash", "signature"]);
    let body = r#"{"JobId":"3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10"}"#;
    for body in [format!("> \r\n{body}\n"), format!("> \r\n> {body}\r\n")] {
        let text = text.replacen("> \r\n", &body, 1);
        let object = run(cli(&["explain", "--compare", "-", "--json"]), text.as_bytes()).json();
        assert_eq!(object["same"], true, "{object}");
        assert!(parts(&object, "not_compared").is_empty(), "{object}");
    }
}

/// The form is that of `TCLog` of the SDK.
#[test]
fn the_log_of_the_sdk_for_java_is_read() {
    let request = request("none");
    let (head, body) = request.split_once("\r\n\r\n").expect("a body");
    let (_, headers) = head.split_once("\r\n").expect("headers");
    let headers = headers.replace("\r\n", ";");
    let line = format!(
        "Nov 14, 2023 4:30:00 PM com.tencentcloudapi.common.TCLog info\n\
         INFO: send request, request url: https://tcss.intl.tencentcloudapi.com/. request headers information: {headers};\n"
    );
    let object = compare(&line).json();
    assert_eq!(parts(&object, "not_compared"), ["payload hash", "signature"]);
    assert_eq!(object["same"], true, "{object}");
    let object = compare(&[&line, body].concat()).json();
    assert!(parts(&object, "not_compared").is_empty(), "{object}");
}

#[test]
fn the_output_of_sign_is_a_request() {
    let job = "3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10";
    let text = cli(&["sign", job, "--timestamp", NOW, "--reveal"]).revealing().run().stdout;
    for text in
        [text.clone(), text.replace('\n', "\r\n"), format!("\u{feff}### a\n\n{text}\n\n###\n")]
    {
        let object = compare(&text).json();
        assert_eq!(object["same"], true, "{object}");
        assert!(parts(&object, "not_compared").is_empty(), "{object}");
    }
    let masked = cli(&["sign", job, "--timestamp", NOW]).run().stdout;
    assert_eq!(parts(&compare(&masked).json(), "not_compared"), ["signature"]);
}

#[test]
fn a_masked_authorization_leaves_the_rest_to_compare() {
    let text = request("a path");
    let at = text.find("TC3-HMAC").expect("a signature");
    let end = text[at..].find("\r\n").expect("an end") + at;
    let object = compare(&[&text[..at], "***", &text[end..]].concat()).json();
    let expected = ["signed headers", "date", "service", "signature"];
    assert_eq!(parts(&object, "not_compared"), expected);
    assert_eq!(object["first_difference"], "path");
}

#[test]
fn a_request_to_another_service_is_skipped() {
    let other = "GET /index.html HTTP/1.1\r\nHost: h.example\r\n\r\n";
    let answer = "HTTP/1.1 200 OK\r\nDate: Tue, 14 Nov 2023 16:30:00 GMT\r\n\r\n";
    let text = [other, answer, &request("none"), "\n", answer, &request("a path")].concat();
    let object = compare(&text).json();
    assert_eq!((&object["request"], &object["requests"]), (&json!(2), &json!(3)));
    assert_eq!(object["same"], true);
}

#[test]
fn the_date_of_the_answer_is_the_time_to_compare_with() {
    let at = |date: &str| {
        let text = format!("{}\nHTTP/1.1 200 OK\r\nDate: {date}\r\n\r\n{{}}", request("none"));
        run(cli(&["explain", "--compare", "-", "--json"]), text.as_bytes()).json()
    };
    assert_eq!(at("Tue, 14 Nov 2023 16:35:00 GMT")["same"], true);
    let object = at("Tue, 14 Nov 2023 16:35:01 GMT");
    assert_eq!(object["first_difference"], "clock");
    assert_eq!(detail(&object, "clock"), json!(["5 minutes before the date of the answer"]));
}

#[test]
fn an_old_request_is_off_this_machines_clock() {
    let object =
        run(cli(&["explain", "--compare", "-", "--json"]), request("none").as_bytes()).json();
    assert_eq!(object["first_difference"], "clock");
}

#[test]
fn the_text_names_cause_and_remedy() {
    let args = ["explain", "--compare", "-", "--timestamp", NOW];
    let text = run(cli(&args), request("local date, east").as_bytes()).stdout;
    let expected = "Request 1 of 1\n\ncanonical request\n  method          same\n";
    assert!(text.starts_with(expected), "{text}");
    let expected = "
scope
  date            differs: sent 2023-11-15, expected 2023-11-14
  service         same

string to sign
  timestamp       same

signature
  signature       same

time
  clock           same

first difference: date
likely cause: the date is the local date instead of the UTC date
what to do: take the date from the timestamp in UTC
";
    assert!(text.ends_with(expected), "{text}");
    let text = run(without_keys(&args), request("none").as_bytes()).stdout;
    assert!(text.ends_with("\nNo difference; not compared: signature\n"), "{text}");
}

#[test]
fn the_object_has_the_documented_members() {
    let mut object = compare(&request("none")).json();
    let part = object["parts"][0].take();
    assert_eq!(
        part,
        json!({"stage": "canonical request", "part": "method", "result": "same", "detail": null})
    );
    object["parts"] = json!([]);
    let expected = json!({"request": 1, "requests": 1, "same": true, "first_difference": null,
        "likely_cause": null, "remedy": null, "parts": []});
    assert_eq!(object, expected);
}

#[test]
fn no_secret_of_the_request_is_shown() {
    let token = format!("X-TC-Token: {TOKEN}\r\nX-TC-Action");
    let list = "SignedHeaders=content-type;host;x-tc-action;x-tc-token";
    for row in rows() {
        let text = row["text"].as_str().expect("a text").replacen("X-TC-Action", &token, 1);
        let text = text.replacen("SignedHeaders=content-type;host;x-tc-action", list, 1);
        let signature = text.split_once("Signature=").map(|(_, rest)| rest[..64].to_owned());
        for args in [&["explain", "--compare", "-"][..], &["explain", "--compare", "-", "--json"]] {
            // The run checks for keys and the token.
            let ended = run(cli(args), text.as_bytes());
            let all = [ended.stdout, ended.stderr].concat();
            assert!(!all.contains(signature.as_deref().expect("a signature")), "{all}");
            assert!(!all.contains(ID), "{all}");
        }
    }
}

#[test]
fn a_text_without_a_request_is_refused() {
    let large = request("none") + &" ".repeat(1 << 20);
    for (text, problem) in [
        (&b""[..], "stdin is empty"),
        (b" \n", "stdin is empty"),
        (b"\xff\xfeP\0O\0S\0T\0", "stdin is not UTF-8 text"),
        (b"\0\x01\x02", "stdin holds no request"),
        (b"{\"JobId\":\"J\"}", "stdin holds no request"),
        (b"HTTP/1.1 200 OK\r\nDate: x\r\n\r\n{}", "stdin holds an answer, but no request"),
        (b"< HTTP/2 200\n< date: x\n", "stdin holds an answer, but no request"),
        (
            b"GET / HTTP/1.1\r\nHost: h.example\r\n\r\n",
            "stdin holds no request with X-TC-Action or a signature",
        ),
        (large.as_bytes(), "stdin is larger than 1 MiB"),
    ] {
        let ended = run(cli(&["explain", "--compare", "-", "--json"]), text);
        assert_eq!(ended.code, Some(2), "{problem}");
        assert_eq!(ended.error()["message"], problem);
    }
}

#[test]
fn an_unreadable_file_has_exit_code_7() {
    let folder = Folder::new("compare");
    for path in [folder.path(""), folder.path("none")] {
        let ended = cli(&["explain", "--compare", &path, "--json"]).run();
        assert_eq!((ended.code, &ended.error()["kind"]), (Some(7), &json!("file")));
    }
    File::create(folder.path("empty")).expect("a file");
    let ended = cli(&["explain", "--compare", &folder.path("empty"), "--json"]).run();
    assert_eq!(ended.code, Some(2));
}

#[test]
fn a_job_id_or_a_file_is_required_and_not_both() {
    for args in [&["explain"][..], &["explain", "J", "--compare", "-"]] {
        assert_eq!(cli(args).run().code, Some(2), "{args:?}");
    }
}

#[test]
fn milliseconds_are_the_only_difference() {
    let object = compare(&request("milliseconds")).json();
    assert_eq!(parts(&object, "differs"), ["timestamp"]);
}

#[test]
fn a_signature_that_is_not_hexadecimal_is_masked() {
    let text = request("none");
    let at = text.find("Signature=").expect("a signature") + "Signature=".len();
    for mask in ["x".repeat(64), "0".repeat(63), String::new()] {
        let object = compare(&[&text[..at], &mask, &text[at + 64..]].concat()).json();
        assert_eq!(parts(&object, "not_compared"), ["signature"]);
    }
}

/// Zones differ by half hours, at most 14 hours from UTC.
#[test]
fn an_offset_of_a_time_zone_is_not_a_wrong_clock() {
    let cause = |off: i64| {
        let now = (1_699_979_400 + off).to_string();
        let args = ["explain", "--compare", "-", "--timestamp", &now, "--json"];
        let object = run(cli(&args), request("none").as_bytes()).json();
        object["likely_cause"].as_str().unwrap_or_default().contains("time zone")
    };
    for off in [8 * 3_600, 8 * 3_600 - 30, 5 * 3_600 + 1_830, -14 * 3_600 - 60] {
        assert!(cause(off), "{off}");
    }
    for off in [0, 300, 600, 8 * 3_600 - 61, 3_661, 15 * 3_600] {
        assert!(!cause(off), "{off}");
    }
}

#[test]
fn the_clock_says_which_time_is_later() {
    for (row, expected) in [
        ("a clock 10 minutes behind", "10 minutes before --timestamp"),
        ("a clock 10 minutes ahead", "10 minutes after --timestamp"),
    ] {
        assert_eq!(detail(&compare(&request(row)).json(), "clock"), json!([expected]));
    }
}
