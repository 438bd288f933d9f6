//! Every fault of a download as bytes on the wire.

use std::io::{ErrorKind, Read, Write};
use std::sync::mpsc;
use std::time::Instant;

use crate::support::{
    Download, connect, content, download, exchange, get, last_answer, service, serving, target,
};
use tcss_export_testkit::{DownloadFault, DownloadFaults, SeenAnswer, ServedFile};

const FROM_100: &str = "Range: bytes=100-\r\n";

fn first(faults: &str) -> Download {
    get(&serving(faults), "")
}

#[track_caller]
fn refused(faults: &str, status: &str, code: &str, message: &str) {
    let answer = first(faults);
    assert_eq!(answer.status(), status);
    assert_eq!((answer.element("Code"), answer.element("Message")), (code, message));
}

#[test]
fn downloads_after_the_last_fault_have_none() {
    let service = serving("GONE,OK,DENIED");
    let statuses: Vec<_> = (0..5).map(|_| get(&service, "").status().to_owned()).collect();
    assert_eq!(statuses, ["404", "200", "403", "200", "200"]);
}

#[test]
fn a_refused_download_takes_no_fault() {
    let service = serving("GONE");
    assert_eq!(get(&service, "Authorization: EXAMPLE\r\n").status(), "400");
    assert_eq!(get(&service, "").status(), "404");
}

#[test]
fn the_record_of_a_download_has_its_fault() {
    let service = serving("CUT:5");
    get(&service, "");
    let expected = SeenAnswer::Download { status: Some(200), fault: Some(DownloadFault::Cut(5)) };
    assert_eq!(last_answer(&service), expected);
}

#[test]
fn cut_ends_after_its_bytes() {
    let answer = first("CUT:100");
    assert_eq!(answer.header("content-length"), Some("265"));
    assert_eq!(answer.body, &content()[..100]);
}

#[test]
fn a_cut_after_no_bytes_sends_the_head() {
    let answer = first("CUT:0");
    assert_eq!((answer.status(), answer.body.len()), ("200", 0));
}

#[test]
fn a_cut_after_the_end_has_no_effect() {
    assert_eq!(first("CUT:265").body, content());
}

#[test]
fn a_cut_counts_from_the_first_byte_of_the_range() {
    let answer = get(&serving("CUT:10"), FROM_100);
    assert_eq!((answer.status(), &*answer.body), ("206", &content()[100..110]));
}

#[test]
fn a_cut_loses_no_byte_to_a_client_that_reads_late() {
    let length = 32 * 1024 * 1024;
    let cut: usize = 30_000_001;
    let faults = DownloadFaults::new([DownloadFault::Cut(30_000_001)]).expect("a fault");
    let file = ServedFile::made_up("r.csv", length);
    let (sender, receiver) = mpsc::channel();
    let service = service()
        .file(file)
        .download_faults(faults)
        .watch(move |_| sender.send(()).expect("a listening test"))
        .start()
        .expect("a service");
    let mut stream = connect(service.addr());
    let request = format!("GET {} HTTP/1.1\r\nHost: h\r\n\r\n", target(&service));
    stream.write_all(request.as_bytes()).expect("a reading service");
    receiver.recv().expect("a download");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an end");
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    assert_eq!(answer.len() - head - 4, cut);
}

#[test]
fn stall_keeps_the_connection_open() {
    let service = serving("STALL:100");
    let mut stream = connect(service.addr());
    let request = format!("GET {} HTTP/1.1\r\nHost: h\r\n\r\n", target(&service));
    stream.write_all(request.as_bytes()).expect("a reading service");
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(&content()[..100]) {
        stream.read_exact(&mut byte).expect("a byte");
        answer.push(byte[0]);
    }
    stream.set_nonblocking(true).expect("a socket");
    let nothing = stream.read(&mut byte).expect_err("an end or a byte").kind();
    assert_eq!(nothing, ErrorKind::WouldBlock);
}

#[test]
fn a_slow_download_is_complete() {
    let started = Instant::now();
    assert_eq!(first("SLOW:100").body, content());
    // At least two pauses, less the granularity of the timer.
    assert!(started.elapsed().as_millis() >= 90);
}

#[test]
fn reset_closes_before_the_first_byte() {
    let service = serving("RESET");
    let request = format!("GET {} HTTP/1.1\r\nHost: h\r\n\r\n", target(&service));
    assert_eq!(exchange(service.addr(), request.as_bytes()), "");
    let expected = SeenAnswer::Download { status: None, fault: Some(DownloadFault::Reset) };
    assert_eq!(last_answer(&service), expected);
}

#[test]
fn chunked_has_no_length_and_a_last_chunk() {
    let answer = first("CHUNKED");
    assert_eq!(answer.header("content-length"), None);
    assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
    let expected = [b"109\r\n", &*content(), b"\r\n0\r\n\r\n"].concat();
    assert_eq!(answer.body, expected);
}

