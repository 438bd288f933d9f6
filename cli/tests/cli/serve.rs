//! `serve`: the test service.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Command, Output};

use serde_json::{Value, json};
use tcss_export_testkit::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY};

use crate::support::{Cli, Ended, Folder, OTHER_KEY, URL, cli, run_at, without_keys};

/// A service that is stopped on drop.
struct Serving {
    child: Child,
    stdout: BufReader<ChildStdout>,
    url: String,
}

impl Serving {
    fn start(cli: Cli) -> Self {
        let mut child = cli.into_command().spawn().expect("the binary runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a first line");
        let url = line.trim_end().strip_prefix("listening on ").expect("the address").to_owned();
        Self { child, stdout, url }
    }

    /// Stops it and returns its output after the first line.
    fn stop(mut self) -> Ended {
        self.child.kill().expect("a child");
        self.end()
    }

    fn signal(self, name: &str) -> Ended {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().expect("kill").success());
        self.end()
    }

    fn end(mut self) -> Ended {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        self.stdout.read_to_end(&mut stdout).expect("a pipe");
        self.child.stderr.take().expect("a pipe").read_to_end(&mut stderr).expect("a pipe");
        Ended::new(Output { status: self.child.wait().expect("an end"), stdout, stderr }, false)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_first_line_names_a_free_port() {
    let serving = Serving::start(cli(&["serve"]));
    let port: u16 = serving.url.rsplit(':').next().expect("a port").parse().expect("a port");
    assert_eq!(serving.url, format!("http://127.0.0.1:{port}"));
    assert_eq!(run_at(&serving.url, "result J").code, Some(0));
}

#[test]
fn the_port_is_the_given_one() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let serving = Serving::start(cli(&["serve", "--port", &free.port().to_string()]));
    assert_eq!(serving.url, format!("http://{free}"));
}

#[test]
fn a_port_that_is_taken_is_refused() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let ended = cli(&["serve", "--port", &port]).run();
    assert_eq!((ended.code, &*ended.stdout), (Some(2), ""));
    assert!(ended.stderr.starts_with("error: the address cannot be used: "), "{ended:?}");
}

#[test]
fn it_listens_on_ipv6_or_says_that_there_is_none() {
    if TcpListener::bind("[::1]:0").is_err() {
        let ended = cli(&["serve", "--ipv6", "--json"]).run();
        let hint = json!("leave out --ipv6 if this machine has no IPv6");
        assert_eq!((ended.code, &ended.error()["hint"]), (Some(2), &hint), "{ended:?}");
        return;
    }
    let folder = Folder::new("serve-ipv6");
    let path = folder.path("served.csv");
    fs::write(&path, "123456789").expect("a file");
    let serving = Serving::start(cli(&["serve", "--ipv6", "--script", "SUCCESS", "--file", &path]));
    assert!(serving.url.starts_with("http://[::1]:"), "{}", serving.url);
    let download = format!("download J -o {}", folder.path("f"));
    assert_eq!(run_at(&serving.url, &download).code, Some(0));
}

#[test]
fn the_key_pair_of_the_environment_is_used_and_not_shown() {
    let serving = Serving::start(cli(&["serve"]));
    let url = serving.url.clone();
    assert_eq!(run_at(&url, "result J").code, Some(0));
    let usage = format!(
        "to use it from another terminal:\n  export TENCENTCLOUD_ENDPOINT={url}\n  \
         tcss-export wait any-job\n"
    );
    assert_eq!(serving.stop().stdout, usage);
}

#[test]
fn without_keys_a_made_up_pair_is_printed_and_works() {
    let serving = Serving::start(without_keys(&["serve"]));
    let url = serving.url.clone();
    let ended = without_keys(&["result", "J", "--endpoint", &url])
        .env("TENCENTCLOUD_SECRET_ID", EXAMPLE_SECRET_ID)
        .env("TENCENTCLOUD_SECRET_KEY", EXAMPLE_SECRET_KEY)
        .run();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let usage = format!(
        "to use it from another terminal:\n  \
         export TENCENTCLOUD_SECRET_ID={EXAMPLE_SECRET_ID}\n  \
         export TENCENTCLOUD_SECRET_KEY={EXAMPLE_SECRET_KEY}\n  \
         export TENCENTCLOUD_ENDPOINT={url}\n  tcss-export wait any-job\n"
    );
    assert_eq!(serving.stop().stdout, usage);
}

#[test]
fn half_a_key_pair_is_refused() {
    let ended = cli(&["serve"]).env("TENCENTCLOUD_SECRET_KEY", "").run();
    assert_eq!((ended.code, &*ended.stdout), (Some(2), ""));
}

