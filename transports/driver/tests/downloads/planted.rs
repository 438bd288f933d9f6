//! What somebody else, or a crash, may have put where part and note belong.

use std::{
    fs::{self, Permissions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink},
    path::Path,
};

use tcss_export_driver::{FileErrorKind, Target};

use crate::{
    folder::{Folder, file_error_kind, inode, read},
    server::{File, Reply},
    targets::make_fifo,
    world::{BOTH, Loop, World, for_good},
};

const PART: &str = ".a.csv.part";
const NOTE: &str = ".a.csv.part.json";

fn file() -> File {
    File::new("id,status\r\n1,PASSED\r\n")
}

/// Leaves the first ten bytes of the file and the note of it.
fn left() -> Folder {
    let folder = Folder::new();
    let world = World::spoiling(&file(), [|reply| reply.broken(10), for_good]);
    Loop::Blocking.download(&world, folder.at("a.csv")).unwrap_err();
    folder
}

/// Puts something where the part belongs: it is refused before any request, and left alone.
#[track_caller]
fn assert_refused_as_part(plant: impl Fn(&Folder, &Path)) {
    for each in BOTH {
        let folder = Folder::new();
        plant(&folder, &folder.at(PART));
        let (before, names) = (inode(folder.at(PART)), folder.names());
        let world = World::serving(&file());
        let end = each.download(&world, folder.at("a.csv"));
        assert_eq!(file_error_kind(end), FileErrorKind::Open);
        assert_eq!(world.requests(), 0);
        assert_eq!((inode(folder.at(PART)), folder.names()), (before, names));
    }
}

