//! Interrupted downloads: signals, kills, and the next run.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::thread;

use serde_json::json;

use super::{download, downloads, megabyte, serving};
use crate::support::{Folder, cli, without_keys};

#[test]
fn an_interrupt_keeps_the_bytes_and_prints_the_next_command() {
    let folder = Folder::new("download-interrupt");
    let service = serving(megabyte(), "SUCCESS", "SLOW:20000");
    let (url, file) = (service.url(), folder.path("f"));
    let args = ["download", "J", "-o", &file, "--stall", "30", "--endpoint", &url];
    let running = cli(&args).stdout(Stdio::piped()).start(2);
    running.signal("-INT");
    let ended = running.end();
    let line = format!(
        "stopped downloading; continue with: tcss-export download J -o {file} --stall 30 \
         --endpoint {url}\n"
    );
    assert_eq!((ended.code, &*ended.stdout), (Some(130), ""), "{ended:?}");
    assert!(ended.stderr.ends_with(&line), "{ended:?}");
    let ended = download(&service, &folder, &["--json"]);
    assert_eq!(ended.json()["resumed"], json!(true));
}

#[test]
fn an_interrupt_before_the_first_byte_leaves_nothing_of_a_long_name() {
    let folder = Folder::new("download-interrupt-long");
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/f", silent.local_addr().expect("an address"));
    let file = folder.path(&"n".repeat(255));
    let running = without_keys(&["download", "--url", &url, "-o", &file]).start(0);
    let _connection = silent.accept().expect("a connection");
    assert_eq!(folder.files().len(), 1);
    running.signal("-INT");
    assert_eq!((running.end().code, folder.files().len()), (Some(130), 0));
}

#[test]
fn an_interrupt_before_the_first_byte_leaves_nothing() {
    let folder = Folder::new("download-interrupt-early");
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/f", silent.local_addr().expect("an address"));
    let running = without_keys(&["download", "--url", &url, "-o", &folder.path("f")]).start(0);
    // Never answers.
    let _connection = silent.accept().expect("a connection");
    assert_eq!(folder.files(), [".f.part"]);
    running.signal("-INT");
    assert_eq!((running.end().code, folder.files().len()), (Some(130), 0));
}

#[test]
fn an_interrupt_between_head_and_first_byte_leaves_nothing() {
    let folder = Folder::new("download-interrupt-head");
    let service = serving(megabyte(), "SUCCESS", "STALL:0");
    let url = service.file_url().expect("a URL");
    let running = without_keys(&["download", "--url", &url, "-o", &folder.path("f")]).start(0);
    while folder.files() != [".f.part", ".f.part.json"] {
        thread::yield_now();
    }
    running.signal("-INT");
    assert_eq!((running.end().code, folder.files().len()), (Some(130), 0));
}

#[test]
fn an_interrupt_keeps_the_bytes_of_an_earlier_run() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/f", silent.local_addr().expect("an address"));
    let metadata = format!(
        r#"{{"tcss-export-part":1,"object":"{url}","etag":"\"v1\"","total":null,"crc64":null}}"#
    );
    // Bytes without metadata may belong to another program.
    for left in [&[(".f.part", "1234"), (".f.part.json", &*metadata)][..], &[(".f.part", "1234")]] {
        let folder = Folder::new("download-interrupt-earlier");
        for (name, text) in left {
            fs::write(folder.path(name), text).expect("a file");
        }
        let running = without_keys(&["download", "--url", &url, "-o", &folder.path("f")]).start(0);
        let _connection = silent.accept().expect("a connection");
        running.signal("-INT");
        assert_eq!((running.end().code, folder.files().len()), (Some(130), left.len()));
        for (name, text) in left {
            assert_eq!(folder.read(name), text.as_bytes(), "{name}");
        }
    }
}

