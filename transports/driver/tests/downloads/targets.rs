//! When and how a file gets its final name, and what it never replaces.

use std::{
    fs,
    os::{
        fd::AsRawFd,
        unix::fs::{FileTypeExt, symlink},
    },
    path::Path,
    process::Command,
};

use tcss_export_core::{TransportErrorKind, download::ErrorKind};
use tcss_export_driver::{DownloadError, FileErrorKind, Target};

use crate::{
    folder::{Folder, METADATA, PART, file, file_error_kind, inode, read},
    server::{File, Piece, Reply, crc64},
    transport::{BOTH_CLIENTS, ClientKind, TestTransport, permanent_error},
};

/// Returns the error of a target that both clients and `check` refuse before any request.
#[track_caller]
pub(crate) fn refusal(target: impl Into<Target>) -> FileErrorKind {
    let target = target.into();
    let transport = TestTransport::serving(&file());
    let [one, other] =
        BOTH_CLIENTS.map(|client| file_error_kind(client.download(&transport, target.clone())));
    assert_eq!(one, other);
    assert_eq!(target.check().expect_err("the error of the download").kind(), one);
    assert_eq!(transport.requests(), 0);
    one
}

pub(crate) fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
}

#[test]
fn a_successful_download_leaves_only_the_file() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let downloaded =
            client.download(&TestTransport::serving(&file()), folder.at("a.csv")).unwrap();
        assert_eq!((downloaded.bytes, downloaded.verified), (21, true));
        assert_eq!(downloaded.crc64, crc64(&file().bytes));
        assert_eq!(read(folder.at("a.csv")), file().bytes);
        assert_eq!(folder.names(), ["a.csv"]);
    }
}

#[test]
fn an_empty_file_is_saved() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        client.download(&TestTransport::serving(&File::new("")), folder.at("a.csv")).unwrap();
        assert_eq!(read(folder.at("a.csv")), b"");
        assert_eq!(folder.names(), ["a.csv"]);
    }
}

#[test]
fn the_final_name_appears_once_the_file_is_complete() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let (target, seen) = (folder.at("a.csv"), folder.at("a.csv"));
        let mut count = 0;
        let transport = TestTransport::new(move |request| {
            assert!(!seen.exists());
            count += 1;
            let reply = file().answer(request);
            if count < 3 { reply.broken(4) } else { reply }
        });
        client.download(&transport, &target).unwrap();
        assert_eq!(transport.ranges(), ["", "bytes=4-", "bytes=8-"]);
        assert_eq!(read(target), file().bytes);
    }
}

#[test]
fn an_existing_file_is_refused_before_any_request_and_kept() {
    let folder = Folder::new();
    let old = folder.with("a.csv", "old");
    let before = inode(&old);
    assert_eq!(refusal(&old), FileErrorKind::Exists);
    assert_eq!((read(&old), inode(&old)), (b"old".to_vec(), before));
    assert_eq!(folder.names(), ["a.csv"]);
}

#[test]
fn a_file_is_replaced_only_by_a_complete_one() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let old = folder.with("a.csv", "old");
        let target = Target::new(&old).replacing();
        let transport = TestTransport::faulty(&file(), [|reply| reply.broken(4), permanent_error]);
        client.download(&transport, target.clone()).unwrap_err();
        assert_eq!(read(&old), b"old");
        client.download(&TestTransport::serving(&file()), target).unwrap();
        assert_eq!(read(&old), file().bytes);
        assert_eq!(folder.names(), ["a.csv"]);
    }
}

/// Serves a file, and creates another one at the target during the request.
fn serving_after_creating(target: &Path, file: File) -> TestTransport {
    let target = target.to_owned();
    TestTransport::new(move |request| {
        fs::write(&target, "of another program").unwrap();
        file.answer(request)
    })
}

#[test]
fn a_file_created_during_the_download_is_kept() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let target = folder.at("a.csv");
        let transport = serving_after_creating(&target, file());
        assert_eq!(file_error_kind(client.download(&transport, &target)), FileErrorKind::Exists);
        assert_eq!(read(&target), b"of another program");
        assert_eq!(folder.names(), [PART, METADATA, "a.csv"]);
        Target::new(&target).replacing().check().unwrap();
        assert_eq!(read(folder.at(PART)), file().bytes);
        let transport = TestTransport::serving(&file());
        client.download(&transport, Target::new(&target).replacing()).unwrap();
        assert_eq!(transport.ranges(), ["bytes=20-"]);
        assert_eq!(read(&target), file().bytes);
        assert_eq!(folder.names(), ["a.csv"]);
    }
}

#[test]
fn a_complete_file_whose_name_is_taken_stays_as_the_part() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let target = folder.at("a.csv");
        let transport = serving_after_creating(&target, file().without_etag());
        assert_eq!(file_error_kind(client.download(&transport, &target)), FileErrorKind::Exists);
        assert_eq!(read(&target), b"of another program");
        assert_eq!(read(folder.at(PART)), file().bytes);
    }
}

#[test]
fn a_link_created_during_the_download_is_kept() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let target = folder.at("a.csv");
        let (meanwhile, nowhere) = (target.clone(), folder.at("nowhere"));
        let transport = TestTransport::new(move |request| {
            symlink(&nowhere, &meanwhile).unwrap();
            file().answer(request)
        });
        assert_eq!(file_error_kind(client.download(&transport, &target)), FileErrorKind::Exists);
        assert!(target.is_symlink());
        assert!(!folder.at("nowhere").exists());
    }
}

