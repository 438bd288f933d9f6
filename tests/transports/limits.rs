//! In a process that can start no further thread, each transport returns an error and never panics.
#![cfg(target_os = "linux")]

use std::{
    env, fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{self, Command, Output},
};

use tcss_export::{driver::ResourceLimit, error::SendError};
use tcss_export_testkit::wire::{WireAnswer, WireServer};

use crate::clients::{LIBRARIES, Setup};

/// Passes the URL of the server to the child.
const CHILD_URL: &str = "TCSS_EXPORT_TEST_URL";
/// A user without processes: the limit counts all processes of a user, and does not apply to root.
const FIRST_USER: u32 = 60_000;

/// Asks each client for the name and for the address of the server.
#[test]
fn child() {
    let Ok(url) = env::var(CHILD_URL) else { return };
    let spawned = std::thread::Builder::new().spawn(|| ());
    println!("thread={}", spawned.is_ok());
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
}

/// Runs the child with one thread, as another user.
fn run_child(binary: &Path, url: &str) -> Output {
    let user = FIRST_USER + process::id() % 5_000;
    let child = ["--exact", "--nocapture", "--test-threads=1", "limits::child"];
    let mut command = Command::new("prlimit");
    command.arg("--nproc=1:1").arg("--").arg(binary).args(child).env(CHILD_URL, url);
    let output = command.uid(user).gid(user).output();
    output.expect("prlimit runs as another user, which only root can do")
}

#[test]
fn without_a_second_thread_a_name_is_an_error_and_an_address_is_reached() {
    let running = r#"{"Response":{"ExportStatus":"RUNNING"}}"#;
    let server = WireServer::plain([WireAnswer::json(running)]).unwrap();
    let folder = env::temp_dir().join(format!("tcss-export-threads-{}", process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    // Every user can reach the copy. Another process makes it, because a file that is open for
    // writing cannot run.
    let binary = folder.join("test");
    let copied = Command::new("cp").arg(env::current_exe().unwrap()).arg(&binary).status();
    assert!(copied.unwrap().success());
    let Output { stdout, stderr, .. } = run_child(&binary, &server.url());
    fs::remove_dir_all(&folder).unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(stdout.contains("thread=false\n"), "no limit holds: {stdout}{stderr}");
    for library in LIBRARIES {
        let expected = format!("{library:?}=Connection Some(Threads)\n{library:?}=RUNNING\n");
        assert!(stdout.contains(&expected), "{stdout}{stderr}");
    }
}
