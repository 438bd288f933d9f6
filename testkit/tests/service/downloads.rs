//! The file, its URLs and the checks before a download.

use std::env::temp_dir;
use std::fs;
use std::io::ErrorKind;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::support::{
    Call, NOW, content, download, get, last_answer, send, service, serving, target, target_of,
};
use tcss_export_testkit::{Clock, DownloadFault, SeenAnswer, ServedFile, Service};

const RANGE_2_TO_4: &str = "Range: bytes=2-4\r\n";

#[track_caller]
fn refused(answer: &crate::support::Download, status: &str, code: &str) {
    assert_eq!((answer.status(), answer.element("Code")), (status, code));
    assert_eq!(answer.header("content-type"), Some("application/xml"));
}

fn poll(service: &Service) -> String {
    let answer = send(service, Call::job("job-1")).json();
    answer["DownloadURL"].as_str().expect("a URL").to_owned()
}

#[test]
fn a_success_has_a_url_of_the_file() {
    let service = service()
        .script("SUCCESS".parse().expect("a script"))
        .file(ServedFile::bytes("r 1.csv", content()))
        .start()
        .expect("a service");
    let expected = "/r%201.csv?q-sign-algorithm=sha1&q-ak=AKIDEXAMPLE\
                    &q-sign-time=1700000000%3B1700003600&q-key-time=1700000000%3B1700003600\
                    &q-header-list=host&q-url-param-list=&q-signature=EXAMPLE1";
    let first = target_of(&service, &poll(&service));
    assert_eq!(first, expected);
    assert_eq!(download(&service, &format!("GET {first}"), "").body, content());
    assert_ne!(target_of(&service, &poll(&service)), first);
}

#[test]
fn urls_may_start_with_the_address_of_a_proxy() {
    let service = serving("");
    service.set_file_base("https://proxy.example");
    let url = service.file_url().expect("a file");
    let target = url.strip_prefix("https://proxy.example").expect("the proxy's address");
    assert_eq!(download(&service, &format!("GET {target}"), "").status(), "200");
}

#[test]
fn a_success_with_its_own_url_keeps_it() {
    let service = service()
        .script("SUCCESS:https://h.example/a".parse().expect("a script"))
        .file(ServedFile::bytes("r.csv", content()))
        .start()
        .expect("a service");
    assert_eq!(poll(&service), "https://h.example/a");
}

