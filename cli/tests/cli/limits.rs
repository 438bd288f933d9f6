//! A limit of the process ends the program with exit code 7, never with a panic.
//!
//! The limit of threads counts all processes of a user and does not apply to root. So these tests
//! run the binary as a user without other processes, and only root can do that.
#![cfg(target_os = "linux")]

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

use serde_json::{Value, json};
use tcss_export_testkit::{ServedFile, Service};

use crate::support::{Ended, ID, KEY, builder};

const JOB: &str = "00000000-7e57-4000-8000-000000000001";

fn serving() -> Service {
    let file = ServedFile::bytes("served.csv", "123456789");
    builder("SUCCESS").file(file).start().expect("a service")
}

/// A folder and a copy of the binary that every user can reach.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NTH: AtomicU32 = AtomicU32::new(0);
        let nth = NTH.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("tcss-export-limits-{}-{nth}", process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let anyone = fs::Permissions::from_mode(0o777);
        fs::set_permissions(&folder, anyone.clone()).expect("a folder of this user");
        let binary = folder.join("tcss-export");
        // Another process makes the copy: a child of this process could inherit the open file, and
        // the system runs no file that is open for writing.
        let copy = Command::new("cp").arg(env!("CARGO_BIN_EXE_tcss-export")).arg(&binary).status();
        assert!(copy.expect("cp").success());
        fs::set_permissions(&binary, anyone).expect("a file of this user");
        Self(folder)
    }

    fn target(&self) -> String {
        self.0.join("f").into_os_string().into_string().expect("UTF-8")
    }

    /// Runs the binary with a limit of `prlimit`.
    fn run_with(&self, limit: &str, user: Option<u32>, args: &[&str]) -> Ended {
        let mut command = Command::new("prlimit");
        command.arg(limit).arg("--").arg(self.0.join("tcss-export")).args(args);
        command.env("TENCENTCLOUD_SECRET_ID", ID).env("TENCENTCLOUD_SECRET_KEY", KEY);
        for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            command.env_remove(name);
        }
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        Ended::new(
            command.output().expect("prlimit runs, as another user if this one is root"),
            false,
        )
    }

    /// Runs the binary as a new user with at most this many threads, the first one included.
    fn run(&self, threads: u32, args: &[&str]) -> Ended {
        let user = new_user();
        assert_limit_holds(threads, user);
        self.run_with(&format!("--nproc={threads}:{threads}"), Some(user), args)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // If this fails, the files stay in the temporary folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Returns a user without processes. Containers map this range, too.
fn new_user() -> u32 {
    static NTH: AtomicU32 = AtomicU32::new(0);
    20_000 + process::id() % 500 * 80 + NTH.fetch_add(1, Ordering::Relaxed)
}

/// Checks the limit of this user's processes. Each pair of parentheses in the script is a process.
fn assert_limit_holds(threads: u32, user: u32) {
    let can_nest = |depth: usize| {
        let script =
            ["( ".repeat(depth), ":".to_owned(), " && : )".repeat(depth), " && :".to_owned()];
        let mut command = Command::new("prlimit");
        command.arg(format!("--nproc={threads}:{threads}")).args(["sh", "-c", &script.concat()]);
        let output = command.uid(user).gid(user).output();
        output.expect("prlimit and sh run as another user, which only root can do").status.success()
    };
    let threads = threads as usize;
    assert!(can_nest(threads - 1), "{threads} processes of user {user} cannot run");
    assert!(!can_nest(threads), "no limit holds for user {user}");
}

fn assert_no_thread(ended: &Ended) -> Value {
    let error = ended.error();
    assert_eq!((ended.code, &error["kind"]), (Some(7), &json!("resource")), "{ended:?}");
    assert!(error["message"].as_str().expect("a text").contains("a thread cannot be started: "));
    let hint = error["hint"].as_str().expect("a hint");
    assert!(hint.starts_with("raise the limit of processes and threads (ulimit -u, "), "{hint}");
    error
}

#[test]
fn without_a_second_thread_nothing_is_sent() {
    let (place, service) = (Place::new(), serving());
    let (url, target) = (service.url(), place.target());
    let export = ["--asset-type", "host", "--all"];
    let run = |target| [&["run"], &export[..], &["-o", target]].concat();
    for command in [
        [&["create"], &export[..]].concat(),
        run(&target),
        run("-"),
        vec!["wait", "J"],
        vec!["download", "J", "-o", &target],
        vec!["download", "J", "-o", "-"],
    ] {
        let args = [&command[..], &["--json", "--quiet", "--endpoint", &url]].concat();
        assert_no_thread(&place.run(1, &args));
    }
    assert!(service.seen().is_empty());
}

#[test]
fn without_a_second_thread_the_test_service_does_not_start() {
    let place = Place::new();
    for command in ["serve", "demo"] {
        assert_no_thread(&place.run(1, &[command, "--json", "--quiet"]));
    }
}

#[test]
fn without_a_second_thread_an_address_is_reached_and_a_name_is_not_looked_up() {
    let (place, service) = (Place::new(), serving());
    let url = service.url();
    let result = |url: &str| place.run(1, &["result", "J", "--json", "--endpoint", url]);
    assert_eq!(result(&url).code, Some(0));
    assert_no_thread(&result(&url.replace("127.0.0.1", "localhost")));
}

#[test]
fn without_the_thread_for_its_file_no_job_is_created() {
    let (place, service) = (Place::new(), serving());
    let (url, target) = (service.url(), place.target());
    let run = ["run", "--asset-type", "host", "--all", "--json", "--quiet", "--endpoint", &url];
    for target in [&*target, "-"] {
        assert_no_thread(&place.run(2, &[&run[..], &["-o", target]].concat()));
    }
    assert!(service.seen().is_empty());
}

#[test]
fn without_the_thread_for_its_file_a_download_names_the_job_and_the_next_command() {
    let (place, service) = (Place::new(), serving());
    let (url, target) = (service.url(), place.target());
    for target in [&*target, "-"] {
        let download = ["download", "J", "--json", "--quiet", "-o", target, "--endpoint", &url];
        let error = assert_no_thread(&place.run(2, &download));
        let command = format!("tcss-export download J -o {target} --endpoint {url}");
        assert_eq!((&error["job_id"], &error["command"]), (&json!("J"), &json!(command)));
    }
}

#[test]
fn a_few_threads_are_enough() {
    let (place, service) = (Place::new(), serving());
    let (url, target) = (service.url(), place.target());
    let run = ["run", "--asset-type", "host", "--all", "--json", "-o", &target, "--endpoint", &url];
    let ended = place.run(5, &run);
    assert_eq!((ended.code, &ended.json()["bytes"]), (Some(0), &json!(9)), "{ended:?}");
}

/// `script` gives the command a terminal. Only the command counts as a process of the user.
#[test]
fn without_threads_for_bar_and_file_a_download_ends_with_7() {
    let (place, service, user) = (Place::new(), serving(), new_user());
    assert_limit_holds(2, user);
    let binary = place.0.join("tcss-export");
    let download = format!("download J -o {} --endpoint {}", place.target(), service.url());
    let as_user = format!("exec setpriv --reuid {user} --regid {user} --clear-groups");
    let line = format!("{as_user} prlimit --nproc=2:2 -- {} {download}", binary.display());
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm");
    script.env("TENCENTCLOUD_SECRET_ID", ID).env("TENCENTCLOUD_SECRET_KEY", KEY);
    let ended = Ended::new(script.output().expect("the command script"), false);
    assert_eq!(ended.code, Some(7), "{ended:?}");
    assert!(ended.stdout.contains("cannot be opened: a thread cannot be started"), "{ended:?}");
}

#[test]
fn a_run_at_any_limit_of_open_files_ends_with_7_or_a_file() {
    let place = Place::new();
    let (target, mut codes) = (place.target(), Vec::new());
    for files in 6..=24 {
        let service = serving();
        let url = service.url();
        let run = ["run", "--asset-type", "host", "--all", "--force", "-o", &target];
        let args = [&run[..], &["--json", "--quiet", "--endpoint", &url]].concat();
        let ended = place.run_with(&format!("--nofile={files}:{files}"), None, &args);
        codes.push(ended.code);
        if ended.code == Some(0) {
            continue;
        }
        let error = ended.error();
        assert_eq!(
            (ended.code, &error["kind"]),
            (Some(7), &json!("resource")),
            "{files}: {ended:?}"
        );
        let hint = "raise the limit of open files (ulimit -n), or end other programs";
        assert_eq!(error["hint"], hint, "{files}: {ended:?}");
        let job = if service.seen().is_empty() { Value::Null } else { json!(JOB) };
        assert_eq!(error["job_id"], job, "{files}: {ended:?}");
    }
    assert_eq!((codes.first(), codes.last()), (Some(&Some(7)), Some(&Some(0))), "{codes:?}");
}

#[test]
fn a_limit_of_the_size_of_files_ends_with_7_and_the_job() {
    let place = Place::new();
    let file = ServedFile::bytes("served.csv", vec![b'x'; 300_000]);
    let service = builder("SUCCESS").file(file).start().expect("a service");
    let (url, target) = (service.url(), place.target());
    let run = ["run", "--asset-type", "host", "--all", "-o", &target, "--json", "--quiet"];
    let args = [&run[..], &["--endpoint", &url]].concat();
    let ended = place.run_with("--fsize=100000:100000", None, &args);
    let error = ended.error();
    assert_eq!((ended.code, &error["job_id"]), (Some(7), &json!(JOB)), "{ended:?}");
    assert!(error["hint"].as_str().expect("a hint").contains("ulimit -f"), "{ended:?}");
}
