use tcss_export::{
    Source,
    download::ErrorKind,
    error::{DownloadError, FileErrorKind},
};
use tcss_export_testkit::wire::{WireAnswer, WireServer};

use crate::{
    answers::{ETAG, FILE, cut, file, range},
    clients::Setup,
    requests::requests,
    setup::{Ended, TARGET, kind, source},
};

/// Downloads a file into memory from a server that plays these answers.
fn downloaded(
    setup: &Setup,
    answers: impl IntoIterator<Item = WireAnswer>,
) -> (WireServer, Vec<u8>, Ended) {
    let server = setup.server(answers);
    let mut bytes = Vec::new();
    let end = setup.client_of(&server).download_into(source_of(&server), &mut bytes);
    (server, bytes, end)
}

fn source_of(server: &WireServer) -> Source {
    source(&format!("{}{TARGET}", server.url()))
}

pub(crate) fn a_writer_gets_the_whole_file(setup: &Setup) {
    let (server, bytes, end) = downloaded(setup, [file(&[], FILE)]);
    assert_eq!(end.unwrap().bytes, 9);
    assert_eq!(bytes, FILE);
    assert_eq!(requests(&server).len(), 1);
}

pub(crate) fn a_cut_is_gone_on_with_behind_what_was_written(setup: &Setup) {
    let whole = file(&[("ETag", ETAG)], FILE);
    // By the rest alone, and by the same file once more.
    for second in [range("bytes 4-8/9", ETAG, b"56789"), whole] {
        let (server, bytes, end) = downloaded(setup, [cut("9", ETAG, b"1234"), second]);
        assert_eq!(end.unwrap().bytes, 9);
        assert_eq!(bytes, FILE);
        let requests = requests(&server);
        assert_eq!(requests[1].range(), (Some("bytes=4-"), Some(ETAG)));
    }
}

pub(crate) fn a_file_that_has_changed_cannot_be_mended(setup: &Setup) {
    let changed = "\"EXAMPLE-2\"";
    for second in [range("bytes 4-8/9", changed, b"56789"), file(&[("ETag", changed)], FILE)] {
        let (server, bytes, end) = downloaded(setup, [cut("9", ETAG, b"1234"), second]);
        assert_eq!(*kind(&end), ErrorKind::Changed);
        assert_eq!(bytes, b"1234");
        assert_eq!(requests(&server).len(), 2);
    }
}

pub(crate) fn a_writer_that_fails_ends_the_download(setup: &Setup) {
    let server = setup.server([file(&[], FILE)]);
    let mut room = [0; 5];
    let end = setup.client_of(&server).download_into(source_of(&server), &mut room[..]);
    let failure = end.unwrap_err();
    let DownloadError::File(error) = &failure else { panic!("{failure:?}") };
    assert_eq!((error.kind(), error.path()), (FileErrorKind::Write, None));
    assert!(std::error::Error::source(&failure).is_some());
    assert_eq!(&room, b"12345");
    assert_eq!(requests(&server).len(), 1);
}