#[test]
fn refusals_reach_the_client_with_code_and_hint() {
    let serving = Serving::start(cli(&["serve", "--script", "ERROR:AuthFailure.SignatureExpire"]));
    let refused = |name: &str, value: &str, code: &str, hint: &str| {
        let args = ["result", "J", "--json", "--endpoint", &serving.url];
        let ended = cli(&args).env(name, value).run();
        let error = ended.error();
        assert_eq!((ended.code, error["code"].as_str()), (Some(4), Some(code)), "{ended:?}");
        assert!(error["hint"].as_str().expect("a hint").contains(hint), "{ended:?}");
    };
    refused("OTHER", "", "AuthFailure.SignatureExpire", "clock");
    refused("TENCENTCLOUD_SECRET_ID", "AKIDNOBODY", "AuthFailure.SecretIdNotFound", "SECRET_ID");
    drop(serving);
    let serving = Serving::start(cli(&["serve"]));
    let args = ["result", "J", "--json", "--endpoint", &serving.url];
    let ended = cli(&args).env("TENCENTCLOUD_SECRET_KEY", OTHER_KEY).run();
    assert_eq!(ended.error()["code"], "AuthFailure.SignatureFailure");
}

#[test]
fn each_request_is_one_line_of_the_log_without_a_query() {
    let script = format!("RUNNING:10,SUCCESS:{URL}");
    let serving = Serving::start(cli(&["serve", "--script", &script]));
    let url = serving.url.clone();
    run_at(&url, "result a\u{1b}[2J");
    run_at(&url, "wait J --interval 0");
    let log = serving.stop().stderr;
    let tails: Vec<_> =
        log.lines().filter_map(|line| line.split_once(" s  ")).map(|l| l.1).collect();
    let line = |rest: &str| format!("POST DescribeExportJobResult  job {rest}");
    let success = "J  SUCCESS:https://h.example/a%2Fb.csv?...";
    let job = "a\u{fffd}[2J  RUNNING:10";
    assert_eq!(tails, [line(job), line("J  RUNNING:10"), line(success)]);
}

#[test]
fn texts_of_a_script_are_masked_in_the_log() {
    let script = "FAILURE:see https://u:EXAMPLE@h.example/x?q=EXAMPLE";
    let serving = Serving::start(cli(&["serve", "--script", script]));
    let url = serving.url.clone();
    run_at(&url, "result J");
    let log = serving.stop().stderr;
    assert!(log.contains("FAILURE:see https://h.example/x?..."), "{log}");
    assert!(!log.contains("EXAMPLE@") && !log.contains("q="), "{log}");
}

/// Serves a small file with this list of faults.
fn serving_file(name: &str, faults: &str) -> (Folder, Serving) {
    let folder = Folder::new(name);
    let path = folder.path("served.csv");
    fs::write(&path, "123456789").expect("a file");
    let args = ["serve", "--script", "SUCCESS", "--file", &path, "--download-faults", faults];
    let serving = Serving::start(cli(&args));
    (folder, serving)
}

#[test]
fn downloads_of_the_served_file_are_logged_without_their_query() {
    let (folder, serving) = serving_file("serve-file", "CUT:4,EXPIRED");
    let download = format!("download J -o {}", folder.path("f"));
    assert_eq!(run_at(&serving.url, &download).code, Some(0));
    assert_eq!(folder.read("f"), b"123456789");
    let log = serving.stop().stderr;
    let tails: Vec<_> =
        log.lines().filter_map(|line| line.split_once(" s  ")).map(|l| l.1).collect();
    let expected = [
        "POST DescribeExportJobResult  job J  SUCCESS",
        "GET /served.csv?...  all bytes  200  CUT:4",
        "GET /served.csv?...  bytes=4-  403  EXPIRED",
        "POST DescribeExportJobResult  job J  SUCCESS",
        "GET /served.csv?...  bytes=4-  206  OK",
    ];
    assert_eq!(tails, expected);
}

#[test]
fn a_service_with_a_file_suggests_a_download() {
    let (_folder, serving) = serving_file("serve-usage", "");
    assert!(serving.stop().stdout.ends_with("\n  tcss-export download any-job -o FILE\n"));
}

#[test]
fn creates_and_lists_are_logged() {
    let serving = Serving::start(cli(&["serve"]));
    run_at(&serving.url, "create --asset-type host --all");
    run_at(&serving.url, "jobs");
    let log = serving.stop().stderr;
    let job = "00000000-7e57-4000-8000-000000000001";
    let create = format!("CreateExportComplianceStatusListJob  job -  created {job}\n");
    assert!(log.contains(&create), "{log}");
    assert!(log.ends_with("POST DescribeExportJobManageList  job -  listed\n"), "{log}");
}

