//! The file that a download writes to, until it is complete and renamed to its target.

use std::{
    fs::{self, File, Metadata},
    io::{self, ErrorKind, Read, Write},
    mem,
    path::{Path, PathBuf},
};

use tcss_export_core::download::{Part, PartMetadata};

use super::{
    error::{FileError, FileErrorKind},
    lock::{has_same_bytes, is_at, is_empty, open_locked, remove, rename, sync, sync_directory},
    permissions::{create_private, make_private, take_over},
    stat::{Stat, is_mount_point},
};

/// An open and locked part file, and the metadata beside it.
#[derive(Debug)]
pub(crate) struct PartFile {
    target: PathBuf,
    replaces: bool,
    path: PathBuf,
    metadata_path: PathBuf,
    file: File,
    /// The content of the metadata file. Without it no later download can resume, and a file with
    /// that name is not ours.
    metadata: Option<PartMetadata>,
    /// Whether a download wrote all bytes, so that they may be deleted.
    is_ours: bool,
    /// The offset of the next byte.
    length: u64,
    /// Whether the file has bytes past this offset. The next write truncates them.
    has_excess: bool,
}

/// What to do with an output at the end of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The file is complete.
    Complete,
    /// The bytes are wrong, and no later download can use them.
    Wrong,
    /// A later download can continue.
    Partial,
}

const METADATA_LIMIT: u64 = 64 * 1024;

impl PartFile {
    /// Opens a part file and reads what an earlier download has left in it.
    pub(super) fn open(
        target: PathBuf,
        replaces: bool,
        [path, metadata_path]: [PathBuf; 2],
    ) -> Result<(Self, Option<Part>), FileError> {
        // Fail now if a directory is in the way of the metadata file.
        if fs::symlink_metadata(&metadata_path).is_ok_and(|found| found.is_dir()) {
            return Err(FileError::new(FileErrorKind::Directory, &metadata_path));
        }
        let file = open_locked(&path)?;
        let mut this = Self {
            target,
            replaces,
            path,
            metadata_path,
            file,
            metadata: None,
            is_ours: false,
            length: 0,
            has_excess: false,
        };
        let part = this.read()?;
        Ok((this, part))
    }

    /// Fails if the system would refuse to rename the complete file to its target.
    pub(super) fn check_replaceable(&self) -> Result<(), FileError> {
        let Some(old) = self.old() else { return Ok(()) };
        let reason = if is_mount_point(&self.target) {
            "it is a mount point"
        } else if self.compare(&old, Stat::is_protected) {
            "it belongs to another user, and its folder has the sticky bit"
        } else {
            return Ok(());
        };
        Err(FileError::io(FileErrorKind::Replace, &self.target)(io::Error::other(reason)))
    }

    /// Deletes all bytes and writes the metadata of the new file.
    pub(crate) fn start_over(&mut self, metadata: Option<&PartMetadata>) -> Result<(), FileError> {
        self.check_name().map_err(FileError::io(FileErrorKind::Write, &self.path))?;
        // The bytes go first: metadata must never describe bytes of another file.
        self.file.set_len(0).map_err(FileError::io(FileErrorKind::Write, &self.path))?;
        (self.metadata, self.is_ours, self.length, self.has_excess) = (None, true, 0, false);
        remove(&self.metadata_path)
            .and_then(|()| metadata.map_or(Ok(()), |metadata| self.write_metadata(metadata)))
            .map_err(FileError::io(FileErrorKind::Write, &self.metadata_path))?;
        self.metadata = metadata.cloned();
        Ok(())
    }

    /// Writes the metadata file.
    fn write_metadata(&self, metadata: &PartMetadata) -> io::Result<()> {
        create_private(&self.metadata_path)?.write_all(metadata.to_text().as_bytes())
    }

