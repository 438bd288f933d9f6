//! Cuts, changed files, other ranges, and parts of an earlier download.

use http::StatusCode;
use tcss_export::download::{ErrorKind, Event};
use tcss_export_testkit::{ServedFile, Service, wire::WireAnswer};

use crate::{
    clients::{LIBRARIES, Setup},
    folder::Folder,
    requests::requests,
    setup::{ETAG, FILE, Run, cut, file, range, source},
};

/// The tag of a file that has replaced the first one.
const OTHER: &str = "\"EXAMPLE-2\"";

/// The values of Range and If-Range.
type Requested = (Option<&'static str>, Option<&'static str>);

const WHOLE: Requested = (None, None);
const REST: Requested = (Some("bytes=4-"), Some(ETAG));

/// Checks the range of each request.
#[track_caller]
fn assert_requested(run: &Run, expected: &[Requested]) {
    let requests = requests(&run.server);
    let ranges: Vec<_> = requests.iter().map(|request| request.range()).collect();
    assert_eq!(ranges, expected);
    for request in &requests {
        assert_eq!(request.line, requests[0].line);
        assert_eq!(request.all("accept-encoding"), ["identity"]);
    }
}

pub(crate) fn a_whole_answer_to_a_range_request_replaces_the_part(setup: &Setup) {
    let new = [b'n'; 250];
    let run = setup.run([cut("300", ETAG, &[b'o'; 100]), file(&[], &new)]);
    assert_eq!(run.downloaded().bytes, 250);
    run.folder.assert_holds(&new);
    let requests = requests(&run.server);
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].range(), (None, None));
    assert_eq!(requests[1].range(), (Some("bytes=100-"), Some(ETAG)));
    assert_eq!(run.downloaded().report.restarts, 1);
}

pub(crate) fn a_cut_is_resumed_by_a_range_of_the_same_file(setup: &Setup) {
    let rest = WireAnswer::response(
        206,
        &[("Content-Range", "bytes 4-8/9"), ("Content-Length", "5"), ("ETag", ETAG)],
        b"56",
    );
    let run =
        setup.run([cut("9", ETAG, b"1234"), rest.then_close(), range("bytes 6-8/9", ETAG, b"789")]);
    run.folder.assert_holds(FILE);
    assert_requested(&run, &[WHOLE, REST, (Some("bytes=6-"), Some(ETAG))]);
    let report = &run.downloaded().report;
    assert_eq!((report.requests, report.resumes, report.restarts), (3, 2, 0));
}

pub(crate) fn a_changed_file_starts_over(setup: &Setup) {
    // Another tag, another length and another checksum.
    let crc = ("x-cos-hash-crc64ecma", "7");
    let other_crc = [("Content-Range", "bytes 4-8/9"), ("ETag", ETAG), crc];
    let first = [("Content-Length", "9"), ("ETag", ETAG), ("x-cos-hash-crc64ecma", "8")];
    for (first, second) in [
        (cut("9", ETAG, b"old "), range("bytes 4-8/9", OTHER, b"56789")),
        (cut("9", ETAG, b"old "), range("bytes 4-9/10", ETAG, b"567890")),
        (file(&first, b"old ").then_close(), WireAnswer::response(206, &other_crc, b"56789")),
    ] {
        let run = setup.run([first, second, file(&[("ETag", OTHER)], FILE)]);
        run.folder.assert_holds(FILE);
        assert_requested(&run, &[WHOLE, REST, WHOLE]);
        assert_eq!(run.downloaded().report.restarts, 1);
    }
}

pub(crate) fn another_range_than_requested_starts_over(setup: &Setup) {
    for wrong in ["bytes 3-7/9", "bytes 5-9/9", "bytes 4-3/9", "bytes 4-8", "bytes */9"] {
        let whole = file(&[("ETag", ETAG)], FILE);
        let run = setup.run([cut("9", ETAG, b"1234"), range(wrong, ETAG, b"xxxxx"), whole]);
        run.folder.assert_holds(FILE);
        assert_requested(&run, &[WHOLE, REST, WHOLE]);
    }
}

