//! The target of a download, and the names of its part file.

use std::{
    ffi::OsString,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf, is_separator},
};

use tcss_export_core::download::Part;

use super::{
    error::{FileError, FileErrorKind},
    part_file::PartFile,
    stat::folder,
};

/// The file that a download writes.
///
/// The bytes go to a part file beside it, `.NAME.part`, which is renamed once it is complete and
/// verified. Its metadata is in `.NAME.part.json`. A part file is locked during a download, and a
/// later download to the same target continues it.
///
/// A path converts into a target that must not exist yet.
///
/// # Permissions
///
/// A report is confidential, and only the user knows which group may read it. So on Unix the file,
/// its part and its metadata are for their owner alone: mode 0600 minus the umask. A download
/// removes wider permissions of an earlier part before it resumes.
///
/// With [`replacing`](Self::replacing), the complete file takes the permissions (not the special
/// bits) and the group of the old file. If the group cannot be kept, the file drops the group's
/// permissions, so that no other group gets them. It keeps its own permissions if a stranger may
/// have planted the old file: a file of another user in a folder that others can write to, or any
/// file in a folder of another user or one that everyone can write to, unless the sticky bit
/// protects our own. Access control lists are not copied; after one, the group gets nothing.
///
/// # Durability
///
/// The checksum covers the received bytes. Before the rename, a download checks only the length of
/// the part file again, so it does not detect bytes that another program changed in it.
///
/// A download syncs the complete file before the rename, and its folder afterwards. On a file
/// system without sync (`fsync` fails with `EINVAL`, `ENOTSUP` or `ENOSYS`) the download succeeds,
/// but a crash of the system may lose the file. An error of the disk is an error, unless the file
/// already has its final name.
#[derive(Clone, Debug)]
#[must_use]
pub struct Target {
    path: PathBuf,
    replaces: bool,
}

impl Target {
    /// Creates a target that must not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), replaces: false }
    }

    /// Replaces a file that exists, in one step, once the new one is complete. A symbolic link is
    /// replaced itself, not its target.
    pub const fn replacing(mut self) -> Self {
        self.replaces = true;
        self
    }

    /// Checks that a download to this target can start now, before any request is sent. It may
    /// create and remove the part file.
    ///
    /// # Errors
    ///
    /// [`FileErrorKind::NoName`], [`Directory`](FileErrorKind::Directory) and
    /// [`NotAFile`](FileErrorKind::NotAFile) for a path that cannot become a file;
    /// [`Exists`](FileErrorKind::Exists) for a file that must not be replaced;
    /// [`Replace`](FileErrorKind::Replace) for a file that cannot be replaced, such as a mount
    /// point; [`Busy`](FileErrorKind::Busy) during another download to it;
    /// [`Lock`](FileErrorKind::Lock) on a file system without locks; [`Open`](FileErrorKind::Open)
    /// and [`Read`](FileErrorKind::Read) if its folder is missing or the part file cannot be used.
    pub fn check(&self) -> Result<(), FileError> {
        // Dropping the part file deletes a new one, and keeps one that an earlier download left.
        self.open().map(drop)
    }

    /// Returns whether a part file exists, from an earlier or a running download.
    pub fn has_part(&self) -> bool {
        part_paths(&self.path).is_ok_and(|[part, _]| fs::symlink_metadata(part).is_ok())
    }

    /// Returns the length of a complete file that must not be replaced.
    #[cfg(feature = "serde")]
    pub(crate) fn finished(&self) -> Option<u64> {
        let found = fs::metadata(&self.path).ok().filter(|found| found.is_file() && !self.replaces);
        found.map(|found| found.len())
    }

    /// Returns the paths of the files that a download to this target writes: the target, its part
    /// and the metadata of the part.
    ///
    /// # Errors
    ///
    /// [`FileErrorKind::NoName`] for a path without a file name.
    pub fn paths(&self) -> Result<[PathBuf; 3], FileError> {
        let [part, metadata] = part_paths(&self.path)?;
        Ok([self.path.clone(), part, metadata])
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the part file and reads what an earlier download left in it.
    pub(super) fn open(&self) -> Result<(PartFile, Option<Part>), FileError> {
        self.check_name()?;
        let (file, part) =
            PartFile::open(self.path.clone(), self.replaces, part_paths(&self.path)?)?;
        file.check_replaceable()?;
        Ok((file, part))
    }

    /// Fails if the path cannot become a file.
    fn check_name(&self) -> Result<(), FileError> {
        let path = &*self.path;
        let text = path.as_os_str().to_string_lossy();
        // Both `new/` and `new/.` name a directory.
        if text.strip_suffix('.').unwrap_or(&text).ends_with(is_separator) {
            return Err(FileError::new(FileErrorKind::Directory, path));
        }
        // A link is replaced itself, but must not point to a device.
        let found = match fs::symlink_metadata(path) {
            Ok(link) if link.is_symlink() => Ok(fs::metadata(path).unwrap_or(link)),
            found => found,
        };
        match found {
            Ok(found) if found.is_dir() => Err(FileError::new(FileErrorKind::Directory, path)),
            Ok(found) if !found.is_file() && !found.is_symlink() || is_descriptor(path) => {
                Err(FileError::new(FileErrorKind::NotAFile, path))
            }
            Ok(_) if !self.replaces => Err(FileError::new(FileErrorKind::Exists, path)),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            // For example a name that is too long, while the cut name of the part file is not.
            Err(error) => Err(FileError::io(FileErrorKind::Open, path)(error)),
        }
    }
}

impl<P: Into<PathBuf>> From<P> for Target {
    fn from(path: P) -> Self {
        Self::new(path)
    }
}

/// Returns whether the path names an open file of the process, such as `/dev/stdout`. Replacing it
/// would replace the name for the whole system.
fn is_descriptor(path: &Path) -> bool {
    let Ok(to) = fs::read_link(path) else { return false };
    let is_in_proc = |path: &Path| path.starts_with("/proc");
    is_in_proc(&to) || fs::canonicalize(folder(path)).is_ok_and(|folder| is_in_proc(&folder))
}

/// The longest file name that common file systems accept, in bytes.
const LONGEST_NAME: usize = 255;
const PART_SUFFIX: &str = ".part";
const METADATA_SUFFIX: &str = ".part.json";

/// Returns the paths of the part file and its metadata, hidden names beside the target.
///
/// Long names are cut. Two targets may then share a part file; the lock and the metadata keep their
/// downloads separate.
fn part_paths(target: &Path) -> Result<[PathBuf; 2], FileError> {
    let name = target.file_name();
    let name = name.ok_or_else(|| FileError::new(FileErrorKind::NoName, target))?;
    let mut stem = OsString::from(".");
    stem.push(name);
    let room = LONGEST_NAME - METADATA_SUFFIX.len();
    if stem.len() > room {
        let text = stem.to_string_lossy();
        let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
        let end = ends.take_while(|end| *end <= room).last();
        stem = text.get(..end.unwrap_or_default()).unwrap_or_default().into();
    }
    Ok([PART_SUFFIX, METADATA_SUFFIX].map(|suffix| {
        let mut name = stem.clone();
        name.push(suffix);
        target.with_file_name(name)
    }))
}