#[test]
fn a_cut_in_chunks_has_no_last_chunk() {
    let answer = first("CHUNKED-CUT:16");
    let expected = [b"10\r\n", &content()[..16], b"\r\n"].concat();
    assert_eq!(answer.body, expected);
}

#[test]
fn etag_changes_the_etag_of_later_downloads() {
    let service = serving("OK,ETAG,ETAG:EXAMPLE,ETAG,OK");
    let etags: Vec<_> =
        (0..5).map(|_| get(&service, "").header("etag").expect("an ETag").to_owned()).collect();
    assert_eq!(etags[2], "\"EXAMPLE\"");
    assert_eq!(etags[3], etags[4]);
    assert!(etags[0] != etags[1] && etags[1] != etags[3], "{etags:?}");
}

#[test]
fn the_answer_to_a_range_with_an_old_etag_is_the_whole_file() {
    let service = serving("OK,ETAG");
    let etag = get(&service, "").header("etag").expect("an ETag").to_owned();
    let answer = get(&service, &format!("{FROM_100}If-Range: {etag}\r\n"));
    assert_eq!((answer.status(), &answer.body), ("200", &content()));
}

#[test]
fn noetag_omits_the_etag() {
    assert_eq!(first("NOETAG").header("etag"), None);
}

#[test]
fn crc_sends_a_wrong_checksum() {
    let service = serving("CRC");
    let right = service.file_crc64().map(|crc64| crc64.to_string());
    let named = get(&service, "").header("x-cos-hash-crc64ecma").map(str::to_owned);
    assert!(named.is_some() && named != right, "{named:?}");
}

#[test]
fn nocrc_omits_the_checksum() {
    assert_eq!(first("NOCRC").header("x-cos-hash-crc64ecma"), None);
}

#[test]
fn full_answers_a_range_by_the_whole_file() {
    let answer = get(&serving("FULL"), FROM_100);
    assert_eq!((answer.status(), &answer.body), ("200", &content()));
}

#[test]
fn range_starts_at_another_position_than_requested() {
    let answer = get(&serving("RANGE"), FROM_100);
    assert_eq!((answer.status(), &*answer.body), ("206", &content()[99..]));
    assert_eq!(answer.header("content-range"), Some("bytes 99-264/265"));
}

#[test]
fn range_sends_a_part_without_a_requested_range() {
    let answer = first("RANGE");
    assert_eq!((answer.status(), &*answer.body), ("206", &content()[1..]));
    assert_eq!(answer.header("content-range"), Some("bytes 1-264/265"));
}

#[test]
fn less_sends_fewer_bytes_than_requested() {
    let answer = get(&serving("LESS:10"), FROM_100);
    assert_eq!((answer.status(), &*answer.body), ("206", &content()[100..110]));
    assert_eq!(answer.header("content-range"), Some("bytes 100-109/265"));
    assert_eq!(answer.header("content-length"), Some("10"));
}

#[test]
fn less_sends_a_part_without_a_requested_range() {
    let answer = first("LESS:10");
    assert_eq!((answer.status(), &*answer.body), ("206", &content()[..10]));
    assert_eq!(answer.header("content-range"), Some("bytes 0-9/265"));
}

#[test]
fn gzip_is_the_content_encoding() {
    assert_eq!(first("GZIP").header("content-encoding"), Some("gzip"));
}

#[test]
fn redirect_has_another_location() {
    let answer = first("REDIRECT");
    assert_eq!(answer.status(), "302");
    assert_eq!(answer.header("location"), Some("https://other.example/"));
}

#[test]
fn expired_is_an_xml_error_of_the_storage() {
    refused("EXPIRED", "403", "AccessDenied", "Request has expired");
}

#[test]
fn an_expired_url_stays_refused_and_a_new_one_is_valid() {
    let service = serving("EXPIRED");
    let request = format!("GET {}", target(&service));
    for _ in 0..2 {
        assert_eq!(download(&service, &request, "").element("Message"), "Request has expired");
    }
    assert_eq!(get(&service, "").status(), "200");
}

#[test]
fn denied_has_another_message_than_expired() {
    refused("DENIED", "403", "AccessDenied", "Access Denied.");
}

#[test]
fn gone_is_no_such_key() {
    refused("GONE", "404", "NoSuchKey", "The specified key does not exist.");
}

#[test]
fn http_500_is_an_internal_error() {
    assert_eq!(first("HTTP:500").element("Code"), "InternalError");
}

#[test]
fn http_503_asks_to_slow_down() {
    assert_eq!(first("HTTP:503").element("Code"), "SlowDown");
}

#[test]
fn http_502_is_an_html_page() {
    let answer = first("HTTP:502");
    assert_eq!((answer.status(), answer.header("content-type")), ("502", Some("text/html")));
}
