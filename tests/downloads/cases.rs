use std::{error::Error, fmt::Write as _, fs, net::TcpListener, path::PathBuf, time::Duration};

use http::StatusCode;
use tcss_export::{
    SendFault,
    download::{ErrorKind, Event, Fault, Policy},
    driver::{DownloadFailure, FileErrorKind, Order},
};
use tcss_export_testkit::{
    ServedFile, Service,
    wire::{WireAnswer, WireServer},
};

use crate::{
    client::Client,
    folder::Folder,
    request::requests,
    setup::{Ended, Http, Setup, Trial, hasty, job, order},
};

/// The file of field case D7.
pub(crate) const FILE: &[u8] = b"123456789";
/// Its checksum, as field case D7 gives it.
const FILE_CRC: &str = "11051210869376104954";
const CRC: &str = "x-cos-hash-crc64ecma";
pub(crate) const ETAG: &str = "\"EXAMPLE-1\"";

pub(crate) fn file(headers: &[(&str, &str)], body: &[u8]) -> WireAnswer {
    WireAnswer::response(200, headers, body)
}

/// A whole answer of the declared length that ends after these bytes.
pub(crate) fn cut(length: &str, etag: &str, body: &[u8]) -> WireAnswer {
    file(&[("Content-Length", length), ("ETag", etag)], body).then_close()
}

pub(crate) fn range(range: &str, etag: &str, body: &[u8]) -> WireAnswer {
    WireAnswer::response(206, &[("Content-Range", range), ("ETag", etag)], body)
}

/// A policy by which the first fault is the end.
fn strict() -> Policy {
    hasty().with_max_failures(0)
}

pub(crate) fn d1_a_refusal_is_told_by_its_xml_and_leaves_no_file(setup: &Setup) {
    let xml = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message>\
               <RequestId>x-1</RequestId></Error>";
    let answer = WireAnswer::response(403, &[("Content-Type", "application/xml")], xml);
    let trial = setup.trial([answer]);
    let ErrorKind::Expired { refusal: Some(refusal) } = trial.kind() else {
        panic!("{:?}", trial.kind())
    };
    assert_eq!(refusal.status, StatusCode::FORBIDDEN);
    assert_eq!(refusal.code.as_deref(), Some("AccessDenied"));
    assert_eq!(refusal.message.as_deref(), Some("Request has expired"));
    assert_eq!(refusal.request_id.as_deref(), Some("x-1"));
    assert_eq!(requests(&trial.server).len(), 1);
    trial.folder.assert_empty();
}

pub(crate) fn d2_a_url_whose_time_is_over_is_not_asked_for(setup: &Setup) {
    let (server, folder) = (setup.server([file(&[], FILE)]), Folder::new());
    let url = format!("{}/a.csv?q-sign-time=1699979400;1699983000", server.url());
    let end = setup.client_of(&server).download(order(&url), folder.target());
    let error = end.unwrap_err();
    let error = error.download_error().expect("an error of the download");
    assert_eq!(error.kind, ErrorKind::Expired { refusal: None });
    assert_eq!(error.report.requests, 0);
    assert_eq!(server.connections(), 0);
    folder.assert_empty();
}

/// Downloads a file from a URL with this target, and gives the line of the only request.
fn line_for(setup: &Setup, target: &str) -> String {
    let (server, folder) = (setup.server([file(&[], FILE)]), Folder::new());
    let url = format!("{}{target}", server.url());
    let end = setup.client_of(&server).download(order(&url), folder.target());
    end.expect("a whole file");
    only(requests(&server)).line
}

fn only<T>(mut items: Vec<T>) -> T {
    assert_eq!(items.len(), 1, "requests on the wire");
    items.remove(0)
}

pub(crate) fn d3_the_target_is_that_of_the_url_byte_for_byte(setup: &Setup) {
    for target in [
        "/p%2Fq%2B(1)%20x.csv?q-sign-time=1699979400;99999999999&k=a%2Bb",
        "/a//b/../c?x=%e5%AF&y='{}|^`~\\&&=",
        "/?",
    ] {
        assert_eq!(line_for(setup, target), format!("GET {target} HTTP/1.1"));
    }
    assert_eq!(line_for(setup, "?sign=abc"), "GET /?sign=abc HTTP/1.1");
    assert_eq!(line_for(setup, ""), "GET / HTTP/1.1");
}

