//! Which names a target may have.

use std::{
    env,
    ffi::OsString,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

use tcss_export_driver::{FileErrorKind, Target};

use crate::{
    folder::{Folder, file, file_error, read},
    targets::refusal,
    transport::{BOTH_CLIENTS, ClientKind, TestTransport, permanent_error},
};

#[test]
fn directories_are_refused() {
    let folder = Folder::new();
    for path in [folder.path().into(), folder.at("."), folder.at(".."), "/".into(), ".".into()] {
        for target in [Target::new(&path), Target::new(&path).replacing()] {
            assert_eq!(refusal(target), FileErrorKind::Directory, "{path:?}");
        }
    }
}

#[test]
fn the_path_of_a_future_directory_is_refused() {
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
fn the_error_of_an_empty_path_names_the_path() {
    let error = Target::new("").check().unwrap_err();
    assert_eq!(error.path(), Some(Path::new("")));
    assert_eq!(error.to_string(), r#""" does not end in the name of a file"#);
}

#[test]
fn a_name_may_begin_or_end_with_a_dot() {
    let folder = Folder::new();
    for name in [".a", "a.", "...", ".a.part"] {
        ClientKind::Blocking.download(&TestTransport::serving(&file()), folder.at(name)).unwrap();
    }
    assert_eq!(folder.names(), ["...", ".a", ".a.part", "a."]);
}

#[test]
fn any_name_that_the_system_accepts_works() {
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
        let transport = TestTransport::faulty(&file(), [|reply| reply.broken(4), permanent_error]);
        ClientKind::Blocking.download(&transport, &target).unwrap_err();
        assert_eq!(transport.ranges(), ["", "bytes=4-"], "{target:?}");
        let transport = TestTransport::serving(&file());
        ClientKind::Blocking.download(&transport, &target).unwrap();
        assert_eq!(transport.ranges(), ["bytes=4-"], "{target:?}");
        assert_eq!(read(&target), file().bytes);
    }
    assert_eq!(folder.names().len(), 6);
}

#[test]
fn long_names_with_a_common_beginning_share_part_and_metadata_or_neither() {
    // Some of these leave room for the suffix of the part, but not for that of its metadata.
    for length in 239..=255 {
        let folder = Folder::new();
        let names = ["a", "b"].map(|end| format!("{}{end}", "n".repeat(length - 1)));
        for name in names {
            let transport =
                TestTransport::faulty(&file(), [|reply| reply.broken(4), permanent_error]);
            ClientKind::Blocking.download(&transport, folder.at(&name)).unwrap_err();
        }
        let names = folder.names();
        let metadata = names.iter().filter(|name| name.ends_with(".json")).count();
        assert_eq!(names.len(), 2 * metadata, "{length}");
    }
}

#[test]
fn names_that_the_system_refuses_are_errors_before_any_request() {
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
    let error =
        file_error(ClientKind::Blocking.download(&TestTransport::serving(&file()), &target));
    let text = error.to_string();
    assert!(text.ends_with("/a\\n\\u{1b}[2Jb\" already exists"), "{text}");
    assert_eq!(error.path(), Some(&*target));
}

#[test]
fn a_bare_name_is_in_the_current_folder() {
    let folder = Folder::new();
    // All other tests use absolute paths.
    env::set_current_dir(folder.path()).unwrap();
    for (client, name) in BOTH_CLIENTS.into_iter().zip(["a.csv", "b.csv"]) {
        client.download(&TestTransport::serving(&file()), name).unwrap();
    }
    env::set_current_dir("/").unwrap();
    assert_eq!(folder.names(), ["a.csv", "b.csv"]);
}