#[test]
fn an_interrupt_says_to_discard_the_bytes_on_stdout() {
    let service = serving(megabyte(), "SUCCESS", "SLOW:20000");
    let url = service.url();
    let running = cli(&["download", "J", "-o", "-", "--endpoint", &url]);
    let running = running.stdout(Stdio::null()).start(1);
    running.signal("-INT");
    let ended = running.end();
    let line = format!(
        "\nstopped downloading; discard the output and download again; download with: \
         tcss-export download J -o - --endpoint {url}\n"
    );
    assert_eq!(ended.code, Some(130));
    assert!(ended.stderr.ends_with(&line), "{ended:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn an_interrupt_ends_a_download_to_a_full_pipe() {
    let service = serving(megabyte(), "SUCCESS", "");
    let (_unread, mut writer) = io::pipe().expect("a pipe");
    // Fills the pipe.
    writer.write_all(&[b'\n'; 1 << 16]).expect("room");
    let args = ["download", "J", "-o", "-", "--endpoint", &service.url()];
    let running = cli(&args).stdout(writer).start(0);
    while downloads(&service) == 0 {
        thread::yield_now();
    }
    running.signal("-INT");
    let ended = running.end();
    assert!(ended.stderr.starts_with("stopped downloading; discard the output"), "{ended:?}");
    assert_eq!(ended.code, Some(130));
}

/// Without an ETag, a later run cannot know if the file is still the same.
#[test]
fn an_interrupt_leaves_no_part_file_that_cannot_be_resumed() {
    let folder = Folder::new("download-interrupt-no-tag");
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/f", server.local_addr().expect("an address"));
    let running = without_keys(&["download", "--url", &url, "-o", &folder.path("f")]).start(0);
    let (mut connection, _) = server.accept().expect("a connection");
    assert_ne!(connection.read(&mut [0; 1_000]).expect("a request"), 0);
    connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n").expect("sent");
    let dripping = thread::spawn(move || while connection.write_all(&[b'x'; 1_000]).is_ok() {});
    while fs::metadata(folder.path(".f.part")).map_or(0, |part| part.len()) == 0 {
        thread::yield_now();
    }
    running.signal("-INT");
    assert_eq!((running.end().code, folder.files().len()), (Some(130), 0));
    dripping.join().expect("the connection is closed");
}

#[test]
fn an_interrupted_url_is_not_shown() {
    let folder = Folder::new("download-interrupt-url");
    let service = serving(megabyte(), "SUCCESS", "SLOW:20000");
    let (url, file) = (service.file_url().expect("a URL"), folder.path("f"));
    let running = without_keys(&["download", "--url", &url, "-o", &file]);
    let running = running.stdout(Stdio::piped()).start(1);
    running.signal("-TERM");
    let ended = running.end();
    assert_eq!(ended.code, Some(143));
    assert!(ended.stderr.contains("\nstopped downloading; download again: "), "{ended:?}");
}

#[test]
fn a_damaged_part_file_makes_the_download_start_again() {
    let folder = Folder::new("download-damaged-part");
    let service = serving(megabyte(), "SUCCESS", "SLOW:20000");
    let (url, file) = (service.url(), folder.path("f"));
    let running = cli(&["download", "J", "-o", &file, "--endpoint", &url]);
    let running = running.stdout(Stdio::null()).start(2);
    running.signal("-KILL");
    running.end();
    let mut part = folder.read(".f.part");
    part[0] ^= 1;
    fs::write(folder.path(".f.part"), part).expect("a file");
    let ended = download(&service, &folder, &["--json"]);
    assert_eq!((ended.code, &ended.json()["resumed"]), (Some(0), &json!(false)), "{ended:?}");
    assert!(ended.stderr.contains("\nstarting again from the first byte\n"), "{ended:?}");
    assert_eq!(folder.read("f"), megabyte());
}

#[test]
fn a_second_download_to_the_same_file_is_refused() {
    let folder = Folder::new("download-busy");
    let service = serving(megabyte(), "SUCCESS", "SLOW:20000");
    let (url, file) = (service.url(), folder.path("f"));
    let first = cli(&["download", "J", "-o", &file, "--endpoint", &url]);
    let mut first = first.stdout(Stdio::null()).start(1);
    let second = download(&service, &folder, &["--json"]);
    assert_eq!((second.code, &second.error()["kind"]), (Some(7), &json!("file")), "{second:?}");
    let message = format!("{file:?} is already being downloaded");
    assert_eq!(second.error()["message"], message);
    first.signal_until_the_end("-KILL");
}

#[test]
fn after_a_kill_the_next_run_resumes() {
    let folder = Folder::new("download-kill");
    let service = serving(megabyte(), "SUCCESS", "SLOW:20000");
    let (url, file) = (service.url(), folder.path("f"));
    let running = cli(&["download", "J", "-o", &file, "--endpoint", &url]);
    let running = running.stdout(Stdio::null()).start(2);
    running.signal("-KILL");
    assert_eq!(running.end().code, None);
    assert_eq!(folder.files(), [".f.part", ".f.part.json"]);
    let ended = download(&service, &folder, &["--json"]);
    assert_eq!((ended.code, &ended.json()["resumed"]), (Some(0), &json!(true)), "{ended:?}");
    assert!(ended.stderr.starts_with("resuming after "), "{ended:?}");
    assert_eq!((folder.read("f"), folder.files().len()), (megabyte(), 1));
}
