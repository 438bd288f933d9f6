//! Who may read a report: its owner alone, or those who may read the file that it replaces.

use std::{
    fs::{File, Metadata, OpenOptions},
    io,
    path::Path,
};

use super::stat::Stat;

/// Creates a file that must not exist yet, for its owner alone; the umask can only take more away.
///
/// A report is confidential, and which group may read it is up to the user. `create_new` does not
/// follow a planted link.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Takes away the permissions that a new file does not have. Returns whether that succeeded.
pub(super) fn tighten(file: &File, new: Stat) -> io::Result<bool> {
    if Stat::of(file)?.is_wider(new) {
        // Fails if somebody else owns the file, and without effect where permissions are fixed.
        let _ = set(file, new.permissions());
    }
    Ok(!Stat::of(file)?.is_wider(new))
}

/// Gives a file the permissions of a new part.
pub(super) fn make_private(file: &File) -> io::Result<()> {
    set(file, 0o600)
}

/// Gives a new file the group and the permissions of the old one that it replaces.
///
/// Where that fails, the new file keeps its own permissions, which are narrower.
#[cfg(unix)]
pub(super) fn take_over(new: &File, old: &Metadata, old_path: &Path) {
    use std::os::unix::fs::{MetadataExt, fchown};

    let Ok(found) = new.metadata() else { return };
    let mut mode = Stat::from(old).permissions();
    if found.gid() != old.gid() && fchown(new, None, Some(old.gid())).is_err() {
        mode = without_group(mode);
    }
    if has_access_list(old_path) {
        // The bits of the group are the mask of the list, and the group itself may have less.
        mode &= !0o070;
    }
    if Stat::from(&found).permissions() != mode {
        let _ = set(new, mode);
    }
}

#[cfg(not(unix))]
pub(super) fn take_over(_: &File, _: &Metadata, _: &Path) {}

/// Returns whether a file has an access control list.
#[cfg(target_os = "linux")]
fn has_access_list(path: &Path) -> bool {
    let size = rustix::fs::lgetxattr_query(path, "system.posix_acl_access");
    size.is_ok_and(|size| size > 0)
}

#[cfg(all(unix, not(target_os = "linux")))]
const fn has_access_list(_: &Path) -> bool {
    false
}

/// Removes the group's permissions. The old group's members are now among the others, so these get
/// no more than the group had.
#[cfg(unix)]
const fn without_group(mode: u32) -> u32 {
    mode & (0o700 | mode >> 3 & 0o007)
}

#[cfg(unix)]
fn set(file: &File, mode: u32) -> io::Result<()> {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    file.set_permissions(Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set(_: &File, _: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn without_its_group_a_file_is_no_wider_for_anybody() {
        for (old, new) in [
            (0o600, 0o600),
            (0o640, 0o600),
            (0o660, 0o600),
            (0o644, 0o604),
            (0o666, 0o606),
            (0o604, 0o600),
            (0o755, 0o705),
        ] {
            assert_eq!(without_group(old), new, "{old:o}");
        }
    }
}
