//! The field cases of downloads, as far as they show without a socket and a disk.

use std::time::Duration;

use tcss_export::{
    actions::DescribeExportJobResult,
    core::{
        ClockOffset, Mono, Now, Wall,
        download::{self, Download, Opening, Received, Step},
        read_answer,
    },
    download::{ErrorKind, EventKind, Fault, Policy},
    driver::TransportErrorKind,
};

use crate::{
    server::{Answer, CRC64, File, Play, crc64, digits, xml},
    trial::{Due, TIME, Trial, download, trial, url},
    with::with,
};

/// The URL of D2 and D3.
const SIGNED: &str = "https://export-1250000000.cos.ap-guangzhou.myqcloud.com/p%2Fq%2B(1)%20x.csv\
    ?q-sign-time=1699979400;1699983000&k=a%2Bb";

fn of_url(text: &str) -> Trial {
    Trial::of(Download::new(url(text), &Policy::default(), 7, Mono::default()).unwrap())
}

#[track_caller]
fn error(trial: &mut Trial) -> download::Error {
    trial.outcome().expect_err("no whole file")
}

#[test]
fn d1_a_refusal_opens_no_file_and_its_xml_is_read() {
    let mut trial = trial();
    trial.answer(&Answer::new(
        403,
        &[("content-type", "application/xml")],
        "<Error><Code>AccessDenied</Code><Message>Request has expired</Message><RequestId>x-1\
         </RequestId></Error>",
    ));
    assert_eq!(trial.past[0].opening, Some(Opening::Read));
    assert_eq!(trial.sink, b"");
    let error = error(&mut trial);
    let ErrorKind::Expired { refusal: Some(refusal) } = &error.kind else { panic!("{error:?}") };
    assert_eq!(refusal.status, 403);
    assert_eq!(refusal.code.as_deref(), Some("AccessDenied"));
    assert_eq!(refusal.message.as_deref(), Some("Request has expired"));
    assert_eq!(refusal.request_id.as_deref(), Some("x-1"));
    assert_eq!(
        error.to_string(),
        "the URL has expired: the file server answered AccessDenied: Request has expired (HTTP \
         status 403, request id x-1) (requests: 1, 0.0 s)"
    );
}

#[test]
fn d1_no_answer_of_an_error_is_taken_for_the_file() {
    for (status, code) in [(404, "NoSuchKey"), (404, "NoSuchBucket"), (405, "MethodNotAllowed")] {
        let mut trial = trial();
        trial.answer(&xml(status, code, "m"));
        assert!(trial.sink.is_empty());
        let ErrorKind::Refused(refusal) = error(&mut trial).kind else { panic!("{code}") };
        assert_eq!(refusal.code.as_deref(), Some(code));
    }
}

#[test]
fn d2_an_expired_url_is_typed_and_leads_to_a_new_one_once() {
    let mut trial = Trial::of(download(&Policy::default()).with_new_urls());
    let kind = &trial.serve(&digits(), Play::Expired).kind;
    assert!(matches!(kind, EventKind::NeedsUrl { refusal: Some(_) }), "{kind:?}");
    assert_eq!(trial.rest(), Due::NewUrl);
    let event = trial.download.new_url(trial.mono(), url("https://h.example/a.csv?q=EXAMPLE2"));
    assert_eq!(event.kind, EventKind::NewUrl);
    trial.serve(&digits(), Play::Expired);
    assert!(matches!(error(&mut trial).kind, ErrorKind::Expired { refusal: Some(_) }));
    assert_eq!(trial.past.len(), 2);
}

#[test]
fn d2_a_url_whose_own_time_is_over_is_not_sent() {
    for (seconds, offset, is_sent) in
        [(0, 3_600_000, true), (0, 3_600_001, false), (3_601, 0, false), (3_700, -100_000, true)]
    {
        let mut trial = of_url(SIGNED);
        let now = Now { wall: Wall::from_unix_seconds(TIME + seconds), mono: trial.mono() };
        let started = trial.download.start(now, ClockOffset::from_millis(offset));
        assert_eq!(started.is_ok(), is_sent, "{seconds} s, offset {offset} ms");
        if !is_sent {
            assert_eq!(started.unwrap_err().kind, EventKind::Ended);
            let error = error(&mut trial);
            assert_eq!(error.kind, ErrorKind::Expired { refusal: None });
            assert_eq!(error.to_string(), "the URL has expired (requests: 0, 0.0 s)");
        }
    }
}

#[test]
fn d3_the_target_is_the_urls_text_from_its_path_on() {
    let request = of_url(SIGNED).start();
    let target = request.uri().path_and_query().map(|target| target.as_str());
    let expected = "/p%2Fq%2B(1)%20x.csv?q-sign-time=1699979400;1699983000&k=a%2Bb";
    assert_eq!(target, Some(expected));
    assert_eq!(request.uri().scheme_str(), Some("https"));
    let host = "export-1250000000.cos.ap-guangzhou.myqcloud.com";
    assert_eq!(request.uri().authority().map(|authority| authority.as_str()), Some(host));
    assert_eq!(request.headers()["host"], host);
}