pub(crate) fn d4_the_request_has_these_headers_and_no_others(setup: &Setup) {
    let trial = setup.trial([file(&[], FILE)]);
    trial.downloaded();
    let request = only(requests(&trial.server));
    let host = trial.server.url().split_once("://").unwrap().1.to_owned();
    assert_eq!(request.all("host"), [host]);
    assert_eq!(request.all("accept-encoding"), ["identity"]);
    assert!(request.body.is_empty());
    // A given client's own name for itself is its user's business.
    let names = request.headers.iter().map(|(name, _)| name.as_str());
    let is_given = setup.http == Http::Given;
    let mut names: Vec<_> = names.filter(|name| !is_given || *name != "user-agent").collect();
    names.sort_unstable();
    assert_eq!(names, ["accept-encoding", "host"]);
}

pub(crate) fn d5_the_first_request_is_the_download(setup: &Setup) {
    let trial = setup.trial([file(&[], FILE)]);
    trial.folder.assert_holds(FILE);
    let request = only(requests(&trial.server));
    assert_eq!(request.line, "GET /report.csv?q-signature=EXAMPLE HTTP/1.1");
    assert_eq!(trial.server.connections(), 1);
    assert_eq!(trial.downloaded().report.requests, 1);
}

pub(crate) fn d6_a_whole_answer_to_a_range_takes_the_place_of_the_part(setup: &Setup) {
    let new = [b'n'; 250];
    let trial = setup.trial([cut("300", ETAG, &[b'o'; 100]), file(&[], &new)]);
    assert_eq!(trial.downloaded().bytes, 250);
    trial.folder.assert_holds(&new);
    let requests = requests(&trial.server);
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].range(), (None, None));
    assert_eq!(requests[1].range(), (Some("bytes=100-"), Some(ETAG)));
    assert_eq!(trial.downloaded().report.restarts, 1);
}

pub(crate) fn d7_a_checksum_that_matches_verifies_the_file(setup: &Setup) {
    let trial = setup.trial([file(&[(CRC, FILE_CRC)], FILE)]);
    let downloaded = trial.downloaded();
    assert_eq!((downloaded.verified, downloaded.crc64.to_string()), (true, FILE_CRC.into()));
    trial.folder.assert_holds(FILE);
}

pub(crate) fn d7_without_a_checksum_the_length_is_checked(setup: &Setup) {
    let trial = setup.trial([file(&[], FILE)]);
    let downloaded = trial.downloaded();
    assert_eq!((downloaded.verified, downloaded.bytes), (false, 9));
    trial.folder.assert_holds(FILE);
}

pub(crate) fn d7_another_checksum_is_an_error_that_leaves_nothing(setup: &Setup) {
    let trial = setup.trial([file(&[(CRC, "1"), ("ETag", ETAG)], FILE)]);
    let computed = FILE_CRC.parse().unwrap();
    assert_eq!(*trial.kind(), ErrorKind::Mismatch { expected: 1, computed });
    assert_eq!(requests(&trial.server).len(), 1);
    trial.folder.assert_empty();
}

pub(crate) fn d8_a_content_coding_is_an_error_that_names_it(setup: &Setup) {
    for coding in ["gzip", "br", "gzip, identity"] {
        let trial = setup.trial([file(&[("Content-Encoding", coding), ("ETag", ETAG)], FILE)]);
        let ErrorKind::Coding(named) = trial.kind() else { panic!("{:?}", trial.kind()) };
        assert!(coding.starts_with(&**named), "{named}");
        assert_eq!(requests(&trial.server).len(), 1);
        trial.folder.assert_empty();
    }
    let trial = setup.trial([file(&[("Content-Encoding", "identity")], FILE)]);
    trial.folder.assert_holds(FILE);
}

pub(crate) fn d9_a_file_of_eleven_mebibytes_arrives_whole_and_piece_by_piece(setup: &Setup) {
    const LENGTH: u64 = 11 << 20;
    let file = ServedFile::made_up("report.csv", LENGTH);
    let served = setup.service(Service::builder().file(file));
    let url = served.service.file_url().unwrap();
    let (folder, mut at, mut largest) = (Folder::new(), 0, 0);
    let watch = |event: &Event| {
        largest = largest.max(event.bytes - at);
        at = event.bytes;
        true
    };
    let ended = served.client(setup).download_while(order(&url), folder.target(), watch);
    let downloaded = ended.unwrap().expect("a whole file");
    assert_eq!(downloaded.bytes, LENGTH);
    assert_eq!(Some(downloaded.crc64), served.service.file_crc64());
    assert!(downloaded.verified);
    assert!(largest <= 1 << 20, "a piece of {largest} bytes");
    assert_eq!(fs::metadata(folder.target()).unwrap().len(), LENGTH);
    assert_eq!(served.service.seen().len(), 1);
}

/// So long that no busy machine is taken for a stall.
const STALL_LIMIT: Duration = Duration::from_secs(1);

fn stalling() -> Policy {
    strict().with_stall_limit(STALL_LIMIT)
}

