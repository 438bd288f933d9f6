//! Places that no file can be saved to, which is told before anything is sent.

use std::{fs, path::PathBuf};

use tcss_export::error::{DownloadError, FileErrorKind};

use crate::{
    answers::{FILE, file},
    clients::Setup,
    folder::Folder,
    setup::source,
};

/// Checks that a download to this place ends by its file before anything is sent.
fn assert_refused(setup: &Setup, target: PathBuf, kind: FileErrorKind) {
    let server = setup.server([file(&[], FILE)]);
    let url = format!("{}/a.csv", server.url());
    let failure = setup.client_of(&server).download(source(&url), target).unwrap_err();
    let DownloadError::File(error) = failure else { panic!("{failure:?}") };
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
