//! Answers: a complete file, or an error that leaves no file.

use std::fs;

use http::StatusCode;
use tcss_export::{
    download::{ErrorKind, Event, Fault},
    driver::TransportErrorKind,
};
use tcss_export_testkit::{ServedFile, Service, wire::WireAnswer};

use crate::{
    clients::Setup,
    folder::Folder,
    requests::requests,
    setup::{CRC, ETAG, FILE, FILE_CRC, cut, file, no_retries, source},
};

pub(crate) fn a_refusal_has_the_facts_of_its_xml_and_leaves_no_file(setup: &Setup) {
    let xml = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message>\
               <RequestId>x-1</RequestId></Error>";
    let answer = WireAnswer::response(403, &[("Content-Type", "application/xml")], xml);
    let run = setup.run([answer]);
    let ErrorKind::Expired { refusal: Some(refusal) } = run.kind() else {
        panic!("{:?}", run.kind())
    };
    assert_eq!(refusal.status, StatusCode::FORBIDDEN);
    assert_eq!(refusal.code.as_deref(), Some("AccessDenied"));
    assert_eq!(refusal.message.as_deref(), Some("Request has expired"));
    assert_eq!(refusal.request_id.as_deref(), Some("x-1"));
    assert_eq!(requests(&run.server).len(), 1);
    run.folder.assert_empty();
}

pub(crate) fn a_matching_checksum_verifies_the_file(setup: &Setup) {
    let run = setup.run([file(&[(CRC, FILE_CRC)], FILE)]);
    let downloaded = run.downloaded();
    assert_eq!((downloaded.verified, downloaded.crc64.to_string()), (true, FILE_CRC.into()));
    run.folder.assert_holds(FILE);
}

pub(crate) fn without_a_checksum_the_length_is_checked(setup: &Setup) {
    let run = setup.run([file(&[], FILE)]);
    let downloaded = run.downloaded();
    assert_eq!((downloaded.verified, downloaded.bytes), (false, 9));
    run.folder.assert_holds(FILE);
}

pub(crate) fn another_checksum_is_an_error_that_leaves_no_file(setup: &Setup) {
    let run = setup.run([file(&[(CRC, "1"), ("ETag", ETAG)], FILE)]);
    let computed = FILE_CRC.parse().unwrap();
    assert_eq!(*run.kind(), ErrorKind::Mismatch { expected: 1, computed });
    assert_eq!(requests(&run.server).len(), 1);
    run.folder.assert_empty();
}

pub(crate) fn a_content_encoding_is_an_error_that_names_it(setup: &Setup) {
    for coding in ["gzip", "br", "zstd", "gzip, identity", "unknown"] {
        let run = setup.run([file(&[("Content-Encoding", coding), ("ETag", ETAG)], FILE)]);
        let ErrorKind::Coding(named) = run.kind() else { panic!("{:?}", run.kind()) };
        assert!(coding.starts_with(&**named), "{named}");
        assert_eq!(requests(&run.server).len(), 1);
        run.folder.assert_empty();
    }
}

pub(crate) fn a_content_encoding_that_changes_no_byte_is_accepted(setup: &Setup) {
    for words in ["identity", "UTF-8", "none", "binary", "identity, identity", ""] {
        let run = setup.run([file(&[("Content-Encoding", words), (CRC, FILE_CRC)], FILE)]);
        assert!(run.downloaded().verified, "{words}");
        run.folder.assert_holds(FILE);
    }
    // The checksum still applies.
    let run = setup.run([file(&[("Content-Encoding", "utf-8"), (CRC, "1")], FILE)]);
    assert!(matches!(run.kind(), ErrorKind::Mismatch { .. }), "{:?}", run.kind());
    run.folder.assert_empty();
}

pub(crate) fn a_file_of_11_mib_arrives_complete_and_in_pieces(setup: &Setup) {
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

pub(crate) fn the_bytes_are_not_changed(setup: &Setup) {
    let csv = b"\xef\xbb\xbfa,b\r\n1,2\r\n3,4\r\n5\r\n";
    assert_eq!(csv.len(), 21);
    let text = ("Content-Type", "text/csv; charset=gbk");
    setup.run([file(&[text], csv)]).folder.assert_holds(csv);
    let all: Vec<u8> = (0..=255).collect();
    setup.run([file(&[text], &all)]).folder.assert_holds(&all);
}

pub(crate) fn an_early_end_is_incomplete_and_leaves_only_the_part_file(setup: &Setup) {
    let run = setup.run_with(no_retries(), [cut("10", ETAG, b"012")]);
    assert_eq!(*run.kind(), ErrorKind::Fault(Fault::Incomplete));
    assert_eq!(run.folder.part(), b"012");

    // Without a strong tag the part cannot be resumed later.
    let run = setup.run_with(no_retries(), [cut("10", "W/\"weak\"", b"012")]);
    assert_eq!(*run.kind(), ErrorKind::Fault(Fault::Incomplete));
    run.folder.assert_empty();
}

pub(crate) fn an_empty_file_is_downloaded(setup: &Setup) {
    let run = setup.run([file(&[(CRC, "0")], b"")]);
    assert_eq!((run.downloaded().bytes, run.downloaded().verified), (0, true));
    run.folder.assert_holds(b"");
}

pub(crate) fn a_chunked_file_arrives_complete(setup: &Setup) {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let run = setup.run([WireAnswer::raw(format!("{head}4\r\n1234\r\n5\r\n56789\r\n0\r\n\r\n"))]);
    run.folder.assert_holds(FILE);

    let cut = WireAnswer::raw(format!("{head}4\r\n1234\r\n")).then_close();
    let run = setup.run_with(no_retries(), [cut]);
    assert_eq!(*run.kind(), ErrorKind::Fault(Fault::Incomplete));
    run.folder.assert_empty();
}

pub(crate) fn an_answer_without_length_or_chunks_is_an_error(setup: &Setup) {
    let endless_answer = WireAnswer::raw("HTTP/1.1 200 OK\r\n\r\n123456789").then_close();
    let run = setup.run([endless_answer]);
    assert_eq!(*run.kind(), ErrorKind::NoLength);
    run.folder.assert_empty();
}

pub(crate) fn the_checksum_proves_a_file_that_ends_with_its_connection(setup: &Setup) {
    let whole = WireAnswer::raw(format!("HTTP/1.1 200 OK\r\n{CRC}: {FILE_CRC}\r\n\r\n123456789"));
    for answer in [whole.clone().then_close(), whole.then_cut()] {
        let run = setup.run([answer]);
        assert!(run.downloaded().verified);
        run.folder.assert_holds(FILE);
    }
    let half = WireAnswer::raw(format!("HTTP/1.1 200 OK\r\n{CRC}: {FILE_CRC}\r\n\r\n1234"));
    for answer in [half.clone().then_close(), half.then_cut()] {
        let run = setup.run_with(no_retries(), [answer]);
        assert_eq!(*run.kind(), ErrorKind::Fault(Fault::Incomplete));
        run.folder.assert_empty();
    }
    let without_checksum = WireAnswer::raw("HTTP/1.1 200 OK\r\n\r\n123456789").then_cut();
    assert_eq!(*setup.run([without_checksum]).kind(), ErrorKind::NoLength);
}

pub(crate) fn a_large_head_is_a_broken_connection(setup: &Setup) {
    let filler = "x".repeat(70_000);
    let run = setup.run_with(no_retries(), [file(&[("X", &filler)], FILE)]);
    let broken = Fault::Transport(TransportErrorKind::Connection);
    assert_eq!(*run.kind(), ErrorKind::Fault(broken));
    run.folder.assert_empty();
}