pub(crate) fn d10_slow_is_not_stalled(setup: &Setup) {
    let bytes = [b'x'; 6_000];
    let slow = file(&[], &bytes).slowly(100, Duration::from_millis(20));
    let trial = setup.trial_by(stalling(), [slow]);
    assert!(trial.downloaded().report.elapsed > STALL_LIMIT);
    trial.folder.assert_holds(&bytes);
}

pub(crate) fn d10_no_byte_for_the_stall_limit_is_a_stall(setup: &Setup) {
    let length = ("Content-Length", "1000");
    let head = WireAnswer::response(200, &[length, ("ETag", ETAG)], [b'x'; 500]);
    // The head and its bytes come at once, what is still to come does not.
    let trial = setup.trial_by(stalling(), [head]);
    assert_eq!(*trial.kind(), ErrorKind::Fault(Fault::Stalled));
    let failure = trial.end.as_ref().unwrap_err();
    let DownloadFailure::Download { transport: Some(transport), .. } = failure else {
        panic!("{failure:?}")
    };
    assert_eq!(transport.fault(), SendFault::Timeout);
    assert_eq!(trial.folder.part(), [b'x'; 500]);
    assert_in_time(&trial);
}

pub(crate) fn d10_no_answer_for_the_stall_limit_is_a_time_limit(setup: &Setup) {
    let policy = strict().with_stall_limit(Duration::from_millis(300));
    let trial = setup.trial_by(policy, [WireAnswer::Hang]);
    assert_eq!(*trial.kind(), ErrorKind::Fault(Fault::Send(SendFault::Timeout)));
    trial.folder.assert_empty();
    assert_in_time(&trial);
}

/// Checks that it was the limit of the policy that took effect, and not the one by default.
fn assert_in_time(trial: &Trial) {
    let failure = trial.end.as_ref().unwrap_err();
    assert!(failure.download_error().unwrap().report.elapsed < Policy::STALL_LIMIT);
}

/// What must be in no text.
const SECRET: &str = "EXAMPLESIGNATURE";