/// Puts something where the note belongs, beside a part: the file comes whole all the same.
#[track_caller]
fn assert_passed_over_as_note(plant: impl Fn(&Folder, &Path)) {
    for each in BOTH {
        let folder = left();
        fs::remove_file(folder.at(NOTE)).unwrap();
        plant(&folder, &folder.at(NOTE));
        let world = World::serving(&file());
        each.download(&world, folder.at("a.csv")).unwrap();
        assert_eq!(world.ranges(), [""]);
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

/// Until there is something to put in its place.
#[test]
fn a_file_in_place_of_the_part_stays_as_long_as_nothing_comes() {
    for each in BOTH {
        let folder = Folder::new();
        let part = folder.with(PART, "precious");
        Target::new(folder.at("a.csv")).check().unwrap();
        let world = World::new(|_| Reply::of(404, ""));
        each.download(&world, folder.at("a.csv")).unwrap_err();
        assert_eq!(read(&part), b"precious");
        assert_eq!(folder.names(), [PART]);
        let world = World::serving(&file());
        each.download(&world, folder.at("a.csv")).unwrap();
        assert_eq!(world.ranges(), [""]);
        assert_eq!(read(folder.at("a.csv")), file().bytes);
        assert_eq!(folder.names(), ["a.csv"]);
    }
}

#[test]
fn a_file_in_place_of_the_note_stays_as_long_as_nothing_comes() {
    for part in [None, Some("")] {
        for each in BOTH {
            let folder = Folder::new();
            let note = folder.with(NOTE, "precious");
            part.into_iter().for_each(|part| drop(folder.with(PART, part)));
            Target::new(folder.at("a.csv")).check().unwrap();
            let world = World::new(|_| Reply::of(404, ""));
            each.download(&world, folder.at("a.csv")).unwrap_err();
            assert_eq!(read(&note), b"precious");
            each.download(&World::serving(&file()), folder.at("a.csv")).unwrap();
            assert_eq!(folder.names(), ["a.csv"]);
        }
    }
}

#[test]
fn a_link_in_place_of_the_note_is_not_followed() {
    let folder = left();
    let victim = folder.at(NOTE);
    let note = read(&victim);
    assert_passed_over_as_note(|_, planted| symlink(&victim, planted).unwrap());
    assert_eq!(read(&victim), note);
    assert_passed_over_as_note(|folder, planted| symlink(folder.at("nowhere"), planted).unwrap());
}

#[test]
fn a_pipe_in_place_of_the_note_is_not_opened() {
    assert_passed_over_as_note(|_, note| make_fifo(note));
}

#[test]
fn a_directory_in_place_of_the_note_is_told_and_left_alone() {
    for each in BOTH {
        let folder = Folder::new();
        fs::create_dir(folder.at(NOTE)).unwrap();
        let world = World::serving(&file());
        let end = each.download(&world, folder.at("a.csv"));
        assert_eq!(file_error_kind(end), FileErrorKind::Directory);
        assert_eq!((world.requests(), folder.names()), (0, vec![NOTE.to_owned()]));
    }
}

#[test]
fn a_link_put_in_place_of_the_note_meanwhile_is_not_followed() {
    for each in BOTH {
        let folder = Folder::new();
        let victim = folder.with("victim", "precious");
        let (planted, to) = (folder.at(NOTE), victim.clone());
        let world = World::new(move |request| {
            symlink(&to, &planted).unwrap();
            file().answer(request)
        });
        each.download(&world, folder.at("a.csv")).unwrap();
        assert_eq!(read(victim), b"precious");
        assert_eq!(folder.names(), ["a.csv", "victim"]);
    }
}

/// A kill between the link to the target and the removal of the part leaves both names.
#[test]
fn a_part_that_is_the_target_as_well_is_never_written_to() {
    for each in BOTH {
        let folder = left();
        fs::hard_link(folder.at(PART), folder.at("a.csv")).unwrap();
        let end = each.download(&World::serving(&file()), folder.at("a.csv"));
        assert_eq!(file_error_kind(end), FileErrorKind::Exists);
        let target = Target::new(folder.at("a.csv")).replacing();
        let world = World::spoiling(&file(), [|reply| reply.broken(4), for_good]);
        each.download(&world, target.clone()).unwrap_err();
        assert_eq!(world.ranges(), ["", "bytes=4-"]);
        assert_eq!(read(folder.at("a.csv")), file().bytes[..10]);
        each.download(&World::serving(&file()), target).unwrap();
        assert_eq!(read(folder.at("a.csv")), file().bytes);
        assert_eq!(folder.names(), ["a.csv"]);
    }
}

#[test]
fn a_file_that_the_part_is_a_hard_link_to_is_left_alone() {
    for each in BOTH {
        let folder = left();
        let victim = folder.with("victim", "precious");
        fs::remove_file(folder.at(PART)).unwrap();
        fs::hard_link(&victim, folder.at(PART)).unwrap();
        each.download(&World::serving(&file()), folder.at("a.csv")).unwrap();
        assert_eq!(read(victim), b"precious");
        assert_eq!(folder.names(), ["a.csv", "victim"]);
    }
}

#[test]
fn in_a_folder_that_others_write_to_a_part_of_somebody_else_is_given_up() {
    for (mode, range) in [(0o1777, ""), (0o777, ""), (0o775, ""), (0o755, "bytes=10-")] {
        let folder = left();
        let own = fs::metadata(folder.path()).unwrap().uid();
        if chown(folder.at(PART), Some(own + 12_345), None).is_err() {
            // Written past the capture of tests that pass.
            let _ = io::stderr().write_all(b"skipped: only root can give files away\n");
            return;
        }
        fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
        let world = World::serving(&file());
        Loop::Blocking.download(&world, folder.at("a.csv")).unwrap();
        assert_eq!(world.ranges(), [range], "{mode:o}");
        let owner = fs::metadata(folder.at("a.csv")).unwrap().uid();
        assert_eq!(owner == own, range.is_empty(), "{mode:o}");
    }
}

#[test]
fn in_a_folder_that_others_write_to_an_own_part_goes_on() {
    let folder = left();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o1777)).unwrap();
    let world = World::serving(&file());
    Loop::Blocking.download(&world, folder.at("a.csv")).unwrap();
    assert_eq!(world.ranges(), ["bytes=10-"]);
}
