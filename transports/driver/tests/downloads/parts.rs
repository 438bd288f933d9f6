//! How a later download goes on with what an earlier one has left.

use std::{fs, path::Path};

use tcss_export_core::download::{ErrorKind, Fault, Policy};

use crate::{
    folder::{Folder, read},
    server::{File, Reply},
    world::{BOTH, Loop, World, for_good, source},
};

const PART: &str = ".a.csv.part";
const NOTE: &str = ".a.csv.part.json";

fn file() -> File {
    File::new("id,status\r\n1,PASSED\r\n")
}

/// Leaves the first ten bytes of a file and the note of it.
fn left_by(file: &File) -> Folder {
    let folder = Folder::new();
    let world = World::spoiling(file, [|reply| reply.broken(10), for_good]);
    Loop::Blocking.download(&world, folder.at("a.csv")).unwrap_err();
    assert_eq!(read(folder.at(PART)), file.bytes[..10]);
    assert_eq!(folder.names(), [PART, NOTE]);
    folder
}

/// Downloads the file to where something is left, and returns which bytes were asked for.
#[track_caller]
fn ranges_to_go_on(each: Loop, folder: &Folder, file: &File) -> Vec<String> {
    let world = World::serving(file);
    each.download(&world, folder.at("a.csv")).unwrap();
    assert_eq!(read(folder.at("a.csv")), file.bytes);
    assert_eq!(folder.names(), ["a.csv"]);
    world.ranges()
}

/// Changes what is left, then goes on.
#[track_caller]
fn ranges_after(change: impl Fn(&Folder)) -> Vec<String> {
    let [one, other] = BOTH.map(|each| {
        let folder = left_by(&file());
        change(&folder);
        ranges_to_go_on(each, &folder, &file())
    });
    assert_eq!(one, other);
    one
}

fn rewrite(path: impl AsRef<Path>, change: impl Fn(String) -> String) {
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, change(text)).unwrap();
}

#[test]
fn a_later_download_goes_on_behind_what_is_there() {
    assert_eq!(ranges_after(|_| ()), ["bytes=10-"]);
}

#[test]
fn the_note_holds_no_secret() {
    let note = String::from_utf8(read(left_by(&file()).at(NOTE))).unwrap();
    assert!(note.contains("https://h.example/a.csv\""), "{note}");
    assert!(!note.contains("EXAMPLE") && !note.contains("signature"), "{note}");
}

#[test]
fn a_damaged_part_is_not_left_to_spoil_the_next_download() {
    for each in BOTH {
        let folder = left_by(&file());
        fs::write(folder.at(PART), "id,STATUS\r").unwrap();
        let mut policy = Policy::default();
        policy.max_failures = 0;
        let once = source().with_policy(policy);
        let (_, end) = each.told(&World::serving(&file()), once, folder.at("a.csv"));
        let kind = end.unwrap_err().download_error().unwrap().kind.clone();
        assert_eq!(kind, ErrorKind::Fault(Fault::Mismatch));
        assert!(folder.names().is_empty());
        assert_eq!(ranges_to_go_on(each, &folder, &file()), [""]);
    }
}

#[test]
fn a_part_without_a_byte_is_not_left() {
    for each in BOTH {
        let folder = Folder::new();
        let world = World::spoiling(&file(), [|reply| reply.broken(0), for_good]);
        each.download(&world, folder.at("a.csv")).unwrap_err();
        assert!(folder.names().is_empty());
    }
}

#[test]
fn a_part_without_a_note_counts_for_nothing() {
    assert_eq!(ranges_after(|folder| fs::remove_file(folder.at(NOTE)).unwrap()), [""]);
}

#[test]
fn a_note_without_a_part_counts_for_nothing() {
    assert_eq!(ranges_after(|folder| fs::remove_file(folder.at(PART)).unwrap()), [""]);
}

#[test]
fn an_empty_part_counts_for_nothing() {
    assert_eq!(ranges_after(|folder| fs::write(folder.at(PART), "").unwrap()), [""]);
}

#[test]
fn every_cut_or_foreign_note_counts_for_nothing() {
    let length = read(left_by(&file()).at(NOTE)).len();
    for end in [0, 1, length / 2, length - 1] {
        let ranges = ranges_after(|folder| rewrite(folder.at(NOTE), |note| note[..end].into()));
        assert_eq!(ranges, [""], "{end}");
    }
    for text in ["{}", "null", "\u{0}", "{\"tcss-export-part\":2}", &"[".repeat(100_000)] {
        assert_eq!(ranges_after(|folder| fs::write(folder.at(NOTE), text).unwrap()), [""]);
    }
    assert_eq!(ranges_after(|folder| fs::write(folder.at(NOTE), [0xff; 64]).unwrap()), [""]);
}

#[test]
fn a_note_of_another_object_counts_for_nothing() {
    let change = |note: String| note.replace("a.csv", "b.csv");
    assert_eq!(ranges_after(|folder| rewrite(folder.at(NOTE), change)), [""]);
}

