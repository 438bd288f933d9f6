//! The permissions of a report: for its owner alone, or those of the file that it replaces.

use std::{
    fs::{File, Metadata, OpenOptions},
    io,
    path::Path,
};

use super::stat::Stat;

/// Creates a file for its owner alone. It must not exist yet.
///
/// A report is confidential, and only the user knows which group may read it. `create_new` does not
/// follow a planted link.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Removes the permissions that a new file does not have. Returns whether that succeeded.
pub(super) fn tighten(file: &File, new: Stat) -> io::Result<bool> {
    if Stat::of(file)?.is_wider(new) {
        // Fails on a file of another user, and has no effect on a mount with fixed permissions.
        let _ = set(file, new.permissions());
    }
    Ok(!Stat::of(file)?.is_wider(new))
}

/// Gives a file the permissions of a new part.
pub(super) fn make_private(file: &File) -> io::Result<()> {
    set(file, 0o600)
}

/// Copies the group and the permissions of the old file to the new one.
///
/// If that fails, the new file keeps its own, narrower permissions.
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

/// Removes the group's permissions. Members of the old group now count as others, so others get at
/// most the permissions of the group.
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
