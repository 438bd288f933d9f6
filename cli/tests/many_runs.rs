//! Sixty runs that start in the same second, against a service that takes 20 requests a second:
//! each ends with its file, and none creates a second job.
//!
//! `cargo test -p tcss-export-cli --test many_runs -- --nocapture` prints the figures.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tcss_export_testkit::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, SeenAnswer, ServedFile, Service};

const RUNS: usize = 60;
const MOST_CREATES: usize = 8;
const FILE: &[u8] = b"id,name\n1,example\n";

fn start(url: &str, file: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tcss-export"));
    command.args(["run", "--asset-type", "host", "--all", "--endpoint", url, "-o"]).arg(file);
    command.env_clear();
    command.env("TENCENTCLOUD_SECRET_ID", EXAMPLE_SECRET_ID);
    command.env("TENCENTCLOUD_SECRET_KEY", EXAMPLE_SECRET_KEY);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the binary runs")
}

#[test]
fn each_of_sixty_runs_ends_with_its_file_and_one_job() {
    let file = ServedFile::bytes("served.csv", FILE.to_vec());
    let script = "RUNNING:10,SUCCESS".parse().expect("a script");
    let service = Service::builder().script(script).file(file).limit(20).start();
    let service = service.expect("a service");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("many-runs");
    // It does not exist the first time.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");

    let (began, url) = (Instant::now(), service.url());
    let paths: Vec<_> = (0..RUNS).map(|nth| folder.join(nth.to_string())).collect();
    let runs: Vec<_> = paths.iter().map(|path| start(&url, path)).collect();
    let mut most_creates = 0;
    for (run, path) in runs.into_iter().zip(&paths) {
        let output = run.wait_with_output().expect("an end");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        assert_eq!(fs::read(path).expect("a file"), FILE);
        let (before, _) = stderr.split_once("created job ").expect("a created job");
        most_creates = most_creates.max(1 + before.matches("RequestLimitExceeded").count());
    }
    let elapsed = began.elapsed();
    let seen = service.seen();
    let created = seen.iter().filter(|seen| matches!(seen.answer, SeenAnswer::Created { .. }));
    assert_eq!(created.count(), RUNS);
    assert!(most_creates <= MOST_CREATES, "{most_creates} creates of one run");
    println!("{RUNS} runs in {elapsed:.1?}, at most {most_creates} creates of one run");
    for starts in service.starts() {
        println!("{}: {} requests, {} throttled", starts.action, starts.requests, starts.throttled);
    }
}