#[test]
fn d4_a_request_has_these_headers_and_no_others() {
    let mut trial = trial();
    trial.play(&digits(), &[Play::Cut(3), Play::Well]);
    let headers = |exchange: usize| {
        let headers = trial.past[exchange].request.headers().iter();
        let mut headers: Vec<_> =
            headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        headers.sort_unstable();
        headers
    };
    assert_eq!(headers(0), [("accept-encoding", "identity"), ("host", "h.example")]);
    let expected = [
        ("accept-encoding", "identity"),
        ("host", "h.example"),
        ("if-range", "\"v1\""),
        ("range", "bytes=3-"),
    ];
    assert_eq!(headers(1), expected);
}

#[test]
fn d5_the_first_request_is_the_download_itself() {
    let mut trial = trial();
    trial.serve(&digits(), Play::Well);
    assert_eq!(trial.past.len(), 1);
    assert_eq!(trial.past[0].request.method(), "GET");
    assert_eq!(trial.outcome().unwrap().report.requests, 1);
}

#[test]
fn d6_a_whole_answer_to_a_range_starts_over() {
    let mut trial = trial();
    trial.serve(&File::new(vec![b'a'; 200]), Play::Cut(100));
    assert_eq!(trial.sink, [b'a'; 100]);
    trial.serve(&File::new(vec![b'b'; 250]), Play::Whole);
    assert_eq!(trial.past[1].request.headers()["range"], "bytes=100-");
    assert_eq!(trial.past[1].opening, Some(Opening::StartOver));
    assert_eq!(trial.sink, [b'b'; 250]);
    let downloaded = trial.outcome().unwrap();
    assert_eq!((downloaded.bytes, downloaded.report.restarts), (250, 1));
    assert_eq!(downloaded.report.resumes, 0);
}

#[test]
fn d7_the_checksum_is_compared() {
    let mut trial = trial();
    trial.answer(&Answer::new(
        200,
        &[("content-length", "9"), ("x-cos-hash-crc64ecma", "11051210869376104954")],
        "123456789",
    ));
    let downloaded = trial.outcome().unwrap();
    assert_eq!((downloaded.crc64, downloaded.verified), (11_051_210_869_376_104_954, true));
}

#[test]
fn d7_without_a_checksum_the_length_is() {
    let mut trial = trial();
    trial.serve(&digits().without_crc(), Play::Well);
    let downloaded = trial.outcome().unwrap();
    assert_eq!((downloaded.bytes, downloaded.verified), (9, false));
    assert_eq!(downloaded.crc64, crc64(b"123456789"));
}

#[test]
fn d7_another_checksum_is_a_mismatch() {
    let mut trial = trial();
    trial.serve(&digits(), Play::WrongCrc);
    let error = error(&mut trial);
    let computed = 11_051_210_869_376_104_954;
    assert_eq!(error.kind, ErrorKind::Mismatch { expected: 1, computed });
    assert_eq!(
        error.to_string(),
        "expected the CRC-64 1, got 11051210869376104954 (requests: 1, 0.0 s, 9 of 9 bytes)"
    );
}

#[test]
fn d7_what_is_no_checksum_is_none() {
    for text in ["", "x", "-1", "+1", "18446744073709551616", "0x1", "1 2"] {
        let mut trial = trial();
        let answer = Answer::new(200, &[("content-length", "1")], "x").with(CRC64, text);
        trial.answer(&answer);
        assert!(!trial.outcome().unwrap().verified, "{text:?}");
    }
}

#[test]
fn d8_identity_is_asked_for_and_another_coding_is_named() {
    let mut trial = trial();
    trial.serve(&digits(), Play::Gzip);
    assert_eq!(trial.past[0].request.headers()["accept-encoding"], "identity");
    assert_eq!(trial.past[0].opening, Some(Opening::Drop));
    assert_eq!(trial.sink, b"");
    let error = error(&mut trial);
    assert_eq!(error.kind, ErrorKind::Coding("gzip".into()));
    assert_eq!(
        error.to_string(),
        "the file has the content encoding gzip, not identity (requests: 1, 0.0 s)"
    );
}

#[test]
fn d8_a_coding_of_a_part_is_an_error_too() {
    let mut trial = trial();
    trial.play(&digits(), &[Play::Cut(3), Play::Gzip]);
    assert_eq!(error(&mut trial).kind, ErrorKind::Coding("gzip".into()));
    assert_eq!(trial.sink, b"123");
}

#[test]
fn d8_identity_is_no_coding() {
    let mut trial = trial();
    let answer = Answer::new(200, &[("content-length", "1")], "x");
    trial.answer(&answer.with("content-encoding", "Identity"));
    assert_eq!(trial.outcome().unwrap().bytes, 1);
}

