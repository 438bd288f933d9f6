//! The file that a download grows in, until it is put in its place.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read, Seek, Write},
    mem,
    path::{Path, PathBuf},
};

use tcss_export_core::download::{Kept, Note};

use super::{
    file_error::{FileError, FileErrorKind},
    files::{is_at, remove, rename_to_new, sync_directory},
    locked::open_locked,
    paths::{beside, check_target},
};

/// A target's part, open and locked, and the note beside it that says what it is a part of.
#[derive(Debug)]
pub(crate) struct PartFile {
    target: PathBuf,
    replaces: bool,
    part: PathBuf,
    note: PathBuf,
    file: File,
    /// What is in the note. If there is none, no later download could go on with what is there, and
    /// what has the note's name is somebody else's.
    noted: Option<Note>,
    /// What is there is no more than a download has left or written, and may be thrown away.
    is_ours: bool,
    /// Behind what counts there is more.
    has_excess: bool,
}

/// What becomes of an output at the end of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All of it is there.
    Whole,
    /// What is there is wrong, and no later download can go on with it.
    Wrong,
    /// A later download can go on with it.
    Partial,
}

const NOTE_LIMIT: u64 = 64 * 1024;

impl PartFile {
    /// Opens the part of a target and reads what an earlier download has left of it.
    pub(crate) fn open(target: PathBuf, replaces: bool) -> Result<(Self, Option<Kept>), FileError> {
        check_target(&target, replaces)?;
        let [part, note] = beside(&target)?;
        // It could not be removed when a note is to be written.
        if fs::symlink_metadata(&note).is_ok_and(|found| found.is_dir()) {
            return Err(FileError::new(FileErrorKind::Directory, &note));
        }
        let file = open_locked(&part)?;
        let mut this = Self {
            target,
            replaces,
            part,
            note,
            file,
            noted: None,
            is_ours: false,
            has_excess: false,
        };
        let kept = this.read_kept()?;
        Ok((this, kept))
    }

    /// Throws away what is there; the note tells of what comes.
    pub(crate) fn start_over(&mut self, note: Option<&Note>) -> Result<(), FileError> {
        self.check_name().map_err(FileError::io(FileErrorKind::Write, &self.part))?;
        // First the bytes, so that no note ever stands beside bytes of another file.
        let emptied = self.file.set_len(0).and_then(|()| self.file.rewind());
        emptied.map_err(FileError::io(FileErrorKind::Write, &self.part))?;
        (self.noted, self.is_ours, self.has_excess) = (None, true, false);
        let noted =
            remove(&self.note).and_then(|()| note.map_or(Ok(()), |note| self.write_note(note)));
        noted.map_err(FileError::io(FileErrorKind::Write, &self.note))?;
        self.noted = note.cloned();
        Ok(())
    }

