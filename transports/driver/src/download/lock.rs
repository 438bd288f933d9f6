//! Opens a part file exclusively, and renames it safely.

use std::{
    collections::hash_map::RandomState,
    fs::{self, File, OpenOptions, TryLockError},
    hash::{BuildHasher, Hasher},
    io::{self, BufRead, BufReader, ErrorKind, Seek, SeekFrom},
    path::Path,
};

use super::{
    error::{FileError, FileErrorKind},
    permissions::{create_private, tighten},
    stat::{Stat, folder},
};

/// The limit of attempts to open a part file that another program keeps replacing.
const MOST_TRIES: u32 = 100;

/// Opens and locks a part file, or creates one.
pub(super) fn open_locked(path: &Path) -> Result<File, FileError> {
    let cannot_open = || FileError::io(FileErrorKind::Open, path);
    for _ in 0..MOST_TRIES {
        let Some((file, is_new)) = open_part(path).map_err(cannot_open())? else { continue };
        if let Err(error) = file.try_lock() {
            let error = lock_error(error, path);
            if error.kind() == FileErrorKind::Lock && is_empty(&file) {
                let _ = remove(path);
            }
            return Err(error);
        }
        if is_usable(&file, is_new, path).map_err(cannot_open())? {
            return Ok(file);
        }
    }
    Err(cannot_open()(io::Error::other("something replaces it again and again")))
}

/// Explains why a file is not locked. Without locks, another download could write to the same part
/// file.
fn lock_error(error: TryLockError, path: &Path) -> FileError {
    match error {
        TryLockError::WouldBlock => FileError::new(FileErrorKind::Busy, path),
        TryLockError::Error(error) => FileError::io(FileErrorKind::Lock, path)(error),
    }
}

pub(super) fn is_empty(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.len() == 0)
}

/// Opens or creates the part file, and returns whether it is new; `None` if it vanished meanwhile.
fn open_part(path: &Path) -> io::Result<Option<(File, bool)>> {
    match create_private(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        created => return created.map(|file| Some((file, true))),
    }
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => Err(io::Error::other("it is not a regular file")),
        Ok(_) => OpenOptions::new().read(true).append(true).open(path),
        Err(error) => Err(error),
    }
    .map(|file| Some((file, false)))
    .or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(None) } else { Err(error) })
}

/// Returns whether a locked part file is ours to write to. Removes a foreign one.
fn is_usable(file: &File, is_new: bool, path: &Path) -> io::Result<bool> {
    // Its last owner may have renamed it to the target before it released the lock.
    if is_at(file, path)? == Some(false) {
        return Ok(false);
    }
    // A new file is ours. Its metadata proves nothing.
    if is_new || is_ours(file, path)? {
        return Ok(true);
    }
    remove(path)?;
    Ok(false)
}

/// Returns whether a part file of an earlier download is ours and private.
fn is_ours(file: &File, path: &Path) -> io::Result<bool> {
    let new = stat_of_new(path)?;
    Ok(Stat::of(file)?.is_ours(new, Stat::of_folder(path)?) && tighten(file, new)?)
}

/// Creates a file beside the part file and returns its metadata, as a sample of our own files.
fn stat_of_new(part: &Path) -> io::Result<Stat> {
    // Another user of the folder cannot guess the name.
    let random = RandomState::new().build_hasher().finish();
    let path = part.with_file_name(format!(".tcss-export-{random:016x}"));
    let stat = Stat::of(&create_private(&path)?);
    remove(&path)?;
    stat
}

/// Returns whether the path still names this file; `None` if the inode numbers do not show it.
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<Option<bool>> {
    let look = || -> io::Result<_> {
        let (before, file) = (Stat::of_path(path)?, Stat::of(file)?);
        Ok(file.is_named([before, Stat::of_path(path)?]))
    };
    match look() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Some(false)),
        looked => looked,
    }
}

/// Removes a file if it exists.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Renames the part file, in one step, if it still names this file.
pub(super) fn rename(file: &File, from: &Path, to: &Path, replaces: bool) -> io::Result<()> {
    // Once its old name is gone, some mounts report nothing about an open file.
    let ours = Stat::of(file)?;
    let renamed = if replaces { fs::rename(from, to) } else { rename_to_new(file, from, to) };
    match renamed {
        // After a lost reply, the network file system repeats the request. The first one succeeded.
        Err(error) if error.kind() == ErrorKind::NotFound && is_same(file, ours, to) => Ok(()),
        renamed => renamed,
    }
}

