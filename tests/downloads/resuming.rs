use http::StatusCode;
use tcss_export::download::{ErrorKind, Event};
use tcss_export_testkit::{ServedFile, Service, wire::WireAnswer};

use crate::{
    answers::{ETAG, FILE, cut, file, range},
    clients::{LIBRARIES, Setup},
    folder::Folder,
    requests::requests,
    setup::{Trial, source},
};

/// The tag of a file that has taken the place of the first one.
const OTHER: &str = "\"EXAMPLE-2\"";

/// The values of Range and If-Range.
type Asked = (Option<&'static str>, Option<&'static str>);

const ALL: Asked = (None, None);
const REST: Asked = (Some("bytes=4-"), Some(ETAG));

/// Checks what a download has asked for, request by request.
#[track_caller]
fn assert_asked(trial: &Trial, expected: &[Asked]) {
    let requests = requests(&trial.server);
    let asked: Vec<_> = requests.iter().map(|request| request.range()).collect();
    assert_eq!(asked, expected);
    for request in &requests {
        assert_eq!(request.line, requests[0].line);
        assert_eq!(request.all("accept-encoding"), ["identity"]);
    }
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

pub(crate) fn a_cut_is_mended_by_a_range_of_the_same_file(setup: &Setup) {
    let rest = WireAnswer::response(
        206,
        &[("Content-Range", "bytes 4-8/9"), ("Content-Length", "5"), ("ETag", ETAG)],
        b"56",
    );
    let trial = setup.trial([
        cut("9", ETAG, b"1234"),
        rest.then_close(),
        range("bytes 6-8/9", ETAG, b"789"),
    ]);
    trial.folder.assert_holds(FILE);
    assert_asked(&trial, &[ALL, REST, (Some("bytes=6-"), Some(ETAG))]);
    let report = &trial.downloaded().report;
    assert_eq!((report.requests, report.resumes, report.restarts), (3, 2, 0));
}

pub(crate) fn a_file_that_has_changed_is_started_over(setup: &Setup) {
    // By its tag, by its length and by its checksum.
    let crc = ("x-cos-hash-crc64ecma", "7");
    let other_crc = [("Content-Range", "bytes 4-8/9"), ("ETag", ETAG), crc];
    let first = [("Content-Length", "9"), ("ETag", ETAG), ("x-cos-hash-crc64ecma", "8")];
    for (first, second) in [
        (cut("9", ETAG, b"old "), range("bytes 4-8/9", OTHER, b"56789")),
        (cut("9", ETAG, b"old "), range("bytes 4-9/10", ETAG, b"567890")),
        (file(&first, b"old ").then_close(), WireAnswer::response(206, &other_crc, b"56789")),
    ] {
        let trial = setup.trial([first, second, file(&[("ETag", OTHER)], FILE)]);
        trial.folder.assert_holds(FILE);
        assert_asked(&trial, &[ALL, REST, ALL]);
        assert_eq!(trial.downloaded().report.restarts, 1);
    }
}

pub(crate) fn a_range_that_begins_elsewhere_is_started_over(setup: &Setup) {
    for wrong in ["bytes 3-7/9", "bytes 5-9/9", "bytes 4-3/9", "bytes 4-8", "bytes */9"] {
        let whole = file(&[("ETag", ETAG)], FILE);
        let trial = setup.trial([cut("9", ETAG, b"1234"), range(wrong, ETAG, b"xxxxx"), whole]);
        trial.folder.assert_holds(FILE);
        assert_asked(&trial, &[ALL, REST, ALL]);
    }
}

pub(crate) fn a_range_that_is_less_is_continued(setup: &Setup) {
    let trial = setup.trial([
        cut("9", ETAG, b"1234"),
        range("bytes 4-5/9", ETAG, b"56"),
        range("bytes 6-8/9", ETAG, b"789"),
    ]);
    trial.folder.assert_holds(FILE);
    assert_asked(&trial, &[ALL, REST, (Some("bytes=6-"), Some(ETAG))]);
}

pub(crate) fn d8_a_range_in_a_coding_is_an_error_that_names_it(setup: &Setup) {
    let headers = [("Content-Range", "bytes 4-8/9"), ("ETag", ETAG), ("Content-Encoding", "gzip")];
    let coded = WireAnswer::response(206, &headers, b"56789");
    let trial = setup.trial([cut("9", ETAG, b"1234"), coded]);
    assert_eq!(*trial.kind(), ErrorKind::Coding("gzip".into()));
    assert_asked(&trial, &[ALL, REST]);
    assert_eq!(trial.folder.part(), b"1234");
}

pub(crate) fn t4_a_redirect_is_not_followed(setup: &Setup) {
    for status in [301, 302, 303, 307, 308] {
        let headers = [("Location", "https://other.example/")];
        let trial = setup.trial([WireAnswer::response(status, &headers, "")]);
        let (host, status) = (Some("other.example".into()), StatusCode::from_u16(status).unwrap());
        assert_eq!(*trial.kind(), ErrorKind::Redirect { status, host });
        assert_asked(&trial, &[ALL]);
        trial.folder.assert_empty();
    }
}

pub(crate) fn without_a_tag_the_file_is_asked_for_from_its_beginning(setup: &Setup) {
    for etag in ["W/\"EXAMPLE\"", "EXAMPLE", ""] {
        let trial = setup.trial([cut("9", etag, b"1234"), file(&[], FILE)]);
        trial.folder.assert_holds(FILE);
        assert_asked(&trial, &[ALL, ALL]);
    }
}

pub(crate) fn a_broken_connection_is_survived(setup: &Setup) {
    let trial = setup.trial([
        WireAnswer::Close,
        cut("9", ETAG, b"1234"),
        WireAnswer::Close,
        WireAnswer::response(503, &[], ""),
        range("bytes 4-8/9", ETAG, b"56789"),
    ]);
    trial.folder.assert_holds(FILE);
    assert_asked(&trial, &[ALL, ALL, REST, REST, REST]);
}

const LENGTH: u64 = 3 << 20;

pub(crate) fn what_a_dropped_download_has_left_is_gone_on_with(setup: &Setup) {
    let file = ServedFile::made_up("report.csv", LENGTH);
    let served = setup.service(Service::builder().file(file));
    for finishing in LIBRARIES {
        let (folder, url) = (Folder::new(), served.service.file_url().unwrap());
        let begun = served.client(setup).download_while(source(&url), folder.target(), is_early);
        assert!(begun.is_none());
        let left = folder.part().len() as u64;
        assert!((LENGTH / 3..LENGTH).contains(&left), "{left} bytes are left");

        // Another URL of the same file, and another client, perhaps of another library.
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

/// Whether less than a third is there.
fn is_early(event: &Event) -> bool {
    event.bytes < LENGTH / 3
}
