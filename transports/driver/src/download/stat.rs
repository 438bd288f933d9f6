//! Decides by its metadata whether a file is ours.
//!
//! Some mounts report one owner for every file, or a new inode number at each lookup. So this
//! module compares an old file with a new one in the same folder, and ignores inode numbers that
//! change.

use std::{
    fs::{self, File, Metadata},
    io,
    path::Path,
};

/// The metadata that decides whether a file is ours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stat {
    is_file: bool,
    /// Device and inode.
    number: (u64, u64),
    owner: u32,
    links: u64,
    mode: u32,
}

const ROOT: u32 = 0;
/// In a folder with this bit, users can move their own files only.
const STICKY: u32 = 0o1000;

impl Stat {
    /// Returns the metadata of an open file.
    pub(super) fn of(file: &File) -> io::Result<Self> {
        file.metadata().map(|metadata| Self::from(&metadata))
    }

    /// Returns the metadata of a path. Does not follow a link.
    pub(super) fn of_path(path: &Path) -> io::Result<Self> {
        fs::symlink_metadata(path).map(|metadata| Self::from(&metadata))
    }

    /// Returns the metadata of the folder of a file.
    pub(super) fn of_folder(path: &Path) -> io::Result<Self> {
        fs::metadata(folder(path)).map(|metadata| Self::from(&metadata))
    }

    /// Returns whether a path names this open file; `None` if the inode numbers do not show it.
    ///
    /// The caller looks up the path before and after the file, because the system may cache a
    /// number.
    pub(super) fn is_named(self, [before, after]: [Self; 2]) -> Option<bool> {
        if !before.is_file || !after.is_file {
            return Some(false);
        }
        if [before.number, after.number].contains(&self.number) {
            return Some(true);
        }
        (before.number == after.number).then_some(false)
    }

    /// Returns whether a later download may write to this file, compared with a new file of ours.
    ///
    /// A file with a second hard link may be the target of a killed download, or the file of
    /// another user. In a shared folder, another user could still change or read it.
    pub(super) fn is_ours(self, new: Self, folder: Self) -> bool {
        self.links <= new.links && self.has_trusted_owner(new, folder)
    }

    /// Returns whether both files have the same owner.
    pub(super) const fn has_owner_of(self, other: Self) -> bool {
        self.owner == other.owner
    }

    /// Returns whether we own this file, or nobody but us and root can have put it there.
    const fn has_trusted_owner(self, new: Self, folder: Self) -> bool {
        self.has_owner_of(new) || folder.is_private(new)
    }

    /// Returns whether nobody but us and root can change this folder.
    const fn is_private(self, new: Self) -> bool {
        const OTHERS_WRITE: u32 = 0o022;
        self.mode & OTHERS_WRITE == 0 && self.belongs_to(new)
    }

    /// Returns whether a folder belongs to us or to root.
    const fn belongs_to(self, new: Self) -> bool {
        self.owner == new.owner || self.owner == ROOT
    }

    /// Returns whether a new file may get the permissions of this old one: of our own file, unless
    /// strangers could have moved it here, or of any file in a private folder.
    pub(super) const fn lends_permissions(self, new: Self, folder: Self) -> bool {
        const ALL_WRITE: u32 = 0o002;
        let is_open = folder.mode & ALL_WRITE != 0 || !folder.belongs_to(new);
        let is_in_place = !is_open || folder.mode & STICKY != 0;
        self.links <= new.links && (folder.is_private(new) || self.has_owner_of(new) && is_in_place)
    }

    /// Returns whether the sticky bit of the folder forbids us to replace this file.
    pub(super) fn is_protected(self, new: Self, folder: Self) -> bool {
        folder.mode & STICKY != 0 && ![ROOT, self.owner, folder.owner].contains(&new.owner)
    }

    /// Returns whether this file permits more than the other.
    pub(super) const fn is_wider(self, other: Self) -> bool {
        self.mode & 0o777 & !other.mode != 0
    }

    /// Returns the permissions, without the special bits.
    pub(super) const fn permissions(self) -> u32 {
        self.mode & 0o777
    }
}

/// Returns whether a file is mounted at the path, for example into a container. The system refuses
/// to rename another file to it.
///
/// This compares the mounts of the file and its folder. Devices are not enough: a bind mount can
/// have the device of the folder.
#[cfg(target_os = "linux")]
pub(super) fn is_mount_point(path: &Path) -> bool {
    use std::os::fd::AsRawFd;

    use rustix::fs::{Mode, OFlags, open};

    let mount = |path: &Path| {
        // Needs no permission to read the file.
        let file = open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd())).ok()?;
        info.lines().find(|line| line.starts_with("mnt_id:")).map(str::to_owned)
    };
    mount(path).zip(mount(folder(path))).is_some_and(|(file, folder)| file != folder)
}

