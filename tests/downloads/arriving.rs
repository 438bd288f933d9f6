//! What becomes of an answer: a file with its bytes, or an error that leaves nothing that is none.

use std::fs;

use http::StatusCode;
use tcss_export::download::{ErrorKind, Event, Fault};
use tcss_export_testkit::{ServedFile, Service, wire::WireAnswer};

use crate::{
    answers::{CRC, ETAG, FILE, FILE_CRC, cut, file},
    clients::Setup,
    folder::Folder,
    requests::requests,
    setup::{source, strict},
};

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
    let ended = served.client(setup).download_while(source(&url), folder.target(), watch);
    let downloaded = ended.unwrap().expect("a whole file");
    assert_eq!(downloaded.bytes, LENGTH);
    assert_eq!(Some(downloaded.crc64), served.service.file_crc64());
    assert!(downloaded.verified);
    assert!(largest <= 1 << 20, "a piece of {largest} bytes");
    assert_eq!(fs::metadata(folder.target()).unwrap().len(), LENGTH);
    assert_eq!(served.service.seen().len(), 1);
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