    /// Fails if the file system has less room than this many bytes.
    pub(crate) fn check_room(&self, bytes: u64) -> Result<(), FileError> {
        match room(&self.file) {
            Some(room) if room < bytes => {
                let error = io::Error::from(ErrorKind::StorageFull);
                Err(FileError::io(FileErrorKind::Write, &self.path)(error))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        let written = self.truncate().and_then(|()| self.file.write_all(bytes));
        written.map_err(FileError::io(FileErrorKind::Write, &self.path))?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Truncates bytes past the resume point, but only once new bytes arrive.
    fn truncate(&mut self) -> io::Result<()> {
        match mem::take(&mut self.has_excess) {
            true => self.file.set_len(self.length),
            false => Ok(()),
        }
    }

    /// Renames a complete file to its target, and deletes what no later download can use.
    pub(crate) fn close(mut self, end: End) -> Result<(), FileError> {
        match end {
            End::Complete => return self.commit(),
            End::Wrong => self.remove_metadata(),
            End::Partial => {}
        }
        Ok(())
    }

    /// Fails if another program truncated or extended the file: the checksum covers the received
    /// bytes, not the file.
    fn check_length(&self) -> io::Result<()> {
        match self.file.metadata()?.len() == self.length {
            true => Ok(()),
            false => Err(io::Error::other("its length was changed during the download")),
        }
    }

    /// Deletes the metadata, so that no later download resumes.
    fn remove_metadata(&mut self) {
        if self.metadata.take().is_some() {
            let _ = remove(&self.metadata_path);
        }
    }

    /// Renames the complete file in one atomic step.
    fn commit(mut self) -> Result<(), FileError> {
        let synced = self.truncate().and_then(|()| self.check_length());
        let synced = synced.and_then(|()| sync(&self.file));
        synced.map_err(FileError::io(FileErrorKind::Write, &self.path))?;
        self.check_bytes().map_err(FileError::io(FileErrorKind::Rename, &self.target))?;
        self.take_over();
        // The metadata goes first: once the name of the part file is free, metadata beside it
        // belongs to another download.
        let metadata = self.metadata.clone();
        self.remove_metadata();
        // From here on, the file is complete and must be kept, even if the rename fails.
        self.is_ours = false;
        if let Err(error) = self.rename() {
            // It is a part again, which a later download must be able to continue.
            let _ = make_private(&self.file);
            self.metadata = metadata.filter(|metadata| self.write_metadata(metadata).is_ok());
            return Err(error);
        }
        let _ = sync_directory(&self.target);
        Ok(())
    }

    /// Copies the group and the permissions of the replaced file.
    fn take_over(&self) {
        if let Some(old) = self.old().filter(|old| self.compare(old, Stat::lends_permissions)) {
            take_over(&self.file, &old, &self.target);
        }
    }

    /// Returns the metadata of the file to replace, unless it is a symbolic link.
    fn old(&self) -> Option<Metadata> {
        let old = fs::symlink_metadata(&self.target).ok().filter(|_| self.replaces);
        old.filter(Metadata::is_file)
    }

    /// Compares the old file with the part file and its folder. `false` if these have no metadata.
    fn compare(&self, old: &Metadata, test: impl Fn(Stat, Stat, Stat) -> bool) -> bool {
        let stats = Stat::of(&self.file).and_then(|new| Ok((new, Stat::of_folder(&self.path)?)));
        stats.is_ok_and(|(new, folder)| test(old.into(), new, folder))
    }

    fn rename(&self) -> Result<(), FileError> {
        let renamed = rename(&self.file, &self.path, &self.target, self.replaces);
        renamed.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => FileError::new(FileErrorKind::Exists, &self.target),
            _ => FileError::io(FileErrorKind::Rename, &self.target)(error),
        })
    }

    /// Fails if the part file was removed or replaced. Another file with its name belongs to
    /// another download and is incomplete.
    fn check_name(&self) -> io::Result<()> {
        match is_at(&self.file, &self.path)? {
            Some(false) => Err(removed()),
            _ => Ok(()),
        }
    }

    /// Fails if the path no longer names a file with the bytes of this download.
    fn check_bytes(&self) -> io::Result<()> {
        let is_at = is_at(&self.file, &self.path)?;
        match is_at.unwrap_or_else(|| has_same_bytes(&self.file, &self.path)) {
            true => Ok(()),
            false => Err(removed()),
        }
    }

    /// Reads the bytes that the metadata describes.
    fn read(&mut self) -> Result<Option<Part>, FileError> {
        let metadata = read_metadata(&self.metadata_path);
        let mut part = metadata.clone().map(Part::new);
        let limit = part.as_ref().map_or(0, Part::limit);
        let mut rest = (&self.file).take(limit);
        let mut buffer = vec![0; 256 * 1024];
        while let Some(part) = &mut part {
            let read = rest.read(&mut buffer);
            match read.map_err(FileError::io(FileErrorKind::Read, &self.path))? {
                0 => break,
                length => part.read(buffer.get(..length).unwrap_or_default()),
            }
        }
        self.length = part.as_ref().map_or(0, Part::length);
        let found = self.file.metadata().map_err(FileError::io(FileErrorKind::Read, &self.path))?;
        self.is_ours = metadata.is_some() || found.len() == 0;
        self.has_excess = found.len() > self.length;
        self.metadata = metadata;
        Ok(part.filter(|_| self.length > 0))
    }
}

/// Returns the free space for a file, in bytes. Some mounts report no size at all.
#[cfg(unix)]
fn room(file: &File) -> Option<u64> {
    let found = rustix::fs::fstatvfs(file).ok().filter(|found| found.f_blocks > 0)?;
    found.f_bavail.checked_mul(found.f_frsize)
}

#[cfg(not(unix))]
const fn room(_: &File) -> Option<u64> {
    None
}

fn removed() -> io::Error {
    io::Error::other("the part file was removed during the download")
}

/// Reads a metadata file; `None` if it is missing or invalid.
fn read_metadata(path: &Path) -> Option<PartMetadata> {
    if !fs::symlink_metadata(path).ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    File::open(path).ok()?.take(METADATA_LIMIT).read_to_string(&mut text).ok()?;
    PartMetadata::from_text(&text)
}

/// Deletes the part file if no later download can resume it, unless it was renamed.
impl Drop for PartFile {
    fn drop(&mut self) {
        let is_useless = self.metadata.is_none() || is_empty(&self.file);
        if self.is_ours && is_useless && self.check_name().is_ok() {
            // If this fails, a later download empties the file.
            self.remove_metadata();
            let _ = remove(&self.path);
        }
        // Closing is not enough: a child process that is just starting holds a copy of the file,
        // and with it the lock.
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use std::{env, process};

    use super::*;

    #[test]
    fn a_closed_part_file_is_free_even_if_a_child_process_holds_a_copy() {
        let folder = env::temp_dir().join(format!("tcss-export-part-{}", process::id()));
        fs::create_dir(&folder).expect("a folder");
        let paths = || [folder.join(".a.csv.part"), folder.join(".a.csv.part.json")];
        let metadata = r#"{"tcss-export-part":1,"object":"https://h.example/a","etag":"\"v1\"",
            "total":null,"crc64":null}"#;
        let open = || PartFile::open(folder.join("a.csv"), false, paths());
        let (mut part, _) = open().expect("a new part file");
        part.start_over(PartMetadata::from_text(metadata).as_ref()).expect("metadata");
        part.write(b"1234").expect("bytes");
        // A process has such a copy between its fork and its own program.
        let inherited = part.file.try_clone().expect("a file");
        drop(part);
        let (_, found) = open().expect("the same part file");
        assert_eq!(found.map(|part| part.length()), Some(4));
        drop(inherited);
        fs::remove_dir_all(folder).expect("the folder");
    }
}