#[test]
fn the_url_action_returns_a_url_of_the_file() {
    let service = service()
        .script("SUCCESS".parse().expect("a script"))
        .file(ServedFile::bytes("r.csv", content()))
        .start()
        .expect("a service");
    let call = Call::action("DescribeExportJobDownloadURL", r#"{"JobID":"job-1"}"#);
    let url = send(&service, call).json()["DownloadURL"].as_str().expect("a URL").to_owned();
    assert_eq!(
        download(&service, &format!("GET {}", target_of(&service, &url)), "").status(),
        "200"
    );
}

#[test]
fn a_download_has_all_headers_of_the_file() {
    let service = serving("");
    let answer = get(&service, "");
    assert_eq!((answer.status(), &answer.body), ("200", &content()));
    let crc64 = service.file_crc64().expect("a file").to_string();
    let etag = format!("\"{:016x}{:016x}\"", service.file_crc64().expect("a file"), 265);
    for (name, value) in [
        ("content-length", "265"),
        ("content-type", "text/csv"),
        ("content-disposition", "attachment; filename=\"r 1.csv\""),
        ("accept-ranges", "bytes"),
        ("last-modified", "Tue, 14 Nov 2023 22:13:20 GMT"),
        ("etag", &etag),
        ("x-cos-hash-crc64ecma", &crc64),
        ("x-cos-request-id", "00000000-7e57-4000-8000-000000000000"),
        ("date", "Tue, 14 Nov 2023 22:13:20 GMT"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
}

/// The check value of CRC-64/XZ, from the documentation of the storage.
#[test]
fn the_checksum_header_is_an_unsigned_decimal() {
    let file = ServedFile::bytes("r.csv", "123456789");
    let service = service().file(file).start().expect("a service");
    let answer = get(&service, "");
    assert_eq!(answer.header("x-cos-hash-crc64ecma"), Some("11051210869376104954"));
}

#[test]
fn settings_of_the_file_reach_its_headers() {
    let file = ServedFile::bytes("r.csv", content())
        .with_etag("\"EXAMPLE\"")
        .with_disposition("attachment; filename*=UTF-8''%C3%BC.csv")
        .without_crc();
    let service = service().file(file).start().expect("a service");
    let answer = get(&service, "");
    assert_eq!(answer.header("etag"), Some("\"EXAMPLE\""));
    assert_eq!(
        answer.header("content-disposition"),
        Some("attachment; filename*=UTF-8''%C3%BC.csv")
    );
    assert_eq!(answer.header("x-cos-hash-crc64ecma"), None);
}

#[test]
fn an_empty_disposition_omits_the_header() {
    let file = ServedFile::bytes("r.csv", content()).with_disposition("");
    let service = service().file(file).start().expect("a service");
    assert_eq!(get(&service, "").header("content-disposition"), None);
}

#[test]
fn an_empty_file_is_complete() {
    let service = service().file(ServedFile::bytes("r.csv", "")).start().expect("a service");
    let answer = get(&service, "");
    assert_eq!((answer.header("content-length"), answer.body.len()), (Some("0"), 0));
}

#[test]
fn the_answer_to_a_range_is_that_part() {
    let service = serving("");
    let answer = get(&service, RANGE_2_TO_4);
    assert_eq!((answer.status(), &*answer.body), ("206", &b"345"[..]));
    assert_eq!(answer.header("content-range"), Some("bytes 2-4/265"));
    assert_eq!(answer.header("content-length"), Some("3"));
    let crc64 = service.file_crc64().map(|crc64| crc64.to_string());
    assert_eq!(answer.header("x-cos-hash-crc64ecma"), crc64.as_deref());
}

#[test]
fn a_range_after_the_end_is_refused() {
    let answer = get(&serving(""), "Range: bytes=265-\r\n");
    refused(&answer, "416", "InvalidRange");
    assert_eq!(answer.header("content-range"), Some("bytes */265"));
}

#[test]
fn the_answer_to_a_range_with_the_current_etag_is_that_part() {
    let service = serving("");
    let etag = get(&service, "").header("etag").expect("an ETag").to_owned();
    let answer = get(&service, &format!("{RANGE_2_TO_4}If-Range: {etag}\r\n"));
    assert_eq!(answer.status(), "206");
}

#[test]
fn the_answer_to_a_range_with_another_etag_is_the_whole_file() {
    let answer = get(&serving(""), &format!("{RANGE_2_TO_4}If-Range: \"other\"\r\n"));
    assert_eq!((answer.status(), &answer.body), ("200", &content()));
}

#[test]
fn the_answer_to_a_range_with_a_weak_etag_is_the_whole_file() {
    let service = serving("WEAK,WEAK");
    let etag = get(&service, "").header("etag").expect("an ETag").to_owned();
    assert!(etag.starts_with("W/\""), "{etag}");
    let answer = get(&service, &format!("{RANGE_2_TO_4}If-Range: {etag}\r\n"));
    assert_eq!(answer.status(), "200");
}

#[test]
fn an_unknown_path_is_no_such_key() {
    let answer = download(&serving(""), "GET /other.csv?q-signature=EXAMPLE1", "");
    refused(&answer, "404", "NoSuchKey");
    assert_eq!(answer.element("Resource"), "/other.csv");
    assert_eq!(answer.header("x-cos-request-id"), Some(answer.element("RequestId")));
}

#[test]
fn a_url_with_one_changed_byte_is_refused() {
    let service = serving("");
    let changed = target(&service).replace("%3B", "%3b");
    refused(&download(&service, &format!("GET {changed}"), ""), "403", "SignatureDoesNotMatch");
}

#[test]
fn a_url_with_an_appended_parameter_is_refused() {
    let service = serving("");
    let changed = format!("GET {}&x=1", target(&service));
    refused(&download(&service, &changed, ""), "403", "SignatureDoesNotMatch");
}

#[test]
fn a_url_is_not_valid_for_head() {
    let service = serving("");
    let answer = download(&service, &format!("HEAD {}", target(&service)), "");
    assert_eq!(answer.status(), "403");
}

#[test]
fn a_url_is_not_valid_for_post() {
    let service = serving("");
    let answer = download(&service, &format!("POST {}", target(&service)), "");
    refused(&answer, "403", "SignatureDoesNotMatch");
}

#[test]
fn an_api_header_is_refused() {
    for header in ["Authorization: EXAMPLE\r\n", "X-TC-Action: EXAMPLE\r\n"] {
        refused(&get(&serving(""), header), "400", "InvalidRequest");
    }
}

#[test]
fn a_url_is_refused_after_its_window() {
    let time = Arc::new(AtomicI64::new(NOW));
    let clock = Arc::clone(&time);
    let service = service()
        .clock(Clock::from_fn(move || clock.load(Ordering::Relaxed)))
        .file(ServedFile::bytes("r.csv", content()).with_window(60))
        .start()
        .expect("a service");
    let request = format!("GET {}", target(&service));
    time.store(NOW + 60, Ordering::Relaxed);
    assert_eq!(download(&service, &request, "").status(), "200");
    time.store(NOW + 61, Ordering::Relaxed);
    let answer = download(&service, &request, "");
    refused(&answer, "403", "AccessDenied");
    assert_eq!(answer.element("Message"), "Request has expired");
    assert_eq!(get(&service, "").status(), "200");
}

#[test]
fn the_record_of_a_download_has_its_target_and_headers() {
    let service = serving("");
    let target = target(&service);
    download(&service, &format!("GET {target}"), "Accept-Encoding: identity\r\n");
    let seen = service.seen().remove(0);
    assert_eq!((seen.method.as_str(), seen.action, seen.job_id), ("GET", None, None));
    let request = seen.download.expect("a download");
    assert_eq!(request.target, target);
    assert_eq!(request.header("accept-encoding"), Some("identity"));
    let expected = SeenAnswer::Download { status: Some(200), fault: Some(DownloadFault::Ok) };
    assert_eq!(seen.answer, expected);
}

#[test]
fn the_record_of_a_refused_download_has_no_fault() {
    let service = serving("RESET");
    download(&service, "GET /other.csv", "");
    assert_eq!(last_answer(&service), SeenAnswer::Download { status: Some(404), fault: None });
}

#[test]
fn debug_output_of_a_download_has_no_query() {
    let service = serving("");
    get(&service, "Cookie: EXAMPLECOOKIE\r\n");
    let text = format!("{:?}", service.seen());
    assert!(text.contains("/r%201.csv") && !text.contains("EXAMPLE"), "{text}");
}

#[test]
fn a_file_does_not_change_the_path_of_the_api() {
    let service = serving("");
    assert_eq!(send(&service, Call::job("job-1")).json()["ExportStatus"], "RUNNING");
    assert!(service.seen()[0].download.is_none());
}

#[test]
fn a_service_without_a_file_has_no_url() {
    let service = service().start().expect("a service");
    assert_eq!((service.file_url(), service.file_crc64()), (None, None));
}

#[test]
fn a_file_on_disk_is_sent_as_it_is() {
    let path = temp_dir().join(format!("tcss-testkit-{}.csv", process::id()));
    let bytes: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(&path, &bytes).expect("a file");
    let service = service().file(ServedFile::path(&path)).start().expect("a service");
    let whole = get(&service, "");
    let part = get(&service, "Range: bytes=3999990-\r\n");
    fs::remove_file(&path).expect("the file");
    assert!(whole.body == bytes, "other bytes than on disk");
    assert_eq!(part.body, &bytes[3_999_990..]);
}

#[test]
fn a_made_up_file_of_11_mib_is_complete() {
    let file = ServedFile::made_up("r.csv", 11 * 1024 * 1024);
    let service = service().file(file).start().expect("a service");
    let whole = get(&service, "").body;
    assert_eq!(whole.len(), 11 * 1024 * 1024);
    let part = get(&service, "Range: bytes=1000000-3000020\r\n").body;
    assert!(part == whole[1_000_000..=3_000_020], "other bytes than in the whole");
}

#[track_caller]
fn not_started(file: ServedFile, kind: ErrorKind) {
    assert_eq!(service().file(file).start().expect_err("a service").kind(), kind);
}

#[test]
fn a_missing_file_is_an_error() {
    not_started(ServedFile::path("/nowhere/r.csv"), ErrorKind::NotFound);
}

#[test]
fn a_folder_is_an_error() {
    not_started(ServedFile::path(temp_dir()), ErrorKind::InvalidInput);
}

#[test]
fn a_file_without_a_name_is_an_error() {
    not_started(ServedFile::bytes("", ""), ErrorKind::InvalidInput);
}

#[test]
fn an_etag_of_two_lines_is_an_error() {
    not_started(ServedFile::bytes("r.csv", "").with_etag("a\r\nb"), ErrorKind::InvalidInput);
}