/// Renames to a name that must not exist.
fn rename_to_new(file: &File, from: &Path, to: &Path) -> io::Result<()> {
    let exists = match fs::hard_link(from, to) {
        Ok(()) => false,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => true,
        // A file system without hard links: check and rename are not atomic.
        Err(_) => match fs::symlink_metadata(to) {
            Err(error) if error.kind() == ErrorKind::NotFound => return fs::rename(from, to),
            found => found.map(|_| true)?,
        },
    };
    // After a lost reply, the network file system repeats the request. The target is then this
    // file.
    if exists && !is_same(file, Stat::of(file)?, to) {
        return Err(ErrorKind::AlreadyExists.into());
    }
    // If this fails, the next download removes the old name.
    let _ = remove(from);
    Ok(())
}

/// Returns whether the path names this very file. After a lost reply, inode numbers may be old. So
/// a file with the same bytes counts too, if it has our owner and permits no more.
fn is_same(file: &File, ours: Stat, path: &Path) -> bool {
    let is_like_ours = |found: Stat| found.has_owner_of(ours) && !found.is_wider(ours);
    matches!(is_at(file, path), Ok(Some(true)))
        || has_same_bytes(file, path) && Stat::of_path(path).is_ok_and(is_like_ours)
}

/// Returns whether the path names a file with the same bytes. Inode numbers are not reliable on
/// every file system.
pub(super) fn has_same_bytes(file: &File, path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
        && File::open(path).and_then(|other| compare(file, &other)).unwrap_or(false)
}

fn compare(mut one: &File, mut other: &File) -> io::Result<bool> {
    const BUFFER: usize = 256 * 1024;
    if one.seek(SeekFrom::End(0))? != other.seek(SeekFrom::End(0))? {
        return Ok(false);
    }
    one.rewind()?;
    other.rewind()?;
    let mut one = BufReader::with_capacity(BUFFER, one);
    let mut other = BufReader::with_capacity(BUFFER, other);
    loop {
        let (a, b) = (one.fill_buf()?, other.fill_buf()?);
        let length = a.len().min(b.len());
        if length == 0 || a.get(..length) != b.get(..length) {
            return Ok(a.is_empty() && b.is_empty());
        }
        one.consume(length);
        other.consume(length);
    }
}

/// Syncs a file to its disk, if the file system supports it.
pub(super) fn sync(file: &File) -> io::Result<()> {
    match file.sync_all() {
        Err(error) if is_unsupported(&error) => Ok(()),
        synced => synced,
    }
}

/// Returns whether the file system does not support sync: `EINVAL`, `ENOTSUP` or `ENOSYS`.
fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported)
}

/// Syncs the directory, so that the new name survives a crash of the system.
pub(super) fn sync_directory(target: &Path) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    File::open(folder(target))?.sync_all()
}

#[cfg(all(test, unix))]
mod tests {
    use std::{env, os::unix::fs::symlink, path::PathBuf, process};

    use super::*;

