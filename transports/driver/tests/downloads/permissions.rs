//! The permissions of a part and of the complete file.

use std::{
    env,
    fs::{self, Permissions},
    io::{self, Write},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
};

use tcss_export_driver::{FileErrorKind, Target};

use crate::{
    folder::{Folder, METADATA, PART, file, interrupted, mode, read},
    targets::refusal,
    transport::{BOTH_CLIENTS, ClientKind, TestTransport, permanent_error},
};

/// A user and a group without special rights.
const NOBODY: u32 = 65_534;
/// A group that no user of the tests belongs to.
const OTHER_GROUP: u32 = 4242;
/// Names the folder of a test that runs in a child process.
const INSIDE: &str = "TCSS_EXPORT_TEST_FOLDER";

fn set_mode(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn group(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path).unwrap().gid()
}

/// The test harness hides `eprintln!` of tests that pass.
fn skip(reason: &str) {
    let _ = io::stderr().write_all(format!("skipped: {reason}\n").as_bytes());
}

fn replace(path: &Path) {
    let target = Target::new(path).replacing();
    ClientKind::Blocking.download(&TestTransport::serving(&file()), target).unwrap();
    assert_eq!(read(path), file().bytes);
}

/// Runs a test again as another user, with a folder that `plant` has filled as root.
#[track_caller]
fn rerun_as_nobody(test: &str, plant: impl FnOnce(&Path) -> io::Result<()>) {
    let place = Folder::new();
    set_mode(place.path(), 0o755);
    let (program, folder) = (place.at("test"), place.at("folder"));
    fs::create_dir(&folder).unwrap();
    if plant(&folder).is_err() {
        return skip("only root can change the owner of a file");
    }
    // Other users may have no access to the folder of the test, so run a copy. `cp` writes it: a
    // child of another test could inherit a file that this process writes, and then it cannot run.
    let copied = Command::new("cp").arg(env::current_exe().unwrap()).arg(&program).status();
    assert!(copied.unwrap().success());
    set_mode(&program, 0o755);
    let mut command = Command::new(&program);
    command.args(["--exact", test]).env(INSIDE, &folder).uid(NOBODY).gid(NOBODY);
    assert!(command.status().unwrap().success(), "see the output above");
}

#[test]
fn a_part_and_its_metadata_are_for_their_owner_alone() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let (part, metadata) = (folder.at(PART), folder.at(METADATA));
        let mut count = 0;
        let transport = TestTransport::new(move |request| {
            count += 1;
            assert_eq!(mode(&part), 0o600);
            assert!(count == 1 || mode(&metadata) == 0o600);
            let reply = file().answer(request);
            if count < 3 { reply.broken(4) } else { reply }
        });
        client.download(&transport, folder.at("a.csv")).unwrap();
        assert_eq!(transport.requests(), 3);
        assert_eq!(mode(folder.at("a.csv")), 0o600);
    }
}

#[test]
fn without_a_umask_a_file_is_still_for_its_owner_alone() {
    if env::var_os(INSIDE).is_none() {
        let mut command = Command::new("sh");
        command.args(["-c", "umask 000; exec \"$0\" \"$@\""]).arg(env::current_exe().unwrap());
        command
            .args(["--exact", "permissions::without_a_umask_a_file_is_still_for_its_owner_alone"]);
        assert!(command.env(INSIDE, "").status().unwrap().success());
        return;
    }
    let folder = interrupted();
    assert_eq!(mode(folder.with("usual", "")), 0o666);
    assert_eq!([PART, METADATA].map(|name| mode(folder.at(name))), [0o600; 2]);
    ClientKind::Blocking.download(&TestTransport::serving(&file()), folder.at("a.csv")).unwrap();
    assert_eq!(mode(folder.at("a.csv")), 0o600);
}