    /// Writes the note; a link that someone has put there is not followed.
    fn write_note(&self, note: &Note) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(&self.note)?;
        file.write_all(note.to_text().as_bytes())
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        let cut = self.cut_excess().and_then(|()| self.file.write_all(bytes));
        cut.map_err(FileError::io(FileErrorKind::Write, &self.part))
    }

    /// Nothing is cut off before there is something to put in its place.
    fn cut_excess(&mut self) -> io::Result<()> {
        match mem::take(&mut self.has_excess) {
            true => self.file.stream_position().and_then(|length| self.file.set_len(length)),
            false => Ok(()),
        }
    }

    /// Puts the file in its place, or throws away what is there.
    pub(crate) fn close(mut self, end: End) -> Result<(), FileError> {
        match end {
            End::Whole => return self.commit(),
            End::Wrong => self.forget(),
            End::Partial => {}
        }
        Ok(())
    }

    /// Leaves nothing that a later download would go on with.
    fn forget(&mut self) {
        if self.noted.take().is_some() {
            let _ = remove(&self.note);
        }
    }

    /// Puts the whole file in its place, in one step that is either done or not.
    fn commit(mut self) -> Result<(), FileError> {
        // Were it to fail, what is there is whole and a later download has little to do.
        let synced = self.cut_excess().and_then(|()| self.file.sync_all());
        synced.map_err(FileError::io(FileErrorKind::Write, &self.part))?;
        self.check_name().map_err(FileError::io(FileErrorKind::Rename, &self.target))?;
        // First the note: as soon as the part's name is free, one beside it is another download's.
        let noted = self.noted.clone();
        self.forget();
        if let Err(error) = self.place() {
            self.noted = noted.filter(|note| self.write_note(note).is_ok());
            // It is whole, and stays for whoever wants it.
            self.is_ours = false;
            return Err(error);
        }
        let _ = sync_directory(&self.target);
        Ok(())
    }

    fn place(&self) -> Result<(), FileError> {
        let placed = match self.replaces {
            true => fs::rename(&self.part, &self.target),
            false => rename_to_new(&self.part, &self.target),
        };
        placed.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => FileError::new(FileErrorKind::Exists, &self.target),
            _ => FileError::io(FileErrorKind::Rename, &self.target)(error),
        })
    }

    /// Fails if someone has removed the part meanwhile: what has its name now is another download's
    /// and not whole.
    fn check_name(&self) -> io::Result<()> {
        match is_at(&self.file, &self.part)? {
            true => Ok(()),
            false => Err(io::Error::other("the part was removed while it grew")),
        }
    }

    /// Reads the bytes that are there, if the note says what they are.
    fn read_kept(&mut self) -> Result<Option<Kept>, FileError> {
        let note = read_note(&self.note);
        let mut kept = note.clone().map(Kept::new);
        let limit = kept.as_ref().map_or(0, Kept::limit);
        let mut rest = (&self.file).take(limit);
        let mut buffer = vec![0; 256 * 1024];
        while let Some(kept) = &mut kept {
            let read = rest.read(&mut buffer);
            match read.map_err(FileError::io(FileErrorKind::Read, &self.part))? {
                0 => break,
                length => kept.read(buffer.get(..length).unwrap_or_default()),
            }
        }
        let length = kept.as_ref().map_or(0, Kept::length);
        let there = self.file.metadata().map_err(FileError::io(FileErrorKind::Read, &self.part))?;
        self.is_ours = note.is_some() || there.len() == 0;
        self.has_excess = there.len() > length;
        self.noted = note;
        Ok(kept.filter(|_| length > 0))
    }

    fn is_empty(&self) -> bool {
        self.file.metadata().is_ok_and(|metadata| metadata.len() == 0)
    }
}

/// Reads a note; one that cannot be read tells nothing, and is somebody else's.
pub(super) fn read_note(path: &Path) -> Option<Note> {
    if !fs::symlink_metadata(path).ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    File::open(path).ok()?.take(NOTE_LIMIT).read_to_string(&mut text).ok()?;
    Note::from_text(&text)
}

/// Removes what no later download could go on with, unless it has got another name.
impl Drop for PartFile {
    fn drop(&mut self) {
        let is_useless = self.noted.is_none() || self.is_empty();
        if self.is_ours && is_useless && self.check_name().is_ok() {
            // Whatever cannot be removed, a later download will empty.
            self.forget();
            let _ = remove(&self.part);
        }
        // Said in words: a process that is being started at this moment has the file open as well,
        // and would keep the lock.
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use std::{env, process};

    use super::*;

    #[test]
    fn a_part_that_is_closed_is_free_though_a_new_process_still_has_it() {
        let folder = env::temp_dir().join(format!("tcss-export-part-{}", process::id()));
        fs::create_dir(&folder).expect("a folder");
        let target = folder.join("a.csv");
        let note = r#"{"tcss-export-part":1,"object":"https://h.example/a","etag":"\"v1\"",
            "total":null,"crc64":null}"#;
        let (mut part, _) = PartFile::open(target.clone(), false).expect("a new part");
        part.start_over(Note::from_text(note).as_ref()).expect("a note");
        part.write(b"1234").expect("bytes");
        // As a process has it between its beginning and its own program.
        let inherited = part.file.try_clone().expect("a file");
        drop(part);
        let (_, kept) = PartFile::open(target, false).expect("the same part");
        assert_eq!(kept.map(|kept| kept.length()), Some(4));
        drop(inherited);
        fs::remove_dir_all(folder).expect("the folder");
    }
}
