//! Locks: two downloads to one target, and a part file that is removed during its download.

use std::fs;

use tcss_export_driver::{FileErrorKind, Target, blocking};

use crate::{
    folder::{Folder, METADATA, PART, file, file_error, file_error_kind, read},
    server::File,
    transport::{
        BOTH_CLIENTS, ClientKind, TestTransport, async_client, block_on, blocking_client, source,
    },
};

fn other_file() -> File {
    File::new("id,status\r\n2,FAILED\r\n").with_etag("\"v2\"")
}

/// Serves a file four bytes at a time.
fn in_pieces(file: File) -> TestTransport {
    TestTransport::new(move |request| file.answer(request).in_pieces(4))
}

/// Starts a download and takes this many of its events.
fn started(file: File, target: &Target, events: usize) -> blocking::Download<TestTransport> {
    let download = blocking_client(in_pieces(file)).download(source(), target.clone());
    let mut download = download.unwrap();
    assert_eq!(download.by_ref().take(events).count(), events);
    download
}

#[test]
fn a_second_download_to_one_target_is_refused_until_the_first_is_dropped() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let target = Target::new(folder.at("a.csv"));
        let first = started(file(), &target, 3);
        let transport = TestTransport::serving(&file());
        assert_eq!(
            file_error_kind(client.download(&transport, target.clone())),
            FileErrorKind::Busy
        );
        assert_eq!(target.check().unwrap_err().kind(), FileErrorKind::Busy);
        assert_eq!(transport.requests(), 0);
        assert_eq!(read(folder.at(PART)), file().bytes[..8]);
        drop(first);
        client.download(&transport, target).unwrap();
        assert_eq!(transport.ranges(), ["bytes=8-"]);
        assert_eq!(read(folder.at("a.csv")), file().bytes);
    }
}

#[test]
fn a_truncated_or_extended_part_file_is_not_renamed() {
    for length in [0, 5, 30] {
        let folder = Folder::new();
        let target = Target::new(folder.at("a.csv"));
        let download = started(file(), &target, 3);
        let part = fs::OpenOptions::new().write(true).open(folder.at(PART)).unwrap();
        part.set_len(length).unwrap();
        let error = file_error(download.outcome());
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(source, "its length was changed during the download", "{length}");
        assert!(!folder.at("a.csv").exists());
        // A later download reads the bytes again, and its checksum shows that they are wrong.
        ClientKind::Blocking.download(&TestTransport::serving(&file()), target).unwrap();
        assert_eq!(read(folder.at("a.csv")), file().bytes);
    }
}

#[test]
fn a_download_that_has_not_started_does_not_lock_its_target() {
    let folder = Folder::new();
    let target = Target::new(folder.at("a.csv"));
    let idle = started(file(), &target, 0);
    ClientKind::Blocking.download(&TestTransport::serving(&file()), target).unwrap();
    assert_eq!(file_error_kind(idle.outcome()), FileErrorKind::Exists);
}

#[test]
fn downloads_to_one_folder_do_not_affect_each_other() {
    let folder = Folder::new();
    let one = started(file(), &folder.at("a.csv").into(), 3);
    let other = started(other_file(), &folder.at("b.csv").into(), 3);
    one.outcome().unwrap();
    other.outcome().unwrap();
    assert_eq!(read(folder.at("a.csv")), file().bytes);
    assert_eq!(read(folder.at("b.csv")), other_file().bytes);
}

#[test]
fn a_download_whose_part_was_removed_does_not_use_the_part_of_another() {
    for replaces in [false, true] {
        let folder = Folder::new();
        let target = Target::new(folder.at("a.csv"));
        let target = if replaces { target.replacing() } else { target };
        let first = started(file(), &target, 3);
        fs::remove_file(folder.at(PART)).unwrap();
        let second = started(other_file(), &target, 3);
        assert_eq!(file_error_kind(first.outcome()), FileErrorKind::Rename);
        assert_eq!(folder.names(), [PART, METADATA]);
        second.outcome().unwrap();
        assert_eq!(read(folder.at("a.csv")), other_file().bytes);
    }
}

#[test]
fn a_dropped_download_removes_only_its_own_part() {
    let folder = Folder::new();
    let target = Target::new(folder.at("a.csv"));
    let first = started(file().without_etag(), &target, 3);
    fs::remove_file(folder.at(PART)).unwrap();
    let second = started(other_file(), &target, 3);
    drop(first);
    assert_eq!(folder.names(), [PART, METADATA]);
    second.outcome().unwrap();
    assert_eq!(read(folder.at("a.csv")), other_file().bytes);
}

#[test]
fn a_download_whose_part_was_removed_keeps_the_metadata_of_another() {
    let folder = Folder::new();
    let target = Target::new(folder.at("a.csv"));
    let mut count = 0;
    let transport = TestTransport::new(move |request| {
        count += 1;
        let changed = File::new("changed").with_etag("\"v3\"");
        let file = if count == 1 { file() } else { changed };
        let reply = file.answer(request);
        if count == 1 { reply.broken(4) } else { reply }
    });
    let mut first = blocking_client(transport).download(source(), target.clone()).unwrap();
    assert_eq!(first.by_ref().take(2).count(), 2);
    fs::remove_file(folder.at(PART)).unwrap();
    let second = started(other_file(), &target, 3);
    let metadata = read(folder.at(METADATA));
    assert_eq!(file_error_kind(first.outcome()), FileErrorKind::Write);
    assert_eq!(read(folder.at(METADATA)), metadata);
    second.outcome().unwrap();
    assert_eq!(read(folder.at("a.csv")), other_file().bytes);
}

#[test]
fn an_async_download_locks_its_target_between_events() {
    block_on(async {
        let folder = Folder::new();
        let target = Target::new(folder.at("a.csv"));
        let transport = in_pieces(file());
        let first = async_client(transport).download(source(), target.clone());
        let mut first = first.unwrap();
        for _ in 0..3 {
            first.next().await.unwrap();
        }
        assert_eq!(target.check().unwrap_err().kind(), FileErrorKind::Busy);
        drop(first);
        target.check().unwrap();
        assert_eq!(read(folder.at(PART)), file().bytes[..8]);
    });
}
