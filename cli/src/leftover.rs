//! What a download leaves behind that is stopped before its first byte.

use std::{ffi::OsString, fs, path::PathBuf};

use tcss_export::driver::Target;

/// The part of a target that was not there before the download, and the note beside it.
pub(crate) struct Leftover {
    part: PathBuf,
    note: PathBuf,
}

impl Leftover {
    /// Returns `None` if an earlier download has left a part: that is not for this one to remove.
    pub(crate) fn of(target: &Target) -> Option<Self> {
        let name = target.path().file_name()?;
        let beside = |suffix| {
            let hidden: OsString = [".".as_ref(), name, suffix].into_iter().collect();
            target.path().with_file_name(hidden)
        };
        let (part, note) = (beside(".part".as_ref()), beside(".part.json".as_ref()));
        fs::symlink_metadata(&part).is_err().then_some(Self { part, note })
    }

    /// Removes both if there is no byte that a later download could go on with.
    pub(crate) fn clear(&self) {
        let is_empty = |found: fs::Metadata| found.is_file() && found.len() == 0;
        if fs::symlink_metadata(&self.part).is_ok_and(is_empty) {
            // What stays does no harm: a later download takes it over. The note goes first, as it
            // must not stand beside a part of another download.
            let _ = fs::remove_file(&self.note);
            let _ = fs::remove_file(&self.part);
        }
    }
}
