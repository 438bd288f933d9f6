//! Downloads over a ureq that decodes bodies, as it does with its default features: the file has
//! the bytes that were sent, or the download fails.
#![cfg(test)]

use std::{env, fs, process, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use tcss_export::{
    Credentials, DownloadUrl, JobId, Session, Source,
    actions::{DescribeExportJobResult, ExportStatus},
    download::{Downloaded, ErrorKind, Fault, Policy},
    error::DownloadError,
    ureq::{Client, Ureq},
};
use tcss_export_testkit::wire::{WireAnswer, WireServer};
use ureq::Agent;

/// A RUNNING answer, compressed by another program.
const GZIP: &str = "H4sIAAAAAAACA6tWCkotLsjPK05VsqpWcq0oyC8qCS5JLCktVrJSCgr18/P0c1fSASoqLE0tLvFMAYoW6Voo1dYCAPQgeeY5AAAA";

fn gzip() -> Vec<u8> {
    STANDARD.decode(GZIP).expect("base64")
}

fn default_client(server: &WireServer) -> Client {
    Client::new(session(server), credentials())
}

fn client_with_agent(server: &WireServer) -> Client {
    Client::with_transport(
        session(server),
        credentials(),
        Ureq::with_agent(Agent::new_with_defaults()),
    )
}

/// A client that `new` built, and one over an agent that the user built.
const CLIENTS: [fn(&WireServer) -> Client; 2] = [default_client, client_with_agent];

fn session(server: &WireServer) -> Session {
    Session::new(server.url().parse().expect("a URL"))
}

fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").expect("made up")
}

/// The outcome of a download and the file that it left.
struct Finished {
    outcome: Result<Downloaded, DownloadError>,
    /// The file under its final name.
    file: Option<Vec<u8>>,
}

impl Finished {
    #[track_caller]
    fn kind(self) -> ErrorKind {
        assert_eq!(self.file, None);
        let error = self.outcome.expect_err("no file");
        error.download_error().expect("an error of the download").kind.clone()
    }
}

fn download(client: fn(&WireServer) -> Client, answer: WireAnswer) -> Finished {
    let server = WireServer::plain([answer]).expect("a server");
    let url = DownloadUrl::new(format!("{}/report.csv", server.url())).expect("a URL");
    let mut policy = Policy::default();
    policy.max_failures = 0;
    let source = Source::new(url).with_policy(policy);
    let port = server.url().rsplit(':').next().expect("a port").to_owned();
    let folder = env::temp_dir().join(format!("tcss-export-decoding-{}-{port}", process::id()));
    fs::create_dir(&folder).expect("a folder");
    let target = folder.join("report.csv");
    let outcome = client(&server).download(source, &*target).expect("a URL").outcome();
    let file = fs::read(&target).ok();
    fs::remove_dir_all(folder).expect("the folder");
    Finished { outcome, file }
}

fn answer(headers: &[(&str, &str)], body: &[u8]) -> WireAnswer {
    WireAnswer::response(200, headers, body)
}

fn chunked(headers: &str, body: &[u8]) -> WireAnswer {
    let head = format!("HTTP/1.1 200 OK\r\n{headers}Transfer-Encoding: chunked\r\n\r\n");
    let size = format!("{:x}\r\n", body.len());
    WireAnswer::raw([head.as_bytes(), size.as_bytes(), body, b"\r\n0\r\n\r\n"].concat())
}

/// A text in GBK, and one in ISO 8859-1 that starts like a byte order mark.
const TEXTS: [(&str, &[u8]); 2] = [
    ("text/csv; charset=gbk", b"\xb5\xbc\xb3\xf6\r\n"),
    ("text/csv; charset=iso-8859-1", b"\xef\xbb\xbfid\xe9\r\n"),
];