#[test]
fn a_create_whose_answer_is_lost_is_logged_and_its_job_is_listed() {
    let serving = Serving::start(cli(&["serve", "--create-faults", "LOST,DROP"]));
    for code in [5, 5, 0] {
        assert_eq!(run_at(&serving.url, "create --asset-type host --all").code, Some(code));
    }
    assert_eq!(run_at(&serving.url, "jobs --json").json()["total_count"], 2);
    let log = serving.stop().stderr;
    let answers: Vec<_> = log.lines().filter_map(|line| line.rsplit_once("job -  ")).collect();
    let expected = [
        "LOST, made 00000000-7e57-4000-8000-000000000001",
        "DROP, made no job",
        "created 00000000-7e57-4000-8000-000000000002",
        "listed",
    ];
    assert_eq!(answers.iter().map(|answer| answer.1).collect::<Vec<_>>(), expected);
}

#[test]
fn a_file_that_cannot_be_served_is_refused() {
    let folder = Folder::new("serve-refused");
    for path in [folder.path("missing"), folder.path("")] {
        let ended = cli(&["serve", "--json", "--file", &path]).run();
        let error = ended.error();
        let hint = "give --file a file that exists and can be read";
        let expected = (Some(7), &json!("file"), &json!(hint));
        assert_eq!((ended.code, &error["kind"], &error["hint"]), expected, "{error}");
    }
}

#[test]
fn quiet_hides_the_log() {
    let serving = Serving::start(cli(&["serve", "--quiet"]));
    run_at(&serving.url, "result J");
    assert_eq!(serving.stop().stderr, "");
}

#[test]
fn help_lists_each_step_of_a_script() {
    let help = without_keys(&["serve", "--help"]).run().stdout;
    for step in [
        "RUNNING[:PROGRESS]",
        "SUCCESS[:URL]",
        "FAILURE[:TEXT]",
        "STATUS:TEXT",
        "NULLS",
        "ERROR:CODE",
        "HTTP:STATUS",
        "EMPTY",
        "CUT",
        "CUTJSON",
        "RESET",
        "HANG",
        "SKEW:SECONDS",
    ] {
        assert!(help.contains(&format!("\n  {step}\n")), "{step}");
    }
}

#[test]
fn help_lists_each_fault_of_downloads() {
    assert_faults_in_help(&["serve", "--file", "f", "--download-faults", "WRONG", "--json"], 21);
}

#[test]
fn help_lists_each_fault_of_creates() {
    assert_faults_in_help(&["serve", "--create-faults", "WRONG", "--json"], 5);
}

/// Checks the help against the names in the message that refuses these arguments.
#[track_caller]
fn assert_faults_in_help(args: &[&str], count: usize) {
    let help = without_keys(&["serve", "--help"]).run().stdout;
    let refused = cli(args).run();
    let message = refused.error()["message"].as_str().expect("a text").to_owned();
    let (_, names) = message.split_once("expected ").expect("the names");
    let is_name = |name: &&str| name.chars().all(|c| c.is_ascii_uppercase() || c == '-');
    let names: Vec<_> = names.split([',', ' ']).filter(|n| !n.is_empty()).filter(is_name).collect();
    assert_eq!(names.len(), count, "{names:?}");
    for name in names {
        assert!(
            ['\n', ':', '['].iter().any(|c| help.contains(&format!("\n  {name}{c}"))),
            "{name}"
        );
    }
}

#[test]
fn a_signal_ends_it_with_the_number_of_requests() {
    let serving = Serving::start(cli(&["serve"]));
    run_at(&serving.url, "create --asset-type host --all");
    run_at(&serving.url, "result J");
    let ended = serving.signal("-TERM");
    let lines: Vec<_> = ended.stdout.lines().skip(3).collect();
    let expected = [
        "CreateExportComplianceStatusListJob  requests 1, throttled 0, most in a second 1",
        "DescribeExportJobResult              requests 1, throttled 0, most in a second 1",
    ];
    assert_eq!((ended.code, &*lines), (Some(0), &expected[..]), "{ended:?}");
}

#[test]
fn with_json_the_last_line_counts_the_requests_of_the_key() {
    let serving = Serving::start(cli(&["serve", "--limit", "20", "--json"]));
    run_at(&serving.url, "result J");
    let other = ["result", "J", "--endpoint", &serving.url];
    cli(&other).env("TENCENTCLOUD_SECRET_ID", "AKIDNOBODY").run();
    let ended = serving.signal("-TERM");
    let counted: Value = serde_json::from_str(ended.stdout.lines().last().expect("a line"))
        .unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    let expected = json!({ "version": 1, "starts": [{
        "action": "DescribeExportJobResult", "requests": 1, "throttled": 0, "most_in_a_second": 1,
    }] });
    assert_eq!((ended.code, counted), (Some(0), expected));
}
