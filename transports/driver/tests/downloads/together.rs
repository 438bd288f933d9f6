//! Two downloads to one target, and a part that disappears under its download.

use std::fs;

use tcss_export_driver::{FileErrorKind, Target, blocking};

use crate::{
    folder::{Folder, file_error_kind, read},
    server::File,
    world::{BOTH, Loop, World, blocking_client, client, run, source},
};

fn file() -> File {
    File::new("id,status\r\n1,PASSED\r\n")
}

fn other_file() -> File {
    File::new("id,status\r\n2,FAILED\r\n").with_etag("\"v2\"")
}

/// Serves a file four bytes at a time.
fn in_pieces(file: File) -> World {
    World::new(move |request| file.answer(request).in_pieces(4))
}

/// Begins a download and takes some of its events: the head, and pieces.
fn begun(file: File, target: &Target, events: usize) -> blocking::Download<World> {
    let download = blocking_client(in_pieces(file)).download(source(), target.clone());
    let mut download = download.unwrap();
    assert_eq!(download.by_ref().take(events).count(), events);
    download
}

#[test]
fn a_second_download_to_one_target_is_told_until_the_first_is_dropped() {
    for each in BOTH {
        let folder = Folder::new();
        let target = Target::new(folder.at("a.csv"));
        let first = begun(file(), &target, 3);
        let world = World::serving(&file());
        assert_eq!(file_error_kind(each.download(&world, target.clone())), FileErrorKind::Busy);
        assert_eq!(target.check().unwrap_err().kind(), FileErrorKind::Busy);
        assert_eq!(world.requests(), 0);
        assert_eq!(read(folder.at(".a.csv.part")), file().bytes[..8]);
        drop(first);
        each.download(&world, target).unwrap();
        assert_eq!(world.ranges(), ["bytes=8-"]);
        assert_eq!(read(folder.at("a.csv")), file().bytes);
    }
}

#[test]
fn a_download_that_has_not_begun_holds_nothing() {
    let folder = Folder::new();
    let target = Target::new(folder.at("a.csv"));
    let idle = begun(file(), &target, 0);
    Loop::Blocking.download(&World::serving(&file()), target).unwrap();
    assert_eq!(file_error_kind(idle.outcome()), FileErrorKind::Exists);
}

#[test]
fn targets_of_one_folder_do_not_touch_each_other() {
    let folder = Folder::new();
    let one = begun(file(), &folder.at("a.csv").into(), 3);
    let other = begun(other_file(), &folder.at("b.csv").into(), 3);
    one.outcome().unwrap();
    other.outcome().unwrap();
    assert_eq!(read(folder.at("a.csv")), file().bytes);
    assert_eq!(read(folder.at("b.csv")), other_file().bytes);
}

#[test]
fn what_grows_under_the_name_of_a_removed_part_is_not_taken_for_it() {
    for replaces in [false, true] {
        let folder = Folder::new();
        let target = Target::new(folder.at("a.csv"));
        let target = if replaces { target.replacing() } else { target };
        let first = begun(file(), &target, 3);
        fs::remove_file(folder.at(".a.csv.part")).unwrap();
        let second = begun(other_file(), &target, 3);
        assert_eq!(file_error_kind(first.outcome()), FileErrorKind::Rename);
        assert_eq!(folder.names(), [".a.csv.part", ".a.csv.part.json"]);
        second.outcome().unwrap();
        assert_eq!(read(folder.at("a.csv")), other_file().bytes);
    }
}

#[test]
fn a_part_that_is_of_no_use_is_removed_only_if_it_is_its_own() {
    let folder = Folder::new();
    let target = Target::new(folder.at("a.csv"));
    let first = begun(file().without_etag(), &target, 3);
    fs::remove_file(folder.at(".a.csv.part")).unwrap();
    let second = begun(other_file(), &target, 3);
    drop(first);
    assert_eq!(folder.names(), [".a.csv.part", ".a.csv.part.json"]);
    second.outcome().unwrap();
    assert_eq!(read(folder.at("a.csv")), other_file().bytes);
}

#[test]
fn a_download_whose_part_is_gone_leaves_the_note_of_the_next_one_alone() {
    let folder = Folder::new();
    let target = Target::new(folder.at("a.csv"));
    let mut count = 0;
    let world = World::new(move |request| {
        count += 1;
        let changed = File::new("changed").with_etag("\"v3\"");
        let file = if count == 1 { file() } else { changed };
        let reply = file.answer(request);
        if count == 1 { reply.broken(4) } else { reply }
    });
    let mut first = blocking_client(world).download(source(), target.clone()).unwrap();
    assert_eq!(first.by_ref().take(2).count(), 2);
    fs::remove_file(folder.at(".a.csv.part")).unwrap();
    let second = begun(other_file(), &target, 3);
    let note = read(folder.at(".a.csv.part.json"));
    assert_eq!(file_error_kind(first.outcome()), FileErrorKind::Write);
    assert_eq!(read(folder.at(".a.csv.part.json")), note);
    second.outcome().unwrap();
    assert_eq!(read(folder.at("a.csv")), other_file().bytes);
}

#[test]
fn an_async_download_holds_its_target_between_its_events() {
    run(async {
        let folder = Folder::new();
        let target = Target::new(folder.at("a.csv"));
        let world = in_pieces(file());
        let first = client(world).download(source(), target.clone());
        let mut first = first.unwrap();
        for _ in 0..3 {
            first.next().await.unwrap();
        }
        assert_eq!(target.check().unwrap_err().kind(), FileErrorKind::Busy);
        drop(first);
        target.check().unwrap();
        assert_eq!(read(folder.at(".a.csv.part")), file().bytes[..8]);
    });
}
