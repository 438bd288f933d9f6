//! Disks that are full or take no writes, mounted by root or in a namespace of the user's own.

use std::{env, fs, path::Path, process::Command};

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

/// Runs a test once more, in a namespace where this user may mount.
fn rerun(test: &str) {
    const INSIDE: &str = "TCSS_EXPORT_TEST_INSIDE";
    assert!(env::var_os(INSIDE).is_none(), "this test has to mount a tmpfs, and may not");
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount"]).arg(env::current_exe().unwrap());
    command.args(["--exact", test]).env(INSIDE, "");
    let status = command.status().expect("the command unshare");
    assert!(status.success(), "this test has to mount a tmpfs: run it as root");
}

#[test]
fn a_folder_that_takes_no_writes_is_told_before_any_request() {
    let Some(disk) = Disk::new("ro,size=64k") else {
        return rerun("disks::a_folder_that_takes_no_writes_is_told_before_any_request");
    };
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
        let Some(disk) = Disk::new("size=256k") else {
            return rerun("disks::on_a_full_disk_the_part_stays_and_goes_on_when_there_is_room");
        };
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
