//! When and how a file gets its final name, and what is no name for a file.

use std::{
    env,
    ffi::OsString,
    fs::{self, Permissions},
    os::unix::{
        ffi::OsStringExt,
        fs::{FileTypeExt, PermissionsExt, symlink},
    },
    path::{Path, PathBuf},
    process::Command,
};

use tcss_export_core::{SendFault, download::ErrorKind};
use tcss_export_driver::{DownloadFailure, FileErrorKind, Target};

use crate::{
    folder::{Folder, file_error, file_error_kind, inode, mode, read},
    server::{File, Reply, crc64},
    world::{BOTH, Loop, World, for_good},
};

fn file() -> File {
    File::new("id,status\r\n1,PASSED\r\n")
}

/// Tells by what error a download to this path ends, which must be one before any request.
#[track_caller]
fn refusal(target: impl Into<Target>) -> FileErrorKind {
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

#[test]
fn a_file_that_comes_into_being_meanwhile_is_kept() {
    for each in BOTH {
        let folder = Folder::new();
        let target = folder.at("a.csv");
        let meanwhile = target.clone();
        let world = World::new(move |request| {
            fs::write(&meanwhile, "somebody else's").unwrap();
            file().answer(request)
        });
        assert_eq!(file_error_kind(each.download(&world, &target)), FileErrorKind::Exists);
        assert_eq!(read(&target), b"somebody else's");
        assert_eq!(folder.names(), [".a.csv.part", ".a.csv.part.json", "a.csv"]);
        let world = World::serving(&file());
        each.download(&world, Target::new(&target).replacing()).unwrap();
        assert_eq!(world.ranges(), ["bytes=20-"]);
        assert_eq!(read(&target), file().bytes);
        assert_eq!(folder.names(), ["a.csv"]);
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
fn directories_are_no_targets() {
    let folder = Folder::new();
    for path in [folder.path().into(), folder.at("."), folder.at(".."), "/".into(), ".".into()] {
        for target in [Target::new(&path), Target::new(&path).replacing()] {
            assert_eq!(refusal(target), FileErrorKind::Directory, "{path:?}");
        }
    }
}

#[test]
fn a_path_that_names_a_directory_to_be_is_told_at_once() {
    let folder = Folder::new();
    for name in ["new/", "new//", "new/."] {
        assert_eq!(refusal(folder.at(name)), FileErrorKind::Directory, "{name}");
    }
    for path in [PathBuf::new(), folder.at("new/..")] {
        assert_eq!(refusal(&path), FileErrorKind::NoName, "{path:?}");
    }
    assert!(folder.names().is_empty());
}

#[test]
fn a_name_may_begin_or_end_with_a_dot() {
    let folder = Folder::new();
    for name in [".a", "a.", "...", ".a.part"] {
        Loop::Blocking.download(&World::serving(&file()), folder.at(name)).unwrap();
    }
    assert_eq!(folder.names(), ["...", ".a", ".a.part", "a."]);
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

#[test]
fn a_link_exists_wherever_it_leads() {
    let folder = Folder::new();
    let pointed = folder.with("pointed", "old");
    for to in [&pointed, &folder.at("nowhere"), folder.path()] {
        let link = folder.at("link");
        symlink(to, &link).unwrap();
        assert_eq!(refusal(&link), FileErrorKind::Exists);
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
fn names_may_be_anything_that_the_system_takes() {
    let folder = Folder::new();
    for name in [
        b"a b\nc.csv".to_vec(),
        b"\xff\xfe.csv".to_vec(),
        "\u{5bfc}\u{51fa}.csv".into(),
        vec![b'n'; 255],
        "\u{5bfc}".repeat(85).into(),
        vec![0xff; 255],
    ] {
        let target = folder.path().join(OsString::from_vec(name));
        for world in
            [World::spoiling(&file(), [|reply| reply.broken(4), for_good]), World::serving(&file())]
        {
            let _ = Loop::Blocking.download(&world, &target);
            let range =
                if world.requests() == 1 { ["bytes=4-"].to_vec() } else { vec!["", "bytes=4-"] };
            assert_eq!(world.ranges(), range, "{target:?}");
        }
        assert_eq!(read(&target), file().bytes);
    }
    assert_eq!(folder.names().len(), 6);
}

#[test]
fn long_names_with_the_same_beginning_share_part_and_note_or_neither() {
    // A name that leaves room for the part's ending, but not for the longer one of the note.
    for length in 239..=255 {
        let folder = Folder::new();
        let names = ["a", "b"].map(|end| format!("{}{end}", "n".repeat(length - 1)));
        for name in names {
            let world = World::spoiling(&file(), [|reply| reply.broken(4), for_good]);
            Loop::Blocking.download(&world, folder.at(&name)).unwrap_err();
        }
        let names = folder.names();
        let notes = names.iter().filter(|name| name.ends_with(".json")).count();
        assert_eq!(names.len(), 2 * notes, "{length}");
    }
}

#[test]
fn names_that_the_system_does_not_take_are_told_before_any_request() {
    let folder = Folder::new();
    for name in ["a\0b", &"n".repeat(256)] {
        assert_eq!(refusal(folder.at(name)), FileErrorKind::Open);
        assert_eq!(refusal(Target::new(folder.at(name)).replacing()), FileErrorKind::Open);
    }
    assert!(folder.names().is_empty());
}

#[test]
fn errors_quote_the_name() {
    let folder = Folder::new();
    let target = folder.with("a\n\u{1b}[2Jb", "old");
    let error = file_error(Loop::Blocking.download(&World::serving(&file()), &target));
    let text = error.to_string();
    assert!(text.ends_with("/a\\n\\u{1b}[2Jb\" exists already"), "{text}");
    assert_eq!(error.path(), Some(&*target));
}

#[test]
fn errors_before_the_first_byte_leave_nothing() {
    let spoilers: [fn(Reply) -> Reply; 5] = [
        for_good,
        |_| Reply::unsent(SendFault::Permanent),
        |_| Reply::expired(),
        |_| Reply::of(404, "<Error><Code>NoSuchKey</Code></Error>"),
        |reply| reply.with("content-encoding", "gzip"),
    ];
    for (each, spoil) in BOTH.into_iter().flat_map(|each| spoilers.map(|spoil| (each, spoil))) {
        let folder = Folder::new();
        let end = each.download(&World::spoiling(&file(), [spoil]), folder.at("a.csv"));
        assert!(matches!(end, Err(DownloadFailure::Download { .. })), "{end:?}");
        assert!(folder.names().is_empty());
    }
}

#[test]
fn d7_another_checksum_leaves_nothing() {
    for each in BOTH {
        let folder = Folder::new();
        let world = World::spoiling(&file(), [|reply| reply.with("x-cos-hash-crc64ecma", "1")]);
        let end = each.download(&world, folder.at("a.csv"));
        let Err(DownloadFailure::Download { error, .. }) = end else { panic!("{end:?}") };
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

#[test]
fn a_name_alone_is_in_the_current_folder() {
    let folder = Folder::new();
    // All other tests go by whole paths.
    env::set_current_dir(folder.path()).unwrap();
    for (each, name) in BOTH.into_iter().zip(["a.csv", "b.csv"]) {
        each.download(&World::serving(&file()), name).unwrap();
    }
    env::set_current_dir("/").unwrap();
    assert_eq!(folder.names(), ["a.csv", "b.csv"]);
}