#[test]
fn a_part_that_was_wider_is_closed_before_any_request() {
    for client in BOTH_CLIENTS {
        let folder = interrupted();
        set_mode(folder.at(PART), 0o644);
        let part = folder.at(PART);
        let transport = TestTransport::new(move |request| {
            assert_eq!(mode(&part), 0o600);
            file().answer(request)
        });
        client.download(&transport, folder.at("a.csv")).unwrap();
        assert_eq!(transport.ranges(), ["bytes=10-"]);
        assert_eq!(mode(folder.at("a.csv")), 0o600);
    }
}

#[test]
fn a_replaced_file_keeps_its_permissions_and_the_part_is_never_wider() {
    for old in [0o600, 0o640, 0o644, 0o606, 0o666, 0o400, 0o444, 0o755] {
        for client in BOTH_CLIENTS {
            let folder = interrupted();
            set_mode(folder.with("a.csv", "old"), old);
            let part = folder.at(PART);
            let transport = TestTransport::new(move |request| {
                assert_eq!(mode(&part), 0o600);
                file().answer(request)
            });
            client.download(&transport, Target::new(folder.at("a.csv")).replacing()).unwrap();
            assert_eq!(read(folder.at("a.csv")), file().bytes);
            assert_eq!(mode(folder.at("a.csv")), old, "{old:o}");
        }
    }
}

#[test]
fn the_special_bits_of_a_replaced_file_are_not_kept() {
    let folder = Folder::new();
    set_mode(folder.with("a.csv", "old"), 0o7640);
    replace(&folder.at("a.csv"));
    assert_eq!(mode(folder.at("a.csv")), 0o640);
}

#[test]
fn a_link_gives_its_permissions_to_no_file() {
    let folder = Folder::new();
    set_mode(folder.with("pointed", "old"), 0o644);
    std::os::unix::fs::symlink(folder.at("pointed"), folder.at("a.csv")).unwrap();
    replace(&folder.at("a.csv"));
    assert_eq!(mode(folder.at("a.csv")), 0o600);
}

#[test]
fn a_failed_download_leaves_the_permissions_of_the_old_file() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        set_mode(folder.with("a.csv", "old"), 0o644);
        let transport = TestTransport::faulty(&file(), [|reply| reply.broken(4), permanent_error]);
        client.download(&transport, Target::new(folder.at("a.csv")).replacing()).unwrap_err();
        assert_eq!((mode(folder.at("a.csv")), mode(folder.at(PART))), (0o644, 0o600));
    }
}

#[test]
fn a_replaced_file_keeps_its_group() {
    let folder = Folder::new();
    let old = folder.with("a.csv", "old");
    if chown(&old, None, Some(OTHER_GROUP)).is_err() {
        return skip("only root can use any group");
    }
    set_mode(&old, 0o640);
    replace(&old);
    assert_eq!((group(&old), mode(&old)), (OTHER_GROUP, 0o640));
}

#[test]
fn a_group_that_cannot_be_kept_leaves_its_permissions_to_no_other() {
    let Some(folder) = env::var_os(INSIDE).map(PathBuf::from) else {
        return rerun_as_nobody(
            "permissions::a_group_that_cannot_be_kept_leaves_its_permissions_to_no_other",
            |folder| {
                for name in ["640", "644", "600"] {
                    fs::write(folder.join(name), "old")?;
                    chown(folder.join(name), Some(NOBODY), Some(OTHER_GROUP))?;
                    set_mode(folder.join(name), u32::from_str_radix(name, 8).unwrap());
                }
                chown(folder, Some(NOBODY), Some(NOBODY))
            },
        );
    };
    let probe = folder.join("probe");
    fs::write(&probe, "").unwrap();
    let limit = chown(&probe, None, Some(OTHER_GROUP)).unwrap_err();
    assert_eq!(limit.kind(), io::ErrorKind::PermissionDenied);
    for (name, new) in [("640", 0o600), ("644", 0o604), ("600", 0o600)] {
        let path = folder.join(name);
        replace(&path);
        assert_eq!((group(&path), mode(&path)), (NOBODY, new), "{name}");
    }
}

