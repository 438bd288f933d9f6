//! How a later download resumes the part of an earlier one.

use std::{fs, path::Path};

use tcss_export_core::download::{ErrorKind, Fault, Policy};

use crate::{
    folder::{Folder, METADATA, PART, file, interrupted, read},
    server::{File, Reply},
    transport::{BOTH_CLIENTS, ClientKind, TestTransport, permanent_error, source},
};

/// Resumes a part, and returns the range of each request.
#[track_caller]
fn ranges_of_resuming(client: ClientKind, folder: &Folder, file: &File) -> Vec<String> {
    let transport = TestTransport::serving(file);
    client.download(&transport, folder.at("a.csv")).unwrap();
    assert_eq!(read(folder.at("a.csv")), file.bytes);
    assert_eq!(folder.names(), ["a.csv"]);
    transport.ranges()
}

/// Changes a part, resumes it with both clients, and returns the range of each request.
#[track_caller]
fn ranges_after(change: impl Fn(&Folder)) -> Vec<String> {
    let [one, other] = BOTH_CLIENTS.map(|client| {
        let folder = interrupted();
        change(&folder);
        ranges_of_resuming(client, &folder, &file())
    });
    assert_eq!(one, other);
    one
}

fn rewrite(path: impl AsRef<Path>, change: impl Fn(String) -> String) {
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, change(text)).unwrap();
}

#[test]
fn a_later_download_resumes_the_part() {
    assert_eq!(ranges_after(|_| ()), ["bytes=10-"]);
}

#[test]
fn the_metadata_holds_no_secret() {
    let metadata = String::from_utf8(read(interrupted().at(METADATA))).unwrap();
    assert!(metadata.contains("https://h.example/a.csv\""), "{metadata}");
    for secret in ["EXAMPLE", "signature"] {
        assert!(!metadata.contains(secret), "{metadata}");
    }
}

#[test]
fn a_damaged_part_is_removed_if_the_download_fails() {
    for client in BOTH_CLIENTS {
        let folder = interrupted();
        fs::write(folder.at(PART), "id,STATUS\r").unwrap();
        let mut policy = Policy::default();
        policy.max_failures = 0;
        let once = source().with_policy(policy);
        let (_, result) =
            client.download_with_events(&TestTransport::serving(&file()), once, folder.at("a.csv"));
        let kind = result.unwrap_err().download_error().unwrap().kind.clone();
        assert_eq!(kind, ErrorKind::Fault(Fault::Mismatch));
        assert!(folder.names().is_empty());
        assert_eq!(ranges_of_resuming(client, &folder, &file()), [""]);
    }
}

#[test]
fn an_empty_part_is_removed() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let transport = TestTransport::faulty(&file(), [|reply| reply.broken(0), permanent_error]);
        client.download(&transport, folder.at("a.csv")).unwrap_err();
        assert!(folder.names().is_empty());
    }
}

#[test]
fn a_part_without_metadata_is_ignored() {
    assert_eq!(ranges_after(|folder| fs::remove_file(folder.at(METADATA)).unwrap()), [""]);
}

#[test]
fn metadata_without_a_part_is_ignored() {
    assert_eq!(ranges_after(|folder| fs::remove_file(folder.at(PART)).unwrap()), [""]);
}

#[test]
fn an_empty_part_is_ignored() {
    assert_eq!(ranges_after(|folder| fs::write(folder.at(PART), "").unwrap()), [""]);
}

#[test]
fn truncated_or_foreign_metadata_is_ignored() {
    let length = read(interrupted().at(METADATA)).len();
    for end in [0, 1, length / 2, length - 1] {
        let ranges = ranges_after(|folder| rewrite(folder.at(METADATA), |text| text[..end].into()));
        assert_eq!(ranges, [""], "{end}");
    }
    for text in ["{}", "null", "\u{0}", "{\"tcss-export-part\":2}", &"[".repeat(100_000)] {
        assert_eq!(ranges_after(|folder| fs::write(folder.at(METADATA), text).unwrap()), [""]);
    }
    assert_eq!(ranges_after(|folder| fs::write(folder.at(METADATA), [0xff; 64]).unwrap()), [""]);
}

#[test]
fn metadata_of_another_object_is_ignored() {
    let change = |text: String| text.replace("a.csv", "b.csv");
    assert_eq!(ranges_after(|folder| rewrite(folder.at(METADATA), change)), [""]);
}

#[test]
fn metadata_with_another_tag_leads_to_the_whole_file() {
    let change = |text: String| text.replace("v1", "v0");
    assert_eq!(ranges_after(|folder| rewrite(folder.at(METADATA), change)), ["bytes=10-"]);
}

#[test]
fn metadata_with_a_tag_that_is_not_a_header_value_is_ignored() {
    let change = |text: String| text.replace("\\\"v1\\\"", "\\\"v1\\\"\\r\\nX: y");
    assert_eq!(ranges_after(|folder| rewrite(folder.at(METADATA), change)), [""]);
}