#[test]
fn a_note_of_another_version_leads_to_the_whole_file() {
    let change = |note: String| note.replace("v1", "v0");
    assert_eq!(ranges_after(|folder| rewrite(folder.at(NOTE), change)), ["bytes=10-"]);
}

#[test]
fn a_tag_that_is_no_header_counts_for_nothing() {
    let change = |note: String| note.replace("\\\"v1\\\"", "\\\"v1\\\"\\r\\nX: y");
    assert_eq!(ranges_after(|folder| rewrite(folder.at(NOTE), change)), [""]);
}

#[test]
fn of_a_whole_part_the_last_byte_is_asked_for() {
    let change = |folder: &Folder| fs::write(folder.at(PART), file().bytes).unwrap();
    assert_eq!(ranges_after(change), ["bytes=20-"]);
}

#[test]
fn a_part_longer_than_the_file_is_cut() {
    let change = |folder: &Folder| {
        fs::write(folder.at(PART), [&file().bytes[..], b"and more"].concat()).unwrap();
    };
    assert_eq!(ranges_after(change), ["bytes=20-"]);
}

#[test]
fn bytes_that_have_changed_on_the_disk_are_found_out_and_fetched_again() {
    let change = |folder: &Folder| fs::write(folder.at(PART), "ID,STATUS\r").unwrap();
    assert_eq!(ranges_after(change), ["bytes=10-", ""]);
    let change = |folder: &Folder| fs::write(folder.at(PART), [0; 21]).unwrap();
    assert_eq!(ranges_after(change), ["bytes=20-", ""]);
}

#[test]
fn a_file_that_has_changed_on_the_server_starts_over() {
    for each in BOTH {
        let folder = left_by(&file());
        let changed = File::new("another").with_etag("\"v2\"");
        assert_eq!(ranges_to_go_on(each, &folder, &changed), ["bytes=10-"]);
    }
}

#[test]
fn d6_a_resume_met_by_200_throws_the_part_away() {
    for each in BOTH {
        let (old, new) = (File::new(vec![b'o'; 100]), File::new(vec![b'n'; 250]));
        let folder = Folder::new();
        let world = World::spoiling(&old, [|reply| reply.broken(99), for_good]);
        each.download(&world, folder.at("a.csv")).unwrap_err();
        let reply = new.clone();
        let world = World::new(move |_| Reply::of(200, reply.bytes.clone()));
        each.download(&world, folder.at("a.csv")).unwrap();
        assert_eq!(world.ranges(), ["bytes=99-"]);
        assert_eq!(read(folder.at("a.csv")), new.bytes);
    }
}

#[test]
fn d15_an_early_close_leaves_the_part_under_its_own_name() {
    for each in BOTH {
        let folder = Folder::new();
        let world = World::spoiling(&File::new("0123456789"), [|reply| reply.broken(3), for_good]);
        each.download(&world, folder.at("a.csv")).unwrap_err();
        assert_eq!(folder.names(), [PART, NOTE]);
        assert_eq!(read(folder.at(PART)), b"012");
    }
}

#[test]
fn a_refusal_keeps_the_part() {
    let spoilers: [fn(Reply) -> Reply; 3] =
        [|_| Reply::expired(), |_| Reply::of(404, ""), for_good];
    for (each, spoil) in BOTH.into_iter().flat_map(|each| spoilers.map(|spoil| (each, spoil))) {
        let folder = left_by(&file());
        each.download(&World::spoiling(&file(), [spoil]), folder.at("a.csv")).unwrap_err();
        assert_eq!(read(folder.at(PART)), file().bytes[..10]);
        assert_eq!(ranges_to_go_on(each, &folder, &file()), ["bytes=10-"]);
    }
}

#[test]
fn a_mismatch_of_the_whole_throws_part_and_note_away() {
    for each in BOTH {
        let folder = left_by(&file());
        let world = World::new(|_| {
            let reply = Reply::of(200, "another").with("etag", "\"v1\"");
            reply.with("x-cos-hash-crc64ecma", "1")
        });
        each.download(&world, folder.at("a.csv")).unwrap_err();
        assert!(folder.names().is_empty());
    }
}

#[test]
fn a_part_grows_with_each_download_that_breaks_off() {
    for each in BOTH {
        let folder = Folder::new();
        for end in (3..21).step_by(3) {
            let world = World::spoiling(&file(), [|reply| reply.broken(3), for_good]);
            each.download(&world, folder.at("a.csv")).unwrap_err();
            assert_eq!(read(folder.at(PART)), file().bytes[..end]);
        }
        assert_eq!(ranges_to_go_on(each, &folder, &file()), ["bytes=18-"]);
    }
}

#[test]
fn a_part_of_more_than_one_buffer_is_read_back() {
    for each in BOTH {
        let bytes: Vec<_> = (0..700_001_u32).map(|n| (n * 31 % 251) as u8).collect();
        let file = File::new(bytes);
        let folder = Folder::new();
        let world = World::spoiling(&file, [|reply| reply.broken(600_001), for_good]);
        each.download(&world, folder.at("a.csv")).unwrap_err();
        assert_eq!(ranges_to_go_on(each, &folder, &file), ["bytes=600001-"]);
    }
}
