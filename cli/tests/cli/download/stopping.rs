//! Signals end a download, and what they leave.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::thread;

use serde_json::json;

use super::{download, megabyte, serving};
use crate::support::{Folder, cli, without_keys};

#[test]
fn an_interrupt_keeps_what_is_there_and_tells_how_to_go_on() {
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
fn an_interrupt_before_the_first_byte_leaves_nothing_of_a_long_name_too() {
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
    // An answer never comes.
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
    // Without metadata nobody knows whose bytes these are.
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
fn an_interrupt_tells_that_what_was_written_to_stdout_is_to_be_discarded() {
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

/// Without a tag nobody could say whether it is still the same file.
#[test]
fn an_interrupt_leaves_no_part_that_nothing_can_use() {
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
