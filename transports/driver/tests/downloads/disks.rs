//! Full and read-only disks, and mounted files, mounted by root or in a user namespace.

use std::{env, fs, os::unix::fs::symlink, path::Path, process::Command};

use tcss_export_driver::{FileErrorKind, Target};

use crate::{
    folder::{Folder, file_error, file_error_kind, read},
    server::{File, Reply},
    targets::refusal,
    transport::{BOTH_CLIENTS, TestTransport},
};

/// A file system in memory, unmounted on drop.
struct Disk(Folder);

impl Disk {
    /// Returns `None` without the permission to mount.
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

/// Runs a test again in a namespace with the permission to mount.
fn rerun(test: &str) {
    const INSIDE: &str = "TCSS_EXPORT_TEST_INSIDE";
    assert!(env::var_os(INSIDE).is_none(), "this test needs the permission to mount a tmpfs");
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount"]).arg(env::current_exe().unwrap());
    command.args(["--exact", test]).env(INSIDE, "");
    let status = command.status().expect("the command unshare");
    assert!(status.success(), "this test needs to mount a tmpfs: run it as root");
}

#[test]
fn a_read_only_folder_is_refused_before_any_request() {
    let Some(disk) = Disk::new("ro,size=64k") else {
        return rerun("disks::a_read_only_folder_is_refused_before_any_request");
    };
    for client in BOTH_CLIENTS {
        let transport = TestTransport::serving(&File::new("0123456789"));
        let result = client.download(&transport, disk.at("a.csv"));
        assert_eq!(file_error_kind(result), FileErrorKind::Open);
        assert_eq!(transport.requests(), 0);
    }
}

/// Hides the length of the body.
fn chunked(mut reply: Reply) -> Reply {
    let headers = reply.head.as_mut().unwrap().headers_mut();
    headers.remove("content-length");
    headers.insert("transfer-encoding", "chunked".parse().unwrap());
    reply
}

#[test]
fn a_file_that_has_no_room_is_refused_before_its_first_byte() {
    for client in BOTH_CLIENTS {
        let Some(disk) = Disk::new("size=64k") else {
            return rerun("disks::a_file_that_has_no_room_is_refused_before_its_first_byte");
        };
        let file = File::new(vec![b'x'; 200_000]);
        let error = file_error(client.download(&TestTransport::serving(&file), disk.at("a.csv")));
        let source = std::error::Error::source(&error).unwrap();
        let source = source.downcast_ref::<std::io::Error>().unwrap();
        assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
        assert_eq!(disk.0.names(), [""; 0]);
    }
}

#[test]
fn on_a_full_disk_the_part_stays_and_resumes_once_space_is_free() {
    for client in BOTH_CLIENTS {
        let Some(disk) = Disk::new("size=256k") else {
            return rerun("disks::on_a_full_disk_the_part_stays_and_resumes_once_space_is_free");
        };
        let file = File::new(vec![b'x'; 200_000]);
        fs::write(disk.at("ballast"), vec![0; 128 * 1024]).unwrap();
        let transport = TestTransport::faulty(&file, [chunked]);
        let error = file_error(client.download(&transport, disk.at("a.csv")));
        assert_eq!(error.kind(), FileErrorKind::Write);
        assert_eq!(error.path(), Some(Path::new(&disk.at(".a.csv.part"))));
        let length = read(disk.at(".a.csv.part")).len();
        assert!(length > 0 && length < 200_000, "{length}");
        assert!(!disk.at("a.csv").exists());
        fs::remove_file(disk.at("ballast")).unwrap();
        let transport = TestTransport::serving(&file);
        client.download(&transport, disk.at("a.csv")).unwrap();
        // Without a known length, the last byte is requested again.
        assert_eq!(transport.ranges(), [format!("bytes={}-", length - 1)]);
        assert_eq!(read(disk.at("a.csv")), file.bytes);
        assert_eq!(disk.0.names(), ["a.csv"]);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_that_is_mounted_is_refused_before_any_request() {
    let Some(disk) = Disk::new("size=64k") else {
        return rerun("disks::a_file_that_is_mounted_is_refused_before_any_request");
    };
    let (source, target) = (disk.at("source"), disk.at("a.csv"));
    fs::write(&source, "old").unwrap();
    fs::write(&target, "").unwrap();
    // Source and target are on one device.
    let mut command = Command::new("mount");
    assert!(command.arg("--bind").args([&source, &target]).status().unwrap().success());
    let kind = refusal(Target::new(&target).replacing());
    let others = [Target::new(&source).replacing(), Target::new(disk.at("b.csv"))];
    let checked = others.map(|other| other.check());
    // A link is replaced itself.
    symlink(&target, disk.at("link")).unwrap();
    let link = Target::new(disk.at("link")).replacing().check();
    assert!(Command::new("umount").arg(&target).status().unwrap().success());
    assert_eq!(kind, FileErrorKind::Replace);
    assert!(checked.iter().chain([&link]).all(Result::is_ok), "{checked:?} {link:?}");
    assert_eq!(read(&source), b"old");
    assert_eq!(disk.0.names(), ["a.csv", "link", "source"]);
    Target::new(&target).replacing().check().unwrap();
}