pub(crate) fn d11_the_secret_part_of_a_url_is_in_no_text(setup: &Setup) {
    let location = format!("https://other.example/?q-signature={SECRET}");
    let denied = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>";
    let too_long = "x".repeat(600_000);
    for answer in [
        WireAnswer::response(403, &[], denied),
        WireAnswer::response(404, &[], "<html>"),
        WireAnswer::response(302, &[("Location", &location)], ""),
        WireAnswer::response(418, &[], ""),
        file(&[("Content-Encoding", "gzip")], FILE),
        file(&[(CRC, "1")], FILE),
        file(&[("X-Filler", &too_long)], FILE),
        cut("10", ETAG, b"012"),
        WireAnswer::raw("HTTP/1.1 200 OK\r\n\r\n012").then_close(),
        WireAnswer::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno").then_close(),
        WireAnswer::raw("nonsense\r\n\r\n").then_close(),
        WireAnswer::Close,
    ] {
        let server = setup.server([answer]);
        assert_hidden(&setup.client_of(&server), &server.url());
        assert!(!requests(&server).is_empty());
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let untrusted = WireServer::tls([file(&[], FILE)]).unwrap();
    for base in [format!("http://{closed}"), untrusted.url()] {
        let elsewhere = setup.server([WireAnswer::Close]);
        assert_hidden(&setup.client_of(&elsewhere), &base);
    }
}

/// Lets a download fail, and looks for the secret in all that it says.
fn assert_hidden(client: &Client, base: &str) {
    let order = order(&format!("{base}/a.csv?q-signature={SECRET}")).with_policy(strict());
    let mut text = format!("{order:?} {}", client.text(order.clone()));
    let folder = Folder::new();
    let ended = client.download_while(order, folder.target(), |event| {
        write!(text, "{event:?}").unwrap();
        true
    });
    let failure = ended.unwrap().expect_err("an error");
    write!(text, "{failure:?} {failure:#?}").unwrap();
    let mut cause = Some(&failure as &dyn Error);
    while let Some(error) = cause {
        write!(text, "{error} {error:?}").unwrap();
        cause = error.source();
    }
    assert!(!text.contains(SECRET), "{text}");
    assert!(text.contains("/a.csv?..."), "{text}");
}

/// Has a job end in this URL, and gives what its download asks the file server for.
fn line_for_answer(setup: &Setup, target: &str) -> (String, Ended) {
    let files = setup.server([file(&[], FILE)]);
    let url = format!("{}{target}", files.url()).replace('/', "\\/");
    let answer = format!(
        r#"{{"Response":{{"ExportStatus":"SUCCESS","DownloadURL":"{url}","RequestId":"r-1"}}}}"#
    );
    let api = setup.server([WireAnswer::json(answer)]);
    let client = setup.client(&api.url(), &[api.ca_der(), files.ca_der()]);
    let finished = client.wait().expect("a job that has ended well");
    let folder = Folder::new();
    let order = Order::new(finished.download_url).of_job(job());
    let end = client.download(order, folder.target());
    (only(requests(&files)).line, end)
}

pub(crate) fn d12_the_escapes_of_an_answer_are_undone_in_the_request(setup: &Setup) {
    let (line, end) = line_for_answer(setup, "/a?x=1\\u0026y=2");
    assert_eq!(line, "GET /a?x=1&y=2 HTTP/1.1");
    assert_eq!(end.unwrap().bytes, 9);
}

pub(crate) fn d13_a_query_leaves_as_it_is(setup: &Setup) {
    let (line, end) = line_for_answer(setup, "/a.csv?sign=abc");
    assert_eq!(line, "GET /a.csv?sign=abc HTTP/1.1");
    assert_eq!(end.unwrap().bytes, 9);
}

pub(crate) fn d14_the_bytes_are_not_touched(setup: &Setup) {
    let csv = b"\xef\xbb\xbfa,b\r\n1,2\r\n3,4\r\n5\r\n";
    assert_eq!(csv.len(), 21);
    let text = ("Content-Type", "text/csv; charset=gbk");
    setup.trial([file(&[text], csv)]).folder.assert_holds(csv);
    let all: Vec<u8> = (0..=255).collect();
    setup.trial([file(&[text], &all)]).folder.assert_holds(&all);
}

pub(crate) fn d15_an_early_end_is_incomplete_and_only_the_part_stays(setup: &Setup) {
    let trial = setup.trial_by(strict(), [cut("10", ETAG, b"012")]);
    assert_eq!(*trial.kind(), ErrorKind::Fault(Fault::Incomplete));
    assert_eq!(trial.folder.part(), b"012");

    // What cannot be known again is of no use later.
    let trial = setup.trial_by(strict(), [cut("10", "W/\"weak\"", b"012")]);
    assert_eq!(*trial.kind(), ErrorKind::Fault(Fault::Incomplete));
    trial.folder.assert_empty();
}

pub(crate) fn an_empty_file_is_a_file(setup: &Setup) {
    let trial = setup.trial([file(&[(CRC, "0")], b"")]);
    assert_eq!((trial.downloaded().bytes, trial.downloaded().verified), (0, true));
    trial.folder.assert_holds(b"");
}

pub(crate) fn a_chunked_file_arrives_whole(setup: &Setup) {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let trial =
        setup.trial([WireAnswer::raw(format!("{head}4\r\n1234\r\n5\r\n56789\r\n0\r\n\r\n"))]);
    trial.folder.assert_holds(FILE);

    let cut = WireAnswer::raw(format!("{head}4\r\n1234\r\n")).then_close();
    let trial = setup.trial_by(strict(), [cut]);
    assert_eq!(*trial.kind(), ErrorKind::Fault(Fault::Incomplete));
    trial.folder.assert_empty();
}

pub(crate) fn an_answer_without_an_end_is_an_error(setup: &Setup) {
    let endless = WireAnswer::raw("HTTP/1.1 200 OK\r\n\r\n123456789").then_close();
    let trial = setup.trial([endless]);
    assert_eq!(*trial.kind(), ErrorKind::NoLength);
    trial.folder.assert_empty();
}

/// Checks that a download to this place ends by its file before anything is sent.
fn assert_refused(setup: &Setup, target: PathBuf, kind: FileErrorKind) {
    let server = setup.server([file(&[], FILE)]);
    let url = format!("{}/a.csv", server.url());
    let failure = setup.client_of(&server).download(order(&url), target).unwrap_err();
    let DownloadFailure::File(error) = failure else { panic!("{failure:?}") };
    assert_eq!(error.kind(), kind);
    assert_eq!(server.connections(), 0);
}

pub(crate) fn a_folder_that_is_not_there_is_told_before_any_request(setup: &Setup) {
    let folder = Folder::new();
    assert_refused(setup, folder.path().join("missing/report.csv"), FileErrorKind::Open);
    assert_refused(setup, folder.path().into(), FileErrorKind::Directory);
    folder.assert_empty();
}

pub(crate) fn a_file_that_exists_stays_and_nothing_is_asked_for(setup: &Setup) {
    let folder = Folder::new();
    fs::write(folder.target(), "old").unwrap();
    assert_refused(setup, folder.target(), FileErrorKind::Exists);
    folder.assert_holds(b"old");
}
