//! When and how a file gets its final name, and what is never replaced.

use std::{
    fs::{self, Permissions},
    os::{
        fd::AsRawFd,
        unix::fs::{FileTypeExt, PermissionsExt, symlink},
    },
    path::Path,
    process::Command,
};

use tcss_export_core::{TransportErrorKind, download::ErrorKind};
use tcss_export_driver::{DownloadError, FileErrorKind, Target};

use crate::{
    folder::{Folder, file_error_kind, inode, mode, read},
    server::{File, Reply, crc64},
    world::{BOTH, Loop, World, for_good},
};

pub(crate) fn file() -> File {
    File::new("id,status\r\n1,PASSED\r\n")
}

/// Tells by what error a download to this path ends, which must be one before any request.
#[track_caller]
pub(crate) fn refusal(target: impl Into<Target>) -> FileErrorKind {
    let target = target.into();
    let world = World::serving(&file());
    let [one, other] = BOTH.map(|each| file_error_kind(each.download(&world, target.clone())));
    assert_eq!(one, other);
    assert_eq!(target.check().expect_err("as the download says").kind(), one);
    assert_eq!(world.requests(), 0);
    one
}

pub(crate) fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
}

#[test]
fn a_whole_file_is_all_that_is_left() {
    for each in BOTH {
        let folder = Folder::new();
        let downloaded = each.download(&World::serving(&file()), folder.at("a.csv")).unwrap();
        assert_eq!((downloaded.bytes, downloaded.verified), (21, true));
        assert_eq!(downloaded.crc64, crc64(&file().bytes));
        assert_eq!(read(folder.at("a.csv")), file().bytes);
        assert_eq!(folder.names(), ["a.csv"]);
    }
}

#[test]
fn an_empty_file_is_a_file() {
    for each in BOTH {
        let folder = Folder::new();
        each.download(&World::serving(&File::new("")), folder.at("a.csv")).unwrap();
        assert_eq!(read(folder.at("a.csv")), b"");
        assert_eq!(folder.names(), ["a.csv"]);
    }
}

#[test]
fn the_name_appears_when_all_of_it_is_there() {
    for each in BOTH {
        let folder = Folder::new();
        let (target, seen) = (folder.at("a.csv"), folder.at("a.csv"));
        let mut count = 0;
        let world = World::new(move |request| {
            assert!(!seen.exists());
            count += 1;
            let reply = file().answer(request);
            if count < 3 { reply.broken(4) } else { reply }
        });
        each.download(&world, &target).unwrap();
        assert_eq!(world.ranges(), ["", "bytes=4-", "bytes=8-"]);
        assert_eq!(read(target), file().bytes);
    }
}

#[test]
fn permissions_are_those_of_a_new_file() {
    for each in BOTH {
        let folder = Folder::new();
        let usual = mode(folder.with("usual", ""));
        each.download(&World::serving(&file()), folder.at("a.csv")).unwrap();
        assert_eq!(mode(folder.at("a.csv")), usual);
        fs::set_permissions(folder.at("a.csv"), Permissions::from_mode(0o606)).unwrap();
        let target = Target::new(folder.at("a.csv")).replacing();
        each.download(&World::serving(&file()), target).unwrap();
        assert_eq!(mode(folder.at("a.csv")), usual);
    }
}

#[test]
fn a_file_that_exists_is_told_before_any_request_and_left_alone() {
    let folder = Folder::new();
    let old = folder.with("a.csv", "old");
    let before = inode(&old);
    assert_eq!(refusal(&old), FileErrorKind::Exists);
    assert_eq!((read(&old), inode(&old)), (b"old".to_vec(), before));
    assert_eq!(folder.names(), ["a.csv"]);
}

