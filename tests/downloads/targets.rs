//! Targets: files that cannot be written, and writers.

use std::{fs, path::PathBuf};

use tcss_export::{
    Source,
    download::ErrorKind,
    error::{DownloadError, FileErrorKind},
};
use tcss_export_testkit::wire::{WireAnswer, WireServer};

use crate::{
    clients::Setup,
    folder::Folder,
    requests::requests,
    setup::{DownloadResult, ETAG, FILE, TARGET, cut, file, kind, range, source},
};

/// Checks that a download to this path fails before anything is sent.
fn assert_refused(setup: &Setup, target: PathBuf, kind: FileErrorKind) {
    let server = setup.server([file(&[], FILE)]);
    let url = format!("{}/a.csv", server.url());
    let failure = setup.client_for(&server).download(source(&url), target).unwrap_err();
    let DownloadError::File(error) = failure else { panic!("{failure:?}") };
    assert_eq!(error.kind(), kind);
    assert_eq!(server.connections(), 0);
}

pub(crate) fn a_missing_folder_is_an_error_before_any_request(setup: &Setup) {
    let folder = Folder::new();
    assert_refused(setup, folder.path().join("missing/report.csv"), FileErrorKind::Open);
    assert_refused(setup, folder.path().into(), FileErrorKind::Directory);
    folder.assert_empty();
}

pub(crate) fn an_existing_file_is_kept_and_nothing_is_sent(setup: &Setup) {
    let folder = Folder::new();
    fs::write(folder.target(), "old").unwrap();
    assert_refused(setup, folder.target(), FileErrorKind::Exists);
    folder.assert_holds(b"old");
}

/// Downloads a file into memory from a server with these answers.
fn downloaded(
    setup: &Setup,
    answers: impl IntoIterator<Item = WireAnswer>,
) -> (WireServer, Vec<u8>, DownloadResult) {
    let server = setup.server(answers);
    let mut bytes = Vec::new();
    let result = setup.client_for(&server).download_into(source_of(&server), &mut bytes);
    (server, bytes, result)
}

fn source_of(server: &WireServer) -> Source {
    source(&format!("{}{TARGET}", server.url()))
}

pub(crate) fn a_writer_gets_the_whole_file(setup: &Setup) {
    let (server, bytes, result) = downloaded(setup, [file(&[], FILE)]);
    assert_eq!(result.unwrap().bytes, 9);
    assert_eq!(bytes, FILE);
    assert_eq!(requests(&server).len(), 1);
}

pub(crate) fn a_cut_resumes_after_the_written_bytes(setup: &Setup) {
    let whole = file(&[("ETag", ETAG)], FILE);
    // The rest alone, and the whole file again.
    for second in [range("bytes 4-8/9", ETAG, b"56789"), whole] {
        let (server, bytes, result) = downloaded(setup, [cut("9", ETAG, b"1234"), second]);
        assert_eq!(result.unwrap().bytes, 9);
        assert_eq!(bytes, FILE);
        let requests = requests(&server);
        assert_eq!(requests[1].range(), (Some("bytes=4-"), Some(ETAG)));
    }
}

pub(crate) fn a_changed_file_ends_the_download(setup: &Setup) {
    let changed = "\"EXAMPLE-2\"";
    for second in [range("bytes 4-8/9", changed, b"56789"), file(&[("ETag", changed)], FILE)] {
        let (server, bytes, result) = downloaded(setup, [cut("9", ETAG, b"1234"), second]);
        assert_eq!(*kind(&result), ErrorKind::Changed);
        assert_eq!(bytes, b"1234");
        assert_eq!(requests(&server).len(), 2);
    }
}

pub(crate) fn a_failing_writer_ends_the_download(setup: &Setup) {
    let server = setup.server([file(&[], FILE)]);
    let mut buffer = [0; 5];
    let result = setup.client_for(&server).download_into(source_of(&server), &mut buffer[..]);
    let failure = result.unwrap_err();
    let DownloadError::File(error) = &failure else { panic!("{failure:?}") };
    assert_eq!((error.kind(), error.path()), (FileErrorKind::Write, None));
    assert!(std::error::Error::source(&failure).is_some());
    assert_eq!(&buffer, b"12345");
    assert_eq!(requests(&server).len(), 1);
}
