//! `run`: create, wait and download in one command.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::json;
use tcss_export_testkit::{ServedFile, Service};

use crate::support::{Ended, Folder, builder, cli, run_at};

const JOB: &str = "00000000-7e57-4000-8000-000000000001";

fn serving(script: &str, faults: &str) -> Service {
    let file = ServedFile::bytes("served.csv", "123456789");
    let service = builder(script).file(file).download_faults(faults.parse().expect("faults"));
    service.start().expect("a service")
}

fn args<'a>(file: &'a str, url: &'a str) -> Vec<&'a str> {
    let run = ["run", "--asset-type", "host", "--all", "--interval", "0"];
    [&run[..], &["-o", file, "--endpoint", url]].concat()
}

fn run(service: &Service, folder: &Folder, more: &[&str]) -> Ended {
    cli(&[&args(&folder.path("f"), &service.url()), more].concat()).run()
}

#[test]
fn a_job_is_created_awaited_and_downloaded() {
    let folder = Folder::new("run-whole");
    let ended = run(&serving("RUNNING:10,SUCCESS", ""), &folder, &["--json"]);
    let expected = json!({
        "job_id": JOB, "file": folder.path("f"), "bytes": 9, "crc64": "11051210869376104954",
        "verified": true, "resumed": false, "polls": 2,
    });
    assert_eq!((ended.code, ended.json()), (Some(0), expected));
    assert_eq!(ended.stderr, format!("created job {JOB}\nRUNNING 10 %\n"));
    assert_eq!((folder.read("f"), folder.files().len()), (b"123456789".to_vec(), 1));
}

/// Returns the date in UTC by `date(1)`.
fn date() -> String {
    let date = Command::new("date").args(["-u", "+%Y-%m-%d"]).output().expect("date");
    String::from_utf8(date.stdout).expect("UTF-8").trim().to_owned()
}

#[test]
fn a_name_with_date_in_braces_gets_the_date_in_utc() {
    let folder = Folder::new("run-date");
    let (service, file) = (serving("RUNNING:10,SUCCESS", ""), folder.path("report-{date}.csv"));
    let before = date();
    let stopped = cli(&[&args(&file, &service.url())[..], &["--timeout", "0"]].concat()).run();
    let ended = cli(&[&args(&file, &service.url())[..], &["--json"]].concat()).run();
    // Midnight may pass meanwhile.
    let file = [before, date()].map(|date| folder.path(&format!("report-{date}.csv")));
    assert!(file.iter().any(|file| ended.json()["file"] == **file), "{ended:?}");
    assert!(file.iter().any(|file| fs::read(file).is_ok_and(|bytes| bytes == b"123456789")));
    let next = file.map(|file| format!("tcss-export download {JOB} -o {file} "));
    assert!(next.iter().any(|next| stopped.stderr.contains(next)), "{stopped:?}");
}

#[test]
fn the_timeout_of_the_wait_does_not_apply_to_the_create() {
    let folder = Folder::new("run-no-time");
    let ended = run(&serving("SUCCESS", ""), &folder, &["--timeout", "0"]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.starts_with(&format!("created job {JOB}\n")), "{ended:?}");
}

#[test]
fn no_job_is_created_if_names_resolve_to_made_up_addresses() {
    let folder = Folder::new("run-resolver");
    let ended = cli(&[&args(&folder.path("f"), "https://198.18.0.7:1"), &["--json"][..]].concat());
    let (ended, hint) = (ended.run(), "use --allow-network 198.18.0.0/15 if you trust it");
    let error = ended.error();
    assert_eq!((ended.code, &error["job_id"]), (Some(2), &json!(null)), "{error}");
    let message = "198.18.0.7 resolves to the private address 198.18.0.7, which must be allowed";
    assert_eq!(error["message"], message);
    assert!(error["hint"].as_str().unwrap().ends_with(hint), "{error}");
    assert!(folder.files().is_empty(), "{ended:?}");
}

#[test]
fn a_wrong_clock_is_corrected_before_the_create() {
    let folder = Folder::new("run-clock");
    let service = serving("SKEW:600,SUCCESS", "");
    // The first poll changes the service's clock.
    assert_eq!(run_at(&service.url(), "result J").code, Some(0));
    let ended = run(&service, &folder, &[]);
    let line = "AuthFailure.SignatureExpire; clock corrected by +";
    assert!(ended.code == Some(0) && ended.stderr.starts_with(line), "{ended:?}");
}

