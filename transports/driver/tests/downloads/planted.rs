//! Files, links, folders and pipes that someone else, or a crash, has left in place of the part or
//! its metadata.

use std::{
    fs::{self, Permissions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink},
    path::Path,
};

use tcss_export_driver::{FileErrorKind, Target};

use crate::{
    folder::{Folder, METADATA, PART, file, file_error_kind, inode, interrupted, read},
    server::Reply,
    targets::make_fifo,
    transport::{BOTH_CLIENTS, ClientKind, TestTransport, permanent_error},
};

/// The sample of a new file, which exists while a download checks a part.
const NEW: &str = ".a.csv.part.new";

/// Puts something in place of the part; checks that it is refused before any request, and kept.
#[track_caller]
fn assert_refused_as_part(plant: impl Fn(&Folder, &Path)) {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        plant(&folder, &folder.at(PART));
        let (before, names) = (inode(folder.at(PART)), folder.names());
        let transport = TestTransport::serving(&file());
        let result = client.download(&transport, folder.at("a.csv"));
        assert_eq!(file_error_kind(result), FileErrorKind::Open);
        assert_eq!(transport.requests(), 0);
        assert_eq!((inode(folder.at(PART)), folder.names()), (before, names));
    }
}

/// Puts something in place of the metadata; checks that the whole file is downloaded.
#[track_caller]
fn assert_ignored_as_metadata(plant: impl Fn(&Folder, &Path)) {
    for client in BOTH_CLIENTS {
        let folder = interrupted();
        fs::remove_file(folder.at(METADATA)).unwrap();
        plant(&folder, &folder.at(METADATA));
        let transport = TestTransport::serving(&file());
        client.download(&transport, folder.at("a.csv")).unwrap();
        assert_eq!(transport.ranges(), [""]);
        assert_eq!(read(folder.at("a.csv")), file().bytes);
        assert!(!folder.names().iter().any(|name| name.starts_with('.')));
    }
}

#[test]
fn a_link_in_place_of_the_part_is_not_followed() {
    let folder = Folder::new();
    let victim = folder.with("victim", "precious");
    assert_refused_as_part(|_, part| symlink(&victim, part).unwrap());
    assert_eq!(read(&victim), b"precious");
    assert_refused_as_part(|folder, part| symlink(folder.at("nowhere"), part).unwrap());
}

#[test]
fn directories_and_pipes_in_place_of_the_part_are_refused() {
    assert_refused_as_part(|_, part| fs::create_dir(part).unwrap());
    assert_refused_as_part(|_, part| make_fifo(part));
}

#[test]
fn a_file_in_place_of_the_part_stays_until_bytes_arrive() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let part = folder.with(PART, "precious");
        Target::new(folder.at("a.csv")).check().unwrap();
        let transport = TestTransport::new(|_| Reply::of(404, ""));
        client.download(&transport, folder.at("a.csv")).unwrap_err();
        assert_eq!(read(&part), b"precious");
        assert_eq!(folder.names(), [PART]);
        let transport = TestTransport::serving(&file());
        client.download(&transport, folder.at("a.csv")).unwrap();
        assert_eq!(transport.ranges(), [""]);
        assert_eq!(read(folder.at("a.csv")), file().bytes);
        assert_eq!(folder.names(), ["a.csv"]);
    }
}

#[test]
fn a_file_in_place_of_the_metadata_stays_until_bytes_arrive() {
    for part in [None, Some("")] {
        for client in BOTH_CLIENTS {
            let folder = Folder::new();
            let metadata = folder.with(METADATA, "precious");
            part.into_iter().for_each(|part| drop(folder.with(PART, part)));
            Target::new(folder.at("a.csv")).check().unwrap();
            let transport = TestTransport::new(|_| Reply::of(404, ""));
            client.download(&transport, folder.at("a.csv")).unwrap_err();
            assert_eq!(read(&metadata), b"precious");
            client.download(&TestTransport::serving(&file()), folder.at("a.csv")).unwrap();
            assert_eq!(folder.names(), ["a.csv"]);
        }
    }
}

#[test]
fn a_link_in_place_of_the_metadata_is_not_followed() {
    let folder = interrupted();
    let victim = folder.at(METADATA);
    let metadata = read(&victim);
    assert_ignored_as_metadata(|_, planted| symlink(&victim, planted).unwrap());
    assert_eq!(read(&victim), metadata);
    assert_ignored_as_metadata(|folder, planted| symlink(folder.at("nowhere"), planted).unwrap());
}

#[test]
fn a_pipe_in_place_of_the_metadata_is_not_opened() {
    assert_ignored_as_metadata(|_, metadata| make_fifo(metadata));
}

#[test]
fn a_directory_in_place_of_the_metadata_is_an_error_and_kept() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        fs::create_dir(folder.at(METADATA)).unwrap();
        let transport = TestTransport::serving(&file());
        let result = client.download(&transport, folder.at("a.csv"));
        assert_eq!(file_error_kind(result), FileErrorKind::Directory);
        assert_eq!((transport.requests(), folder.names()), (0, vec![METADATA.to_owned()]));
    }
}