#[test]
fn a_complete_part_requests_its_last_byte_again() {
    let change = |folder: &Folder| fs::write(folder.at(PART), file().bytes).unwrap();
    assert_eq!(ranges_after(change), ["bytes=20-"]);
}

#[test]
fn a_part_longer_than_the_file_is_truncated() {
    let change = |folder: &Folder| {
        fs::write(folder.at(PART), [&file().bytes[..], b"and more"].concat()).unwrap();
    };
    assert_eq!(ranges_after(change), ["bytes=20-"]);
}

#[test]
fn a_part_changed_on_the_disk_is_detected_and_downloaded_again() {
    let change = |folder: &Folder| fs::write(folder.at(PART), "ID,STATUS\r").unwrap();
    assert_eq!(ranges_after(change), ["bytes=10-", ""]);
    let change = |folder: &Folder| fs::write(folder.at(PART), [0; 21]).unwrap();
    assert_eq!(ranges_after(change), ["bytes=20-", ""]);
}

#[test]
fn a_file_changed_on_the_server_starts_over() {
    for client in BOTH_CLIENTS {
        let folder = interrupted();
        let changed = File::new("another").with_etag("\"v2\"");
        assert_eq!(ranges_of_resuming(client, &folder, &changed), ["bytes=10-"]);
    }
}

#[test]
fn a_whole_answer_to_a_range_request_replaces_the_part() {
    for client in BOTH_CLIENTS {
        let (old, new) = (File::new(vec![b'o'; 100]), File::new(vec![b'n'; 250]));
        let folder = Folder::new();
        let transport = TestTransport::faulty(&old, [|reply| reply.broken(99), permanent_error]);
        client.download(&transport, folder.at("a.csv")).unwrap_err();
        let reply = new.clone();
        let transport = TestTransport::new(move |_| Reply::of(200, reply.bytes.clone()));
        client.download(&transport, folder.at("a.csv")).unwrap();
        assert_eq!(transport.ranges(), ["bytes=99-"]);
        assert_eq!(read(folder.at("a.csv")), new.bytes);
    }
}

#[test]
fn an_early_close_leaves_the_part_and_its_metadata() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        let transport = TestTransport::faulty(
            &File::new("0123456789"),
            [|reply| reply.broken(3), permanent_error],
        );
        client.download(&transport, folder.at("a.csv")).unwrap_err();
        assert_eq!(folder.names(), [PART, METADATA]);
        assert_eq!(read(folder.at(PART)), b"012");
    }
}

#[test]
fn a_refusal_keeps_the_part() {
    let faults: [fn(Reply) -> Reply; 3] =
        [|_| Reply::expired(), |_| Reply::of(410, ""), permanent_error];
    for (client, fault) in
        BOTH_CLIENTS.into_iter().flat_map(|client| faults.map(|fault| (client, fault)))
    {
        let folder = interrupted();
        client.download(&TestTransport::faulty(&file(), [fault]), folder.at("a.csv")).unwrap_err();
        assert_eq!(read(folder.at(PART)), file().bytes[..10]);
        assert_eq!(ranges_of_resuming(client, &folder, &file()), ["bytes=10-"]);
    }
}

#[test]
fn a_mismatch_of_a_whole_answer_removes_the_part_and_its_metadata() {
    for client in BOTH_CLIENTS {
        let folder = interrupted();
        let transport = TestTransport::new(|_| {
            let reply = Reply::of(200, "another").with("etag", "\"v1\"");
            reply.with("x-cos-hash-crc64ecma", "1")
        });
        client.download(&transport, folder.at("a.csv")).unwrap_err();
        assert!(folder.names().is_empty());
    }
}

#[test]
fn a_part_grows_with_each_interrupted_download() {
    for client in BOTH_CLIENTS {
        let folder = Folder::new();
        for end in (3..21).step_by(3) {
            let transport =
                TestTransport::faulty(&file(), [|reply| reply.broken(3), permanent_error]);
            client.download(&transport, folder.at("a.csv")).unwrap_err();
            assert_eq!(read(folder.at(PART)), file().bytes[..end]);
        }
        assert_eq!(ranges_of_resuming(client, &folder, &file()), ["bytes=18-"]);
    }
}

#[test]
fn a_part_larger_than_one_buffer_is_resumed() {
    for client in BOTH_CLIENTS {
        let bytes: Vec<_> = (0..700_001_u32).map(|n| (n * 31 % 251) as u8).collect();
        let file = File::new(bytes);
        let folder = Folder::new();
        let transport =
            TestTransport::faulty(&file, [|reply| reply.broken(600_001), permanent_error]);
        client.download(&transport, folder.at("a.csv")).unwrap_err();
        assert_eq!(ranges_of_resuming(client, &folder, &file), ["bytes=600001-"]);
    }
}