pub(crate) fn a_short_range_is_continued(setup: &Setup) {
    let run = setup.run([
        cut("9", ETAG, b"1234"),
        range("bytes 4-5/9", ETAG, b"56"),
        range("bytes 6-8/9", ETAG, b"789"),
    ]);
    run.folder.assert_holds(FILE);
    assert_requested(&run, &[WHOLE, REST, (Some("bytes=6-"), Some(ETAG))]);
}

pub(crate) fn an_encoded_range_is_an_error_that_names_the_encoding(setup: &Setup) {
    let headers = [("Content-Range", "bytes 4-8/9"), ("ETag", ETAG), ("Content-Encoding", "gzip")];
    let coded = WireAnswer::response(206, &headers, b"56789");
    let run = setup.run([cut("9", ETAG, b"1234"), coded]);
    assert_eq!(*run.kind(), ErrorKind::Coding("gzip".into()));
    assert_requested(&run, &[WHOLE, REST]);
    assert_eq!(run.folder.part(), b"1234");
}

pub(crate) fn a_redirect_is_not_followed(setup: &Setup) {
    for status in [301, 302, 303, 307, 308] {
        let headers = [("Location", "https://other.example/")];
        let run = setup.run([WireAnswer::response(status, &headers, "")]);
        let (host, status) = (Some("other.example".into()), StatusCode::from_u16(status).unwrap());
        assert_eq!(*run.kind(), ErrorKind::Redirect { status, host });
        assert_requested(&run, &[WHOLE]);
        run.folder.assert_empty();
    }
}

pub(crate) fn without_a_strong_tag_the_whole_file_is_requested_again(setup: &Setup) {
    for etag in ["W/\"EXAMPLE\"", "EXAMPLE", ""] {
        let run = setup.run([cut("9", etag, b"1234"), file(&[], FILE)]);
        run.folder.assert_holds(FILE);
        assert_requested(&run, &[WHOLE, WHOLE]);
    }
}

pub(crate) fn broken_connections_are_survived(setup: &Setup) {
    let run = setup.run([
        WireAnswer::Close,
        cut("9", ETAG, b"1234"),
        WireAnswer::Close,
        WireAnswer::response(503, &[], ""),
        range("bytes 4-8/9", ETAG, b"56789"),
    ]);
    run.folder.assert_holds(FILE);
    assert_requested(&run, &[WHOLE, WHOLE, REST, REST, REST]);
}

const LENGTH: u64 = 3 << 20;

pub(crate) fn the_part_of_a_dropped_download_is_resumed(setup: &Setup) {
    let file = ServedFile::made_up("report.csv", LENGTH);
    let served = setup.service(Service::builder().file(file));
    for finishing in LIBRARIES {
        let (folder, url) = (Folder::new(), served.service.file_url().unwrap());
        let first = served.client(setup).download_while(source(&url), folder.target(), is_early);
        assert!(first.is_none());
        let left = folder.part().len() as u64;
        assert!((LENGTH / 3..LENGTH).contains(&left), "{left} bytes are left");

        // Another URL of the same file, and a client of each library.
        let url = served.service.file_url().unwrap();
        let client = served.client(&Setup { library: *finishing, ..*setup });
        let downloaded = client.download(source(&url), folder.target()).expect("a whole file");
        assert_eq!((downloaded.bytes, downloaded.report.resumes), (LENGTH, 1));
        assert_eq!(Some(downloaded.crc64), served.service.file_crc64());
        let seen = served.service.seen();
        let last = seen.last().and_then(|seen| seen.download.as_ref()).unwrap();
        assert_eq!(last.header("range"), Some(&*format!("bytes={left}-")));
    }
    assert_eq!(served.service.seen().len(), 2 * LIBRARIES.len());
}

/// Returns whether less than a third has arrived.
fn is_early(event: &Event) -> bool {
    event.bytes < LENGTH / 3
}