#[test]
fn in_a_shared_folder_a_file_of_another_user_gives_no_permissions() {
    for (folder_mode, new) in [(0o1777, 0o600), (0o777, 0o600), (0o775, 0o600), (0o755, 0o666)] {
        let folder = Folder::new();
        let old = folder.with("a.csv", "old");
        if chown(&old, Some(NOBODY), Some(NOBODY)).is_err() {
            return skip("only root can change the owner of a file");
        }
        set_mode(&old, 0o666);
        set_mode(folder.path(), folder_mode);
        replace(&old);
        let is_kept = group(&old) == NOBODY;
        assert_eq!((mode(&old), is_kept), (new, new == 0o666), "{folder_mode:o}");
    }
}

#[test]
fn an_own_file_gives_its_permissions_unless_anyone_could_have_moved_it() {
    for (folder_mode, new) in [(0o1777, 0o644), (0o777, 0o600), (0o775, 0o644), (0o755, 0o644)] {
        let folder = Folder::new();
        let old = folder.with("a.csv", "old");
        set_mode(&old, 0o644);
        set_mode(folder.path(), folder_mode);
        replace(&old);
        assert_eq!(mode(&old), new, "{folder_mode:o}");
    }
}

#[test]
fn in_a_folder_of_another_user_neither_permissions_nor_a_part_are_taken() {
    let folder = interrupted();
    let old = folder.with("a.csv", "old");
    set_mode(&old, 0o666);
    let foreign = [folder.path().to_owned(), folder.at(PART)];
    if foreign.iter().any(|path| chown(path, Some(NOBODY), None).is_err()) {
        return skip("only root can change the owner of a file");
    }
    let transport = TestTransport::serving(&file());
    ClientKind::Blocking.download(&transport, Target::new(&old).replacing()).unwrap();
    assert_eq!((transport.ranges(), mode(&old)), (vec![String::new()], 0o600));
}

#[test]
fn a_file_that_the_sticky_bit_protects_is_refused_before_any_request() {
    let Some(folder) = env::var_os(INSIDE).map(PathBuf::from) else {
        return rerun_as_nobody(
            "permissions::a_file_that_the_sticky_bit_protects_is_refused_before_any_request",
            |folder| {
                fs::write(folder.join("a.csv"), "old")?;
                chown(folder.join("a.csv"), Some(OTHER_GROUP), None)?;
                fs::write(folder.join("own.csv"), "old")?;
                chown(folder.join("own.csv"), Some(NOBODY), None)?;
                set_mode(folder, 0o1777);
                Ok(())
            },
        );
    };
    fs::write(folder.join("new"), "").unwrap();
    let limit = fs::rename(folder.join("new"), folder.join("a.csv")).unwrap_err();
    assert_eq!(limit.kind(), io::ErrorKind::PermissionDenied);
    assert_eq!(refusal(Target::new(folder.join("a.csv")).replacing()), FileErrorKind::Replace);
    assert_eq!(read(folder.join("a.csv")), b"old");
    assert!(!folder.join(PART).exists());
    replace(&folder.join("own.csv"));
}

#[test]
#[cfg(target_os = "linux")]
fn after_an_access_control_list_the_group_gets_nothing() {
    let folder = Folder::new();
    let path = folder.at("a.csv");
    fs::write(&path, "old").unwrap();
    set_mode(&path, 0o600);
    // Version 2: the owner rw, user 4242 rw, the group nothing, the mask rw, others nothing.
    let entries = [
        (1, 6, u32::MAX),
        (2, 6, 4242),
        (4, 0, u32::MAX),
        (0x10, 6, u32::MAX),
        (0x20, 0, u32::MAX),
    ];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        list.extend([tag as u8, 0, permissions, 0]);
        list.extend(id.to_le_bytes());
    }
    let set = rustix::fs::setxattr(
        &path,
        "system.posix_acl_access",
        &list,
        rustix::fs::XattrFlags::empty(),
    );
    if set.is_err() {
        return skip("no access control lists on this file system");
    }
    // The bits of the group show the mask.
    assert_eq!(mode(&path), 0o660);
    replace(&path);
    assert_eq!(mode(&path), 0o600);
}
