//! What a download may leave in a folder.

#[path = "../common/folder.rs"]
mod common;

use std::{fs, path::PathBuf};

pub(crate) use common::Folder;

pub(crate) const NAME: &str = "report.csv";
const PART: &str = ".report.csv.part";
const NOTE: &str = ".report.csv.part.json";

impl Folder {
    pub(crate) fn target(&self) -> PathBuf {
        self.at(NAME)
    }

    /// Checks that there is this file under the final name, and nothing else.
    #[track_caller]
    pub(crate) fn assert_holds(&self, bytes: &[u8]) {
        assert_eq!(self.names(), [NAME]);
        // Not by assert_eq, which would print both.
        assert!(fs::read(self.target()).unwrap() == bytes, "other bytes than expected");
    }

    #[track_caller]
    pub(crate) fn assert_empty(&self) {
        assert!(self.names().is_empty(), "{:?}", self.names());
    }

    /// Checks that nothing is under the final name, and gives the part that waits for a later
    /// download.
    #[track_caller]
    pub(crate) fn part(&self) -> Vec<u8> {
        assert_eq!(self.names(), [PART, NOTE]);
        fs::read(self.at(PART)).unwrap()
    }
}
