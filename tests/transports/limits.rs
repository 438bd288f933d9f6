//! In a process that can start few threads or none, each transport returns an error and never panics.
#![cfg(target_os = "linux")]

use std::{
    env, fs,
    io::Cursor,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{self, Command, Output},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc::channel,
    },
    time::Duration,
};

use http::Response;
use tcss_export::{
    driver::{self, ResourceLimit, TransportError, TransportErrorKind},
    error::SendError,
};
use tcss_export_testkit::wire::{WireAnswer, WireServer};

use crate::clients::{LIBRARIES, Setup};

/// Passes the URL of the server to the child.
const CHILD_URL: &str = "TCSS_EXPORT_TEST_URL";
/// Users without processes: the limit counts all processes of a user, and does not apply to root.
const FIRST_USER: u32 = 40_000;

const SUCCESS: &str =
    r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://h.example/"}}"#;

/// Asks each client for the name and for the address of the server.
#[test]
fn child() {
    let Ok(url) = env::var(CHILD_URL) else { return };
    let spawned = std::thread::Builder::new().spawn(|| ());
    println!("thread={}", spawned.is_ok());
    if let Ok(thread) = spawned {
        thread.join().unwrap();
        wait_for_two();
    }
    for library in LIBRARIES {
        for url in [&url.replace("127.0.0.1", "localhost"), &url] {
            let ended = match Setup::new(*library).client_at(url, &[]).send() {
                Ok(answer) => answer.response.status.to_string(),
                Err(SendError::Transport(error)) => {
                    format!("{:?} {:?}", error.kind(), ResourceLimit::of(&error))
                }
                Err(error) => error.to_string(),
            };
            println!("{library:?}={ended}");
        }
    }
    #[cfg(feature = "ureq")]
    wait_for_many(&url);
}

/// The output of a child whose first exchange ended because the second one had begun.
const TWO_AT_ONCE: &str = "two=[1, 1]\n";

/// Asks for two jobs. The first exchange holds its thread until the second one begins.
fn wait_for_two() {
    let (begin, begun) = channel();
    let (calls, begun) = (AtomicU32::new(0), Mutex::new(begun));
    let transport = driver::blocking_fn(move |_| {
        if calls.fetch_add(1, Ordering::Relaxed) > 0 {
            begin.send(()).unwrap();
        } else if begun.lock().unwrap().recv_timeout(Duration::from_secs(10)).is_err() {
            let alone = "no other exchange has begun";
            return Err(TransportError::new(TransportErrorKind::Timeout, alone));
        }
        Ok(Response::new(Cursor::new(SUCCESS)))
    });
    let session = tcss_export::Session::new(tcss_export::Endpoint::international());
    let credentials = crate::setup::credentials();
    let client = driver::blocking::Client::with_transport(session, credentials, transport);
    let jobs = ["1", "2"].map(|id| tcss_export::JobId::new(id).unwrap());
    let polls = client.wait_all(jobs).map(|(_, outcome)| outcome.unwrap().report.polls);
    println!("two={:?}", polls.collect::<Vec<_>>());
}

/// The output of a child that got the result of each job at its first poll.
#[cfg(feature = "ureq")]
const ALL_WAITS: &str = "wait_all=[1, 1, 1, 1, 1]\n";

/// Asks ureq for many jobs at once.
#[cfg(feature = "ureq")]
fn wait_for_many(url: &str) {
    let session = tcss_export::Session::new(url.parse().unwrap());
    let client = tcss_export::ureq::Client::new(session, crate::setup::credentials());
    let jobs = (0..5).map(|nth| tcss_export::JobId::new(format!("job-{nth}")).unwrap());
    let polls = client.wait_all(jobs).map(|(_, outcome)| outcome.unwrap().report.polls);
    println!("wait_all={:?}", polls.collect::<Vec<_>>());
}

/// Runs the child with so many threads, as another user.
fn run_child(binary: &Path, url: &str, threads: u32) -> Output {
    let user = FIRST_USER + threads * 5_000 + process::id() % 5_000;
    let child = ["--exact", "--nocapture", "--test-threads=1", "limits::child"];
    let mut command = Command::new("prlimit");
    let limit = format!("--nproc={threads}:{threads}");
    command.arg(limit).arg("--").arg(binary).args(child).env(CHILD_URL, url);
    let output = command.uid(user).gid(user).output();
    output.expect("prlimit runs as another user, which only root can do")
}

/// Runs the child, whose requests all succeed, and returns its output.
fn output_with(threads: u32) -> String {
    let server = WireServer::plain([WireAnswer::json(SUCCESS)]).unwrap();
    let folder = env::temp_dir().join(format!("tcss-export-{threads}-threads-{}", process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    // Every user can reach the copy. Another process makes it, because a file that is open for
    // writing cannot run.
    let binary = folder.join("test");
    let copied = Command::new("cp").arg(env::current_exe().unwrap()).arg(&binary).status();
    assert!(copied.unwrap().success());
    let Output { stdout, stderr, .. } = run_child(&binary, &server.url(), threads);
    fs::remove_dir_all(&folder).unwrap();
    String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr)
}

#[test]
fn without_a_second_thread_a_name_is_an_error_and_an_address_is_reached() {
    let output = output_with(1);
    assert!(output.contains("thread=false\n"), "no limit holds: {output}");
    for library in LIBRARIES {
        let expected = format!("{library:?}=Connection Some(Threads)\n{library:?}=SUCCESS\n");
        assert!(output.contains(&expected), "{output}");
    }
    #[cfg(feature = "ureq")]
    assert!(output.contains(ALL_WAITS), "{output}");
}

#[test]
fn with_one_worker_thread_another_exchange_does_not_wait_for_it() {
    // The limit counts the two threads of the test.
    let output = output_with(3);
    #[cfg(feature = "ureq")]
    assert!(output.contains(ALL_WAITS), "{output}");
    assert!(output.contains(TWO_AT_ONCE), "{output}");
}