    /// An empty folder, removed on drop.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("tcss-export-{name}-{}", process::id());
            let folder = Self(env::temp_dir().join(name));
            fs::create_dir(&folder.0).expect("a folder");
            folder
        }

        /// Returns a complete part file and the paths of part and target.
        fn complete(&self) -> (File, [PathBuf; 2]) {
            let paths = [".a.csv.part", "a.csv"].map(|name| self.0.join(name));
            fs::write(&paths[0], "complete").expect("a part file");
            (File::open(&paths[0]).expect("the part file"), paths)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn without_locks_a_download_is_refused() {
        let none = TryLockError::Error(ErrorKind::Unsupported.into());
        let error = lock_error(none, Path::new("a"));
        assert_eq!(error.to_string(), "\"a\" cannot be locked");
        assert_eq!(error.kind(), FileErrorKind::Lock);
        let busy = lock_error(TryLockError::WouldBlock, Path::new("a"));
        assert_eq!(busy.kind(), FileErrorKind::Busy);
    }

    #[test]
    fn a_new_part_file_survives_the_check_of_an_old_one_with_the_same_name() {
        let folder = Folder::new("locked");
        let part = folder.0.join(".a.csv.part");
        let old = open_locked(&part).expect("a new part file");
        fs::hard_link(&part, folder.0.join("backup")).expect("a link");
        fs::rename(&part, folder.0.join("a.csv")).expect("a rename");
        let new = open_locked(&part).expect("another part file");
        assert!(!is_usable(&old, false, &part).expect("an answer"));
        assert!(!is_usable(&old, true, &part).expect("an answer"));
        assert_eq!(is_at(&new, &part).expect("an answer"), Some(true));
    }

    #[test]
    fn a_new_part_file_is_usable_with_any_metadata() {
        let folder = Folder::new("usable");
        let part = folder.0.join(".a.csv.part");
        let new = create_private(&part).expect("a new part file");
        // A second hard link makes a part file of an earlier download unusable.
        fs::hard_link(&part, folder.0.join("backup")).expect("a link");
        assert!(is_usable(&new, true, &part).expect("an answer"));
        assert!(part.exists());
        assert!(!is_usable(&new, false, &part).expect("an answer"));
        assert!(!part.exists());
    }

    #[test]
    fn a_link_whose_reply_was_lost_has_succeeded() {
        let folder = Folder::new("linked");
        let (file, [part, target]) = folder.complete();
        fs::hard_link(&part, &target).expect("a link");
        rename(&file, &part, &target, false).expect("the first link");
        assert!(!part.exists());
        assert_eq!(fs::read(&target).expect("the target"), b"complete");
    }

    #[test]
    fn a_rename_whose_reply_was_lost_has_succeeded() {
        for replaces in [false, true] {
            let folder = Folder::new("renamed");
            let (file, [part, target]) = folder.complete();
            fs::rename(&part, &target).expect("a rename");
            rename(&file, &part, &target, replaces).expect("the first rename");
            assert_eq!(fs::read(&target).expect("the target"), b"complete");
        }
    }

    #[test]
    fn a_target_of_another_program_and_the_part_file_are_kept() {
        for other in ["complet!", "complete and more", "complet", ""] {
            let folder = Folder::new("kept");
            let (file, [part, target]) = folder.complete();
            fs::write(&target, other).expect("another file");
            let error = rename(&file, &part, &target, false).expect_err("an error");
            assert_eq!(error.kind(), ErrorKind::AlreadyExists);
            assert_eq!(fs::read_to_string(&target).expect("the target"), other);
            assert_eq!(fs::read(&part).expect("the part file"), b"complete");
            fs::remove_file(&part).expect("the part file");
            let error = rename(&file, &part, &target, true).expect_err("an error");
            assert_eq!(error.kind(), ErrorKind::NotFound);
        }
    }

    #[test]
    fn a_wider_file_with_the_same_bytes_is_no_target_of_ours() {
        use std::os::unix::fs::PermissionsExt;

        let folder = Folder::new("wider");
        let (file, [part, target]) = folder.complete();
        fs::write(&target, "complete").expect("another file");
        fs::set_permissions(&target, fs::Permissions::from_mode(0o666)).expect("its mode");
        let error = rename(&file, &part, &target, false).expect_err("an error");
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert!(part.exists());
    }

    #[test]
    fn a_symbolic_link_to_the_part_file_is_not_our_target() {
        let folder = Folder::new("symlink");
        let (file, [part, target]) = folder.complete();
        symlink(&part, &target).expect("a link");
        let error = rename(&file, &part, &target, false).expect_err("an error");
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert!(part.exists() && target.is_symlink());
    }

    #[test]
    fn files_are_compared_to_the_last_byte() {
        let folder = Folder::new("compared");
        let (one, other) = (folder.0.join("one"), folder.0.join("other"));
        let mut bytes = vec![7; 600_001];
        fs::write(&one, &bytes).expect("a file");
        fs::write(&other, &bytes).expect("a file");
        let file = File::open(&one).expect("the file");
        assert!(has_same_bytes(&file, &other));
        bytes[600_000] = 8;
        fs::write(&other, &bytes).expect("a file");
        assert!(!has_same_bytes(&file, &other));
        assert!(!has_same_bytes(&file, &folder.0));
        assert!(!has_same_bytes(&file, &folder.0.join("none")));
    }

    /// Linux uses these numbers.
    #[test]
    #[cfg(target_os = "linux")]
    fn only_a_file_system_without_sync_is_excused() {
        let is_unsupported = |code| is_unsupported(&io::Error::from_raw_os_error(code));
        let [einval, enotsup, enosys] = [22, 95, 38];
        for code in [einval, enotsup, enosys] {
            assert!(is_unsupported(code), "{code}");
        }
        let [eio, ebadf, enospc, erofs, edquot] = [5, 9, 28, 30, 122];
        for code in [eio, ebadf, enospc, erofs, edquot] {
            assert!(!is_unsupported(code), "{code}");
        }
    }
}