#[test]
fn an_output_that_cannot_be_written_is_reported_before_a_job_is_created() {
    let folder = Folder::new("run-target");
    fs::write(folder.path("there"), "old").expect("a file");
    let service = serving("SUCCESS", "");
    let url = service.url();
    for file in ["there", "there/f", "missing/f", ".", ".."] {
        let ended = cli(&args(&folder.path(file), &url)).run();
        assert_eq!((ended.code, service.seen().len()), (Some(7), 0), "{file}: {ended:?}");
        assert!(ended.stderr.contains("\n  hint  "), "{ended:?}");
    }
    assert_eq!((folder.read("there"), folder.files().len()), (b"old".to_vec(), 1));
}

#[test]
fn each_error_after_the_create_has_the_job_and_the_next_command() {
    let folder = Folder::new("run-errors");
    let (size, timeout) = (" --max-size 100", " --timeout 2");
    for (script, faults, code, options, allowed) in [
        ("RUNNING", "", 3, [size, ""], ""),
        ("ERROR:InvalidAction", "", 4, [size, timeout], ""),
        ("SUCCESS", "DENIED,DENIED", 4, [size, timeout], ""),
        ("SUCCESS", "CRC", 6, [size, timeout], ""),
        ("SUCCESS:http://1.2.3.4/f", "", 2, [size, timeout], " --allow-http"),
    ] {
        let service = serving(script, faults);
        let more = ["--json", "--timeout", "2", "--max-size", "100"];
        let error = run(&service, &folder, &more);
        let (exit, error) = (error.code, error.error());
        assert_eq!((exit, &error["job_id"]), (Some(code), &json!(JOB)), "{error}");
        let command = format!(
            "tcss-export download {JOB} -o {}{} --interval 0 --endpoint {}{allowed}",
            folder.path("f"),
            options.concat(),
            service.url()
        );
        assert_eq!(error["command"], json!(command), "{error}");
    }
}

#[test]
fn an_exceeded_size_limit_has_no_next_command() {
    let folder = Folder::new("run-large");
    let service = serving("SUCCESS", "");
    let ended = run(&service, &folder, &["--max-size", "8"]);
    let end = "\n  hint        use a larger --max-size if you expect a file this large\n";
    assert_eq!(ended.code, Some(6), "{ended:?}");
    assert!(ended.stderr.ends_with(end), "{ended:?}");
}

#[test]
fn without_a_chance_of_success_there_is_no_next_command() {
    let folder = Folder::new("run-failed-later");
    let ended = run(&serving("SUCCESS,FAILURE:no", "EXPIRED"), &folder, &[]);
    assert!(!ended.stdout.contains("continue with") && ended.code == Some(1), "{ended:?}");
}

#[test]
fn job_and_next_command_are_on_separate_lines() {
    let folder = Folder::new("run-lines");
    let service = serving("SUCCESS", "CRC");
    let ended = run(&service, &folder, &[]);
    assert!(ended.stderr.contains(&format!("\n  job id         {JOB}\n")), "{ended:?}");
    assert!(ended.stderr.contains(&format!("\n  continue with  tcss-export download {JOB} -o ")));
}

#[test]
fn the_next_command_finishes_the_download() {
    let folder = Folder::new("run-command");
    let service = serving("SUCCESS", "CRC");
    let ended = run(&service, &folder, &[]);
    let (_, command) = ended.stderr.split_once("tcss-export ").expect("a command");
    let args: Vec<_> = command.trim_end().split(' ').collect();
    assert_eq!(cli(&args).run().code, Some(0));
    assert_eq!(folder.read("f"), b"123456789");
}

#[test]
fn a_failed_job_is_a_result_with_its_id() {
    let folder = Folder::new("run-failed");
    let ended = run(&serving("FAILURE:no", ""), &folder, &["--json"]);
    assert_eq!((ended.code, &ended.json()["job_id"]), (Some(1), &json!(JOB)));
    let ended = run(&serving("FAILURE:no", ""), &folder, &[]);
    assert!(ended.stdout.starts_with(&format!("job id      {JOB}\nstatus      FAILURE\n")));
    let hint = "\nhint        read the message, then create a new job\n";
    assert!(ended.stdout.ends_with(hint), "{ended:?}");
}

#[test]
fn an_interrupt_during_the_wait_prints_the_next_command() {
    let folder = Folder::new("run-interrupt");
    let service = serving("RUNNING:10", "");
    let (url, file) = (service.url(), folder.path("f"));
    let args = ["run", "--asset-type", "host", "--id", "1", "-o", &file, "--endpoint", &url];
    let running = cli(&args).stdout(Stdio::piped()).start(2);
    running.signal("-INT");
    let ended = running.end();
    let line = format!(
        "\nstopped waiting; continue with: tcss-export download {JOB} -o {file} --endpoint {url}\n"
    );
    assert!(ended.stderr.ends_with(&line), "{ended:?}");
    assert_eq!((ended.code, &*ended.stdout), (Some(130), ""));
}