#[test]
fn a_link_put_in_place_of_the_metadata_during_the_download_is_not_followed() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let victim = folder.with("victim", "precious");
        let (planted, to) = (folder.at(METADATA), victim.clone());
        let transport = TestTransport::new(move |request| {
            symlink(&to, &planted).unwrap();
            file().answer(request)
        });
        client.download(&transport, folder.at("a.csv")).unwrap();
        assert_eq!(read(victim), b"precious");
        assert_eq!(folder.names(), ["a.csv", "victim"]);
    }
}

/// A process killed between linking the target and removing the part leaves both names.
#[test]
fn a_part_that_is_a_hard_link_to_the_target_is_never_written_to() {
    for client in BOTH_CLIENTS {
        let folder = interrupted();
        fs::hard_link(folder.at(PART), folder.at("a.csv")).unwrap();
        let result = client.download(&TestTransport::serving(&file()), folder.at("a.csv"));
        assert_eq!(file_error_kind(result), FileErrorKind::Exists);
        let target = Target::new(folder.at("a.csv")).replacing();
        let transport = TestTransport::faulty(&file(), [|reply| reply.broken(4), permanent_error]);
        client.download(&transport, target.clone()).unwrap_err();
        assert_eq!(transport.ranges(), ["", "bytes=4-"]);
        assert_eq!(read(folder.at("a.csv")), file().bytes[..10]);
        client.download(&TestTransport::serving(&file()), target).unwrap();
        assert_eq!(read(folder.at("a.csv")), file().bytes);
        assert_eq!(folder.names(), ["a.csv"]);
    }
}

#[test]
fn a_file_hard_linked_to_the_part_is_not_changed() {
    for client in BOTH_CLIENTS {
        let folder = interrupted();
        let victim = folder.with("victim", "precious");
        fs::remove_file(folder.at(PART)).unwrap();
        fs::hard_link(&victim, folder.at(PART)).unwrap();
        client.download(&TestTransport::serving(&file()), folder.at("a.csv")).unwrap();
        assert_eq!(read(victim), b"precious");
        assert_eq!(folder.names(), ["a.csv", "victim"]);
    }
}

#[test]
fn in_a_shared_folder_the_part_of_another_user_is_not_resumed() {
    for (mode, range) in [(0o1777, ""), (0o777, ""), (0o775, ""), (0o755, "bytes=10-")] {
        let folder = interrupted();
        let own = fs::metadata(folder.path()).unwrap().uid();
        if chown(folder.at(PART), Some(own + 12_345), None).is_err() {
            // The test harness hides `eprintln!` of tests that pass.
            let _ = io::stderr().write_all(b"skipped: only root can change the owner of a file\n");
            return;
        }
        fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
        let transport = TestTransport::serving(&file());
        ClientKind::Blocking.download(&transport, folder.at("a.csv")).unwrap();
        assert_eq!(transport.ranges(), [range], "{mode:o}");
        let owner = fs::metadata(folder.at("a.csv")).unwrap().uid();
        assert_eq!(owner == own, range.is_empty(), "{mode:o}");
    }
}

#[test]
fn in_a_shared_folder_an_own_part_is_resumed() {
    let folder = interrupted();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o1777)).unwrap();
    let transport = TestTransport::serving(&file());
    ClientKind::Blocking.download(&transport, folder.at("a.csv")).unwrap();
    assert_eq!(transport.ranges(), ["bytes=10-"]);
}

#[test]
fn a_sample_file_of_a_killed_download_does_not_prevent_resuming() {
    for client in BOTH_CLIENTS {
        let folder = interrupted();
        folder.with(NEW, "");
        let transport = TestTransport::serving(&file());
        client.download(&transport, folder.at("a.csv")).unwrap();
        assert_eq!(transport.ranges(), ["bytes=10-"]);
        assert_eq!(folder.names(), ["a.csv"]);
    }
}

#[test]
fn a_foreign_sample_file_is_kept_and_the_part_is_not_resumed() {
    let plants: [fn(&Folder); 3] = [
        |folder| drop(folder.with(NEW, "precious")),
        |folder| fs::create_dir(folder.at(NEW)).unwrap(),
        |folder| symlink(folder.at("nowhere"), folder.at(NEW)).unwrap(),
    ];
    for (client, plant) in
        BOTH_CLIENTS.into_iter().flat_map(|client| plants.map(|plant| (client, plant)))
    {
        let folder = interrupted();
        plant(&folder);
        let before = inode(folder.at(NEW));
        let transport = TestTransport::serving(&file());
        client.download(&transport, folder.at("a.csv")).unwrap();
        assert_eq!(transport.ranges(), [""]);
        assert_eq!(
            (inode(folder.at(NEW)), folder.names()),
            (before, vec![NEW.into(), "a.csv".into()])
        );
    }
}
