//! The file that a download grows in, until it is put in its place.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use tcss_export_core::download::{Kept, Part};

use super::{
    file_error::{FileError, FileErrorKind},
    locked::{folder, is_at, open_locked, remove},
    output::End,
    target::Target,
};

/// A target's part, open and locked, and the note beside it that says what it is a part of.
#[derive(Debug)]
pub(crate) struct PartFile {
    target: PathBuf,
    replaces: bool,
    part: PathBuf,
    note: PathBuf,
    file: File,
    /// A later download could go on with what is there.
    is_of_use: bool,
}

/// The longest name that file systems take.
const LONGEST_NAME: usize = 255;
const PART_SUFFIX: &str = ".part";
const NOTE_SUFFIX: &str = ".part.json";
const NOTE_LIMIT: u64 = 64 * 1024;

impl PartFile {
    /// Opens the part of a target and reads what an earlier download has left of it.
    pub(crate) fn open(target: Target) -> Result<(Self, Option<Kept>), FileError> {
        let Target { path: target, replaces } = target;
        check_target(&target, replaces)?;
        let [part, note] = beside(&target)?;
        let file = open_locked(&part)?;
        let mut this = Self { target, replaces, part, note, file, is_of_use: false };
        let kept = this.read_kept()?;
        this.is_of_use = kept.is_some();
        Ok((this, kept))
    }

    /// Throws away what is there; the note tells of what comes.
    pub(crate) fn start_over(&mut self, part: Option<&Part>) -> Result<(), FileError> {
        self.check_name().map_err(FileError::io(FileErrorKind::Write, &self.part))?;
        // First the bytes, so that no note ever stands beside bytes of another file.
        let emptied = self.file.set_len(0).and_then(|()| self.file.rewind());
        emptied.map_err(FileError::io(FileErrorKind::Write, &self.part))?;
        remove(&self.note).map_err(FileError::io(FileErrorKind::Write, &self.note))?;
        self.is_of_use = false;
        if let Some(part) = part {
            // A link that someone has put there is not followed.
            let created = OpenOptions::new().write(true).create_new(true).open(&self.note);
            created
                .and_then(|mut note| note.write_all(part.to_text().as_bytes()))
                .map_err(FileError::io(FileErrorKind::Write, &self.note))?;
            self.is_of_use = true;
        }
        Ok(())
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.file.write_all(bytes).map_err(FileError::io(FileErrorKind::Write, &self.part))
    }

    /// Puts the file in its place, or throws away what is there.
    pub(crate) fn close(self, end: End) -> Result<(), FileError> {
        match end {
            End::Whole => self.commit(),
            End::Wrong => {
                self.discard();
                Ok(())
            }
            End::Broken => Ok(()),
        }
    }

    /// Puts the whole file in its place, in one step that is either done or not.
    fn commit(mut self) -> Result<(), FileError> {
        // Were it to fail, what is there is whole and a later download has little to do.
        self.file.sync_all().map_err(FileError::io(FileErrorKind::Write, &self.part))?;
        self.check_name().map_err(FileError::io(FileErrorKind::Rename, &self.target))?;
        let placed = match self.replaces {
            true => fs::rename(&self.part, &self.target),
            false => rename_to_new(&self.part, &self.target),
        };
        placed.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => FileError::new(FileErrorKind::Exists, &self.target),
            _ => FileError::io(FileErrorKind::Rename, &self.target)(error),
        })?;
        // It is done: what is left over does no harm.
        let _ = remove(&self.note);
        self.is_of_use = true;
        let _ = sync_directory(&self.target);
        Ok(())
    }

    /// Fails if someone has removed the part meanwhile: what has its name now is another download's
    /// and not whole.
    fn check_name(&self) -> io::Result<()> {
        match is_at(&self.file, &self.part)? {
            true => Ok(()),
            false => Err(io::Error::other("the part was removed while it grew")),
        }
    }

    /// Leaves nothing behind.
    fn discard(mut self) {
        self.is_of_use = false;
    }

    /// Reads the bytes that are there, if the note says what they are; all others are cut off.
    fn read_kept(&mut self) -> Result<Option<Kept>, FileError> {
        let mut kept = self.read_note().map(Kept::new);
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
        let kept = kept.filter(|kept| kept.length() > 0);
        let length = kept.as_ref().map_or(0, Kept::length);
        let cut = self.file.set_len(length).and_then(|()| self.file.seek(SeekFrom::Start(length)));
        cut.map_err(FileError::io(FileErrorKind::Write, &self.part))?;
        Ok(kept)
    }

    /// A note that cannot be read tells nothing.
    fn read_note(&self) -> Option<Part> {
        if !fs::symlink_metadata(&self.note).ok()?.is_file() {
            return None;
        }
        let mut text = String::new();
        File::open(&self.note).ok()?.take(NOTE_LIMIT).read_to_string(&mut text).ok()?;
        Part::from_text(&text)
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.is_of_use && self.check_name().is_ok() {
            // Whatever cannot be removed, a later download will empty.
            let _ = remove(&self.note);
            let _ = remove(&self.part);
        }
    }
}

fn check_target(path: &Path, replaces: bool) -> Result<(), FileError> {
    let text = path.as_os_str().to_string_lossy();
    // `new/.` is a directory as well as `new/`.
    let text = text.strip_suffix('.').unwrap_or(&text);
    let is_directory = text.ends_with(std::path::is_separator);
    // A link would be replaced, not what it leads to: which must be no device all the same.
    let found = match fs::symlink_metadata(path) {
        Ok(link) if link.is_symlink() => Ok(fs::metadata(path).unwrap_or(link)),
        found => found,
    };
    match found {
        _ if is_directory => Err(FileError::new(FileErrorKind::Directory, path)),
        Ok(found) if found.is_dir() => Err(FileError::new(FileErrorKind::Directory, path)),
        Ok(found) if !found.is_file() && !found.is_symlink() => {
            Err(FileError::new(FileErrorKind::NotAFile, path))
        }
        Ok(_) if !replaces => Err(FileError::new(FileErrorKind::Exists, path)),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        // Its name is too long, say, while that of the part would not be.
        Err(error) => Err(FileError::io(FileErrorKind::Open, path)(error)),
    }
}

/// Returns the paths of part and note, with hidden names beside the target.
fn beside(target: &Path) -> Result<[PathBuf; 2], FileError> {
    let name = target.file_name();
    let name = name.ok_or_else(|| FileError::new(FileErrorKind::NoName, target))?;
    let mut stem = OsString::from(".");
    stem.push(name);
    let room = LONGEST_NAME - NOTE_SUFFIX.len();
    if stem.len() > room {
        // Two targets that share it share both, and cannot be mixed up: the note names the file,
        // and the part is locked.
        let text = stem.to_string_lossy();
        let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
        let end = ends.take_while(|end| *end <= room).last();
        stem = text.get(..end.unwrap_or_default()).unwrap_or_default().into();
    }
    Ok([PART_SUFFIX, NOTE_SUFFIX].map(|suffix| {
        let mut name = stem.clone();
        name.push(suffix);
        target.with_file_name(name)
    }))
}

/// Renames to a name that must be free: a link is made only if it is.
fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => {
            // Were it to fail, the next download finds it and removes it.
            let _ = remove(from);
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
        // A file system without links.
        Err(_) if fs::symlink_metadata(to).is_err() => fs::rename(from, to),
        Err(error) => Err(error),
    }
}

/// Makes sure that the new name outlives a crash of the system.
fn sync_directory(target: &Path) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    File::open(folder(target))?.sync_all()
}