#[test]
fn devices_and_pipes_are_refused() {
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

/// Replacing it would affect the whole system.
#[test]
fn names_of_open_files_are_refused() {
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
fn a_link_is_refused_according_to_its_destination() {
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
fn replacing_a_link_keeps_its_destination() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let pointed = folder.with("pointed", "old");
        for (name, to) in [("one", &pointed), ("other", &folder.at("nowhere"))] {
            symlink(to, folder.at(name)).unwrap();
            let target = Target::new(folder.at(name)).replacing();
            client.download(&TestTransport::serving(&file()), target).unwrap();
            assert!(!folder.at(name).is_symlink());
            assert_eq!(read(folder.at(name)), file().bytes);
        }
        assert_eq!(read(pointed), b"old");
        assert_eq!(folder.names(), ["one", "other", "pointed"]);
    }
}

#[test]
fn a_missing_folder_is_refused_before_any_request() {
    let folder = Folder::new();
    assert_eq!(refusal(folder.at("none/a.csv")), FileErrorKind::Open);
    let file = folder.with("file", "");
    assert_eq!(refusal(file.join("a.csv")), FileErrorKind::Open);
    assert_eq!(folder.names(), ["file"]);
}

#[test]
fn an_error_before_the_first_byte_leaves_nothing() {
    let faults: [fn(Reply) -> Reply; 5] = [
        permanent_error,
        |_| Reply::unsent(TransportErrorKind::Permanent),
        |_| Reply::expired(),
        |_| Reply::of(404, "<Error><Code>NoSuchBucket</Code></Error>"),
        |reply| reply.with("content-encoding", "gzip"),
    ];
    for (client, fault) in
        BOTH_CLIENTS.into_iter().flat_map(|client| faults.map(|fault| (client, fault)))
    {
        let folder = Folder::new();
        let result = client.download(&TestTransport::faulty(&file(), [fault]), folder.at("a.csv"));
        assert!(matches!(result, Err(DownloadError::Download { .. })), "{result:?}");
        assert!(folder.names().is_empty());
    }
}

#[test]
fn another_checksum_leaves_nothing() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let transport =
            TestTransport::faulty(&file(), [|reply| reply.with("x-cos-hash-crc64ecma", "1")]);
        let result = client.download(&transport, folder.at("a.csv"));
        let Err(DownloadError::Download { error, .. }) = result else { panic!("{result:?}") };
        assert!(matches!(error.kind, ErrorKind::Mismatch { expected: 1, .. }), "{error}");
        assert!(folder.names().is_empty());
    }
}

#[test]
fn without_a_strong_tag_no_part_is_kept() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let file = file().without_etag();
        let transport = TestTransport::faulty(&file, [|reply| reply.broken(4), permanent_error]);
        client.download(&transport, folder.at("a.csv")).unwrap_err();
        assert!(folder.names().is_empty());
    }
}

#[test]
fn check_accepts_what_a_download_accepts_and_changes_nothing() {
    let folder = Folder::new();
    Target::new(folder.at("a.csv")).check().unwrap();
    assert!(folder.names().is_empty());
    let transport = TestTransport::faulty(&file(), [|reply| reply.broken(4), permanent_error]);
    ClientKind::Blocking.download(&transport, folder.at("a.csv")).unwrap_err();
    Target::new(folder.at("a.csv")).check().unwrap();
    assert_eq!(read(folder.at(PART)), file().bytes[..4]);
    let transport = TestTransport::serving(&file());
    ClientKind::Blocking.download(&transport, folder.at("a.csv")).unwrap();
    assert_eq!(transport.ranges(), ["bytes=4-"]);
}

/// Numbers that look random and are the same in each run (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }
}

/// Serves a file that changes at times, with faults in most of the replies.
fn unreliable(seed: u64, versions: [File; 2]) -> TestTransport {
    let (mut numbers, mut version) = (Numbers(seed), 0);
    TestTransport::new(move |request| {
        if numbers.below(8) == 0 {
            version = 1;
        }
        let file = &versions[version];
        let (reply, at) = (file.answer(request), numbers.below(32));
        match numbers.below(10) {
            0 => Reply::unsent(TransportErrorKind::Connection),
            1 => Reply::of(500, "<html>"),
            2 => reply.cut(at, Piece::Hang),
            3 => reply.with("x-cos-hash-crc64ecma", "1"),
            4 => Reply::expired(),
            5 | 6 => reply.broken(at),
            7 => Reply::of(200, file.bytes.clone()),
            _ => reply.in_pieces(1 + at),
        }
    })
}

#[test]
fn random_faults_leave_a_complete_file_or_none() {
    let versions = [file(), File::new("id,status\r\n2,FAILED\r\n").with_etag("\"v2\"")];
    for client in BOTH_CLIENTS {
        let (mut complete, mut failed) = (0, 0);
        for seed in 0..100 {
            let folder = Folder::new();
            let target = folder.at("a.csv");
            let transport = unreliable(seed, versions.clone());
            // The second download resumes the part of the first, if any.
            let results = [(); 2].map(|()| client.download(&transport, &target));
            if results.iter().any(Result::is_ok) {
                complete += 1;
                assert!(versions.iter().any(|file| read(&target) == file.bytes), "seed {seed}");
                assert_eq!(folder.names(), ["a.csv"], "seed {seed}");
            } else {
                failed += 1;
                assert!(!target.exists(), "seed {seed}");
            }
        }
        assert!(complete > 0 && failed > 0, "{complete} complete, {failed} failed");
    }
}