#[test]
fn a_compressed_body_leaves_no_file() {
    for client in CLIENTS {
        for encoding in ["gzip", "br"] {
            let header = format!("Content-Encoding: {encoding}\r\n");
            let whole = answer(&[("Content-Encoding", encoding)], &gzip());
            let slow = whole.clone().slowly(1, Duration::ZERO);
            for answer in [whole, slow, chunked(&header, &gzip())] {
                let finished = download(client, answer);
                assert_eq!(finished.file, None);
                assert!(finished.outcome.is_err());
            }
        }
    }
}

#[test]
fn a_text_in_another_charset_leaves_no_file() {
    for client in CLIENTS {
        for (content_type, body) in TEXTS {
            let header = format!("Content-Type: {content_type}\r\n");
            for answer in [answer(&[("Content-Type", content_type)], body), chunked(&header, body)]
            {
                let kind = download(client, answer).kind();
                assert!(matches!(kind, ErrorKind::Fault(Fault::Transport(_))), "{kind:?}");
            }
        }
    }
}

#[test]
fn a_chunked_file_without_a_checksum_is_refused() {
    for client in CLIENTS {
        assert_eq!(download(client, chunked("", b"id,status\r\n")).kind(), ErrorKind::NoLength);
    }
}

#[test]
fn a_chunked_file_with_a_checksum_arrives_unchanged() {
    // The CRC-64/XZ of "123456789" in the catalogue of parametrised CRC algorithms.
    let header = "x-cos-hash-crc64ecma: 11051210869376104954\r\n";
    for client in CLIENTS {
        let finished = download(client, chunked(header, b"123456789"));
        assert!(finished.outcome.expect("a file").verified);
        assert_eq!(finished.file.as_deref(), Some(&b"123456789"[..]));
    }
}

#[test]
fn a_file_with_a_length_arrives_unchanged() {
    for client in CLIENTS {
        for content_type in ["text/csv", "text/csv; charset=utf-8", "application/octet-stream"] {
            let body = b"\xef\xbb\xbfid,status\r\n\xe9";
            let finished = download(client, answer(&[("Content-Type", content_type)], body));
            assert_eq!(finished.outcome.expect("a file").bytes, 15);
            assert_eq!(finished.file.as_deref(), Some(&body[..]), "{content_type}");
        }
    }
}

#[test]
fn a_file_with_a_content_encoding_that_changes_no_byte_arrives_unchanged() {
    for client in CLIENTS {
        for words in ["identity", "utf-8", "none"] {
            let finished = download(client, answer(&[("Content-Encoding", words)], b"id\xe9"));
            assert_eq!(finished.file.as_deref(), Some(&b"id\xe9"[..]), "{words}");
        }
    }
}

#[test]
fn a_compressed_answer_of_the_service_is_read() {
    let server = WireServer::plain([answer(&[("Content-Encoding", "gzip")], &gzip())]);
    let server = server.expect("a server");
    let action = DescribeExportJobResult::new(JobId::new("4711").expect("an id"));
    let answer = default_client(&server).send(&action).expect("an answer");
    assert_eq!(answer.response.status, ExportStatus::Running);
    assert_eq!(answer.request_id.as_deref(), Some("r-8"));
}

#[test]
fn no_cookie_is_sent_back() {
    let json = r#"{"Response":{"ExportStatus":"RUNNING","RequestId":"r-1"}}"#;
    let headers = [("Content-Type", "application/json"), ("Set-Cookie", "id=EXAMPLE")];
    let server = WireServer::plain(vec![answer(&headers, json.as_bytes()); 2]);
    let server = server.expect("a server");
    let client = default_client(&server);
    let action = DescribeExportJobResult::new(JobId::new("4711").expect("an id"));
    for _ in 0..2 {
        client.send(&action).expect("an answer");
    }
    let second = String::from_utf8(server.requests().remove(1)).expect("a text");
    assert!(!second.to_ascii_lowercase().contains("cookie"), "{second}");
    assert_eq!(server.connections(), 2);
}
