//! Disks that are full or take no writes. Only root can mount them; others pass these tests by.

use std::{fs, path::Path, process::Command};

use tcss_export_driver::FileErrorKind;

use crate::{
    folder::{Folder, file_error, file_error_kind, read},
    server::File,
    world::{BOTH, World},
};

/// A disk of its own in memory, gone when it is done.
struct Disk(Folder);

impl Disk {
    /// Returns none where nothing may be mounted.
    fn new(options: &str) -> Option<Self> {
        let disk = Self(Folder::new());
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(disk.0.path());
        command.output().ok()?.status.success().then_some(disk)
    }

    fn at(&self, name: &str) -> std::path::PathBuf {
        self.0.at(name)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

#[test]
fn a_folder_that_takes_no_writes_is_told_before_any_request() {
    let Some(disk) = Disk::new("ro,size=64k") else { return };
    for each in BOTH {
        let world = World::serving(&File::new("0123456789"));
        let end = each.download(&world, disk.at("a.csv"));
        assert_eq!(file_error_kind(end), FileErrorKind::Open);
        assert_eq!(world.requests(), 0);
    }
}

#[test]
fn on_a_full_disk_the_part_stays_and_goes_on_when_there_is_room() {
    for each in BOTH {
        let Some(disk) = Disk::new("size=256k") else { return };
        let file = File::new(vec![b'x'; 200_000]);
        fs::write(disk.at("ballast"), vec![0; 128 * 1024]).unwrap();
        let error = file_error(each.download(&World::serving(&file), disk.at("a.csv")));
        assert_eq!(error.kind(), FileErrorKind::Write);
        assert_eq!(error.path(), Some(Path::new(&disk.at(".a.csv.part"))));
        let kept = read(disk.at(".a.csv.part")).len();
        assert!(kept > 0 && kept < 200_000, "{kept}");
        assert!(!disk.at("a.csv").exists());
        fs::remove_file(disk.at("ballast")).unwrap();
        let world = World::serving(&file);
        each.download(&world, disk.at("a.csv")).unwrap();
        assert_eq!(world.ranges(), [format!("bytes={kept}-")]);
        assert_eq!(read(disk.at("a.csv")), file.bytes);
        assert_eq!(disk.0.names(), ["a.csv"]);
    }
}