#[test]
fn a_file_is_replaced_only_by_a_whole_one() {
    for each in BOTH {
        let folder = Folder::new();
        let old = folder.with("a.csv", "old");
        let target = Target::new(&old).replacing();
        let world = World::spoiling(&file(), [|reply| reply.broken(4), for_good]);
        each.download(&world, target.clone()).unwrap_err();
        assert_eq!(read(&old), b"old");
        each.download(&World::serving(&file()), target).unwrap();
        assert_eq!(read(&old), file().bytes);
        assert_eq!(folder.names(), ["a.csv"]);
    }
}

/// Serves a file while somebody else puts one under the name of the target.
fn overtaken(target: &Path, file: File) -> World {
    let target = target.to_owned();
    World::new(move |request| {
        fs::write(&target, "somebody else's").unwrap();
        file.answer(request)
    })
}

#[test]
fn a_file_that_comes_into_being_meanwhile_is_kept() {
    for each in BOTH {
        let folder = Folder::new();
        let target = folder.at("a.csv");
        let world = overtaken(&target, file());
        assert_eq!(file_error_kind(each.download(&world, &target)), FileErrorKind::Exists);
        assert_eq!(read(&target), b"somebody else's");
        assert_eq!(folder.names(), [".a.csv.part", ".a.csv.part.json", "a.csv"]);
        Target::new(&target).replacing().check().unwrap();
        assert_eq!(read(folder.at(".a.csv.part")), file().bytes);
        let world = World::serving(&file());
        each.download(&world, Target::new(&target).replacing()).unwrap();
        assert_eq!(world.ranges(), ["bytes=20-"]);
        assert_eq!(read(&target), file().bytes);
        assert_eq!(folder.names(), ["a.csv"]);
    }
}

#[test]
fn a_whole_file_that_has_no_place_is_not_thrown_away() {
    for each in BOTH {
        let folder = Folder::new();
        let target = folder.at("a.csv");
        let world = overtaken(&target, file().without_etag());
        assert_eq!(file_error_kind(each.download(&world, &target)), FileErrorKind::Exists);
        assert_eq!(read(&target), b"somebody else's");
        assert_eq!(read(folder.at(".a.csv.part")), file().bytes);
    }
}

#[test]
fn a_link_that_comes_into_being_meanwhile_is_kept() {
    for each in BOTH {
        let folder = Folder::new();
        let target = folder.at("a.csv");
        let (meanwhile, nowhere) = (target.clone(), folder.at("nowhere"));
        let world = World::new(move |request| {
            symlink(&nowhere, &meanwhile).unwrap();
            file().answer(request)
        });
        assert_eq!(file_error_kind(each.download(&world, &target)), FileErrorKind::Exists);
        assert!(target.is_symlink());
        assert!(!folder.at("nowhere").exists());
    }
}

#[test]
fn devices_and_pipes_are_no_targets() {
    let folder = Folder::new();
    let fifo = folder.at("fifo");
    make_fifo(&fifo);
    for path in [Path::new("/dev/null"), &fifo] {
        assert_eq!(refusal(path), FileErrorKind::NotAFile);
        assert_eq!(refusal(Target::new(path).replacing()), FileErrorKind::NotAFile);
    }
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    assert_eq!(folder.names(), ["fifo"]);
}

/// It would be replaced, and for the whole system.
#[test]
fn names_of_open_files_are_no_targets() {
    let folder = Folder::new();
    let open = fs::File::create(folder.at("open")).unwrap();
    let number = open.as_raw_fd();
    symlink(format!("/proc/self/fd/{number}"), folder.at("stdout")).unwrap();
    for path in [folder.at("stdout"), format!("/dev/fd/{number}").into()] {
        let target = Target::new(&path).replacing();
        assert_eq!(refusal(target), FileErrorKind::NotAFile, "{path:?}");
    }
    assert!(folder.at("stdout").is_symlink());
}