#[test]
fn d9_eleven_mebibytes_arrive_whole() {
    let file = File::new(vec![b'x'; 11 << 20]);
    let mut trial = trial();
    trial.piece = 1 << 16;
    trial.serve(&file, Play::Well);
    assert_eq!(trial.outcome().unwrap().bytes, 11_534_336);
    assert!(trial.sink == file.bytes);
}

#[test]
fn d10_slow_is_not_stalled() {
    let mut download = download(&Policy::default());
    let at = |seconds| Mono::from_origin(Duration::from_secs(seconds));
    download.start(Now::default(), ClockOffset::default()).unwrap();
    let length = (600 * 1_024).to_string();
    let answer = Answer::new(200, &[("content-length", &length)], "");
    download.head(at(0), answer.head.as_ref().unwrap());
    for second in 1..=600 {
        let limit = Step::WaitUntil(at(second - 1 + Policy::STALL_LIMIT.as_secs()));
        assert_eq!(download.step(at(second)), limit);
        assert_eq!(download.body(at(second), &[0; 1_024]), Received::Write(&[0; 1_024]));
    }
    assert_eq!(download.ended(at(600), Ok(())).kind, EventKind::Ended);
    assert_eq!(download.finish().unwrap().report.elapsed, Duration::from_secs(600));
}

#[test]
fn d10_no_byte_for_the_stall_limit_is_a_stall() {
    let policy = with(Policy::default(), |p| p.max_failures = 0);
    let mut trial = Trial::new(&policy);
    trial.serve(&digits(), Play::Stall(3));
    assert_eq!(trial.now, Policy::STALL_LIMIT + Duration::from_millis(40));
    let error = error(&mut trial);
    assert_eq!(error.kind, ErrorKind::Fault(Fault::Stalled));
    assert_eq!(error.to_string(), "downloading failed (requests: 1, 60.0 s, 3 of 9 bytes)");
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "no byte came within the stall limit");
}

#[test]
fn d10_there_is_no_limit_of_the_whole_download_unless_it_is_set() {
    assert_eq!(Policy::default().total_limit, None);
    let mut trial = Trial { now: Duration::from_secs(86_400 * 365), ..trial() };
    trial.serve(&digits(), Play::Well);
    assert_eq!(trial.outcome().unwrap().bytes, 9);
}

#[test]
fn d12_escapes_of_json_are_read_before_it_is_a_url() {
    let body = r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https:\/\/h.example\/a?x=1\u0026y=2"}}"#;
    let answer = read_answer::<DescribeExportJobResult>(&http::Response::new(body)).unwrap();
    let url = answer.response.download_url.unwrap();
    assert_eq!(url.as_str(), "https://h.example/a?x=1&y=2");
    let request = of_url(url.as_str()).start();
    assert_eq!(request.uri().to_string(), "https://h.example/a?x=1&y=2");
}

#[test]
fn d13_nothing_is_added_to_a_query() {
    let request = of_url("https://h.example/a?sign=abc").start();
    assert_eq!(request.uri().to_string(), "https://h.example/a?sign=abc");
}

#[test]
fn d14_bytes_stay_as_they_are() {
    let file = b"\xef\xbb\xbfid,name\r\n17,abcd\r\n";
    assert_eq!(file.len(), 21);
    for piece in [1, 2, 21] {
        let mut trial = Trial { piece, ..trial() };
        trial.serve(&File::new(&file[..]), Play::Well);
        assert_eq!(trial.sink, file);
    }
}

#[test]
fn d15_an_early_close_is_incomplete_and_its_part_can_be_resumed() {
    let mut trial = Trial::new(&with(Policy::default(), |p| p.max_failures = 0));
    trial.serve(&File::new("0123456789"), Play::Cut(3));
    let error = error(&mut trial);
    assert_eq!(error.kind, ErrorKind::Fault(Fault::Incomplete));
    assert_eq!((error.report.bytes, error.report.total), (3, Some(10)));
    let source = std::error::Error::source(&error).unwrap();
    let expected = "the answer was incomplete: it ended before the file did";
    assert_eq!(source.to_string(), expected);
    assert_eq!(trial.sink, b"012");
    assert!(trial.download.metadata().is_some());
}

/// Some transports take the end of a connection for the end of the body.
#[test]
fn d15_a_body_that_is_too_short_is_incomplete_however_it_ends() {
    for end in [Ok(()), Err(TransportErrorKind::Truncated), Err(TransportErrorKind::Connection)] {
        let mut download = download(&Policy::default());
        download.start(Now::default(), ClockOffset::default()).unwrap();
        let answer = Answer::new(200, &[("content-length", "10")], "");
        download.head(Mono::default(), answer.head.as_ref().unwrap());
        download.body(Mono::default(), b"012");
        let event = download.ended(Mono::default(), end);
        assert!(
            matches!(event.kind, EventKind::Retrying { fault: Fault::Incomplete, .. }),
            "{end:?}: {event:?}"
        );
    }
}