/// Only Linux can mount a single file.
#[cfg(not(target_os = "linux"))]
pub(super) const fn is_mount_point(_: &Path) -> bool {
    false
}

/// Returns the folder of a file.
pub(super) fn folder(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or_else(|| Path::new("."))
}

#[cfg(unix)]
impl From<&Metadata> for Stat {
    fn from(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;

        Self {
            is_file: metadata.is_file(),
            number: (metadata.dev(), metadata.ino()),
            owner: metadata.uid(),
            links: metadata.nlink(),
            mode: metadata.mode(),
        }
    }
}

/// Without these numbers, every file counts as ours. Only locks protect it.
#[cfg(not(unix))]
impl From<&Metadata> for Stat {
    fn from(metadata: &Metadata) -> Self {
        Self { is_file: metadata.is_file(), number: (0, 0), owner: 0, links: 1, mode: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: Stat = Stat { is_file: true, number: (1, 10), owner: 1000, links: 1, mode: 0o600 };
    const PRIVATE: Stat = Stat { is_file: false, mode: 0o755, ..FILE };
    const SHARED: Stat = Stat { mode: 0o777, ..PRIVATE };
    const STICKY: Stat = Stat { mode: 0o1777, owner: 0, ..PRIVATE };

    const fn number(inode: u64) -> Stat {
        Stat { number: (1, inode), ..FILE }
    }

    const fn owner(owner: u32) -> Stat {
        Stat { owner, ..FILE }
    }

    const fn links(links: u64) -> Stat {
        Stat { links, ..FILE }
    }

    #[test]
    fn equal_numbers_prove_that_a_path_names_the_file() {
        assert_eq!(FILE.is_named([FILE, FILE]), Some(true));
        // The number changed between the two lookups, or after both.
        assert_eq!(FILE.is_named([number(9), FILE]), Some(true));
        assert_eq!(FILE.is_named([FILE, number(11)]), Some(true));
    }

    #[test]
    fn another_number_proves_another_file_only_if_it_stays_the_same() {
        assert_eq!(FILE.is_named([number(11), number(11)]), Some(false));
        assert_eq!(FILE.is_named([number(11), number(12)]), None);
        let elsewhere = Stat { number: (2, 10), ..FILE };
        assert_eq!(FILE.is_named([elsewhere, elsewhere]), Some(false));
    }

    #[test]
    fn a_link_or_folder_at_the_path_is_another_file_with_any_number() {
        let link = Stat { is_file: false, ..FILE };
        assert_eq!(FILE.is_named([link, link]), Some(false));
        assert_eq!(FILE.is_named([number(11), Stat { is_file: false, ..number(12) }]), Some(false));
    }

    #[test]
    fn a_file_of_another_user_is_not_ours_in_a_shared_folder() {
        for folder in [SHARED, STICKY, Stat { mode: 0o775, ..PRIVATE }] {
            assert!(!owner(4242).is_ours(FILE, folder));
            assert!(owner(1000).is_ours(FILE, folder));
        }
        assert!(owner(4242).is_ours(FILE, PRIVATE));
    }

    /// Such a mount shows an owner that differs from the user of the process.
    #[test]
    fn where_every_file_has_one_owner_an_old_file_is_ours() {
        assert!(owner(4242).is_ours(owner(4242), SHARED));
    }

    #[test]
    fn a_file_with_more_links_than_a_new_one_is_not_ours() {
        assert!(!links(2).is_ours(FILE, PRIVATE));
        assert!(!links(3).is_ours(links(2), PRIVATE));
        for count in [0, 1, 2] {
            assert!(links(count).is_ours(links(count), PRIVATE));
        }
    }

    #[test]
    fn the_sticky_bit_protects_files_of_others_except_from_root_and_the_owner_of_the_folder() {
        assert!(owner(4242).is_protected(FILE, STICKY));
        assert!(!owner(4242).is_protected(FILE, SHARED));
        assert!(!owner(1000).is_protected(FILE, STICKY));
        assert!(!owner(4242).is_protected(owner(0), Stat { owner: 1, ..STICKY }));
        assert!(!owner(4242).is_protected(FILE, Stat { owner: 1000, ..STICKY }));
    }

    #[test]
    fn a_file_is_wider_if_it_permits_anybody_more() {
        let mode = |mode| Stat { mode, ..FILE };
        for (one, other, is_wider) in [
            (0o600, 0o600, false),
            (0o400, 0o600, false),
            (0o644, 0o600, true),
            (0o604, 0o640, true),
            (0o100_600, 0o600, false),
        ] {
            assert_eq!(mode(one).is_wider(mode(other)), is_wider, "{one:o} {other:o}");
        }
    }
}