#[test]
fn a_link_is_refused_by_what_it_leads_to() {
    let folder = Folder::new();
    let pointed = folder.with("pointed", "old");
    for (to, kind) in [
        (&*pointed, FileErrorKind::Exists),
        (&folder.at("nowhere"), FileErrorKind::Exists),
        (folder.path(), FileErrorKind::Directory),
        (Path::new("/dev/null"), FileErrorKind::NotAFile),
    ] {
        let link = folder.at("link");
        symlink(to, &link).unwrap();
        assert_eq!(refusal(&link), kind);
        assert_eq!(fs::read_link(&link).unwrap(), to);
        fs::remove_file(link).unwrap();
    }
    assert_eq!(folder.names(), ["pointed"]);
}

#[test]
fn a_link_is_replaced_and_what_it_leads_to_is_left_alone() {
    for each in BOTH {
        let folder = Folder::new();
        let pointed = folder.with("pointed", "old");
        for (name, to) in [("one", &pointed), ("other", &folder.at("nowhere"))] {
            symlink(to, folder.at(name)).unwrap();
            let target = Target::new(folder.at(name)).replacing();
            each.download(&World::serving(&file()), target).unwrap();
            assert!(!folder.at(name).is_symlink());
            assert_eq!(read(folder.at(name)), file().bytes);
        }
        assert_eq!(read(pointed), b"old");
        assert_eq!(folder.names(), ["one", "other", "pointed"]);
    }
}

#[test]
fn a_missing_folder_is_told_before_any_request() {
    let folder = Folder::new();
    assert_eq!(refusal(folder.at("none/a.csv")), FileErrorKind::Open);
    let file = folder.with("file", "");
    assert_eq!(refusal(file.join("a.csv")), FileErrorKind::Open);
    assert_eq!(folder.names(), ["file"]);
}

#[test]
fn errors_before_the_first_byte_leave_nothing() {
    let spoilers: [fn(Reply) -> Reply; 5] = [
        for_good,
        |_| Reply::unsent(TransportErrorKind::Permanent),
        |_| Reply::expired(),
        |_| Reply::of(404, "<Error><Code>NoSuchKey</Code></Error>"),
        |reply| reply.with("content-encoding", "gzip"),
    ];
    for (each, spoil) in BOTH.into_iter().flat_map(|each| spoilers.map(|spoil| (each, spoil))) {
        let folder = Folder::new();
        let end = each.download(&World::spoiling(&file(), [spoil]), folder.at("a.csv"));
        assert!(matches!(end, Err(DownloadError::Download { .. })), "{end:?}");
        assert!(folder.names().is_empty());
    }
}

#[test]
fn d7_another_checksum_leaves_nothing() {
    for each in BOTH {
        let folder = Folder::new();
        let world = World::spoiling(&file(), [|reply| reply.with("x-cos-hash-crc64ecma", "1")]);
        let end = each.download(&world, folder.at("a.csv"));
        let Err(DownloadError::Download { error, .. }) = end else { panic!("{end:?}") };
        assert!(matches!(error.kind, ErrorKind::Mismatch { expected: 1, .. }), "{error}");
        assert!(folder.names().is_empty());
    }
}

#[test]
fn without_a_strong_tag_nothing_is_kept_for_later() {
    for each in BOTH {
        let folder = Folder::new();
        let file = file().without_etag();
        let world = World::spoiling(&file, [|reply| reply.broken(4), for_good]);
        each.download(&world, folder.at("a.csv")).unwrap_err();
        assert!(folder.names().is_empty());
    }
}

#[test]
fn check_says_what_a_download_would_and_changes_nothing() {
    let folder = Folder::new();
    Target::new(folder.at("a.csv")).check().unwrap();
    assert!(folder.names().is_empty());
    let world = World::spoiling(&file(), [|reply| reply.broken(4), for_good]);
    Loop::Blocking.download(&world, folder.at("a.csv")).unwrap_err();
    Target::new(folder.at("a.csv")).check().unwrap();
    assert_eq!(read(folder.at(".a.csv.part")), file().bytes[..4]);
    let world = World::serving(&file());
    Loop::Blocking.download(&world, folder.at("a.csv")).unwrap();
    assert_eq!(world.ranges(), ["bytes=4-"]);
}
