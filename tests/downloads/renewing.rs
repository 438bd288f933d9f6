//! New URLs from the job; the scripted service verifies every signature.

use std::{error::Error, time::Duration};

use tcss_export::{
    Source,
    download::{ErrorKind, Refusal},
    error::DownloadError,
    wait::{self, Policy},
};
use tcss_export_testkit::{Builder, SeenAnswer, ServedFile, Service};

use crate::{
    clients::{Client, Setup, job},
    folder::Folder,
    setup::{DownloadResult, TestService, kind, short_delays},
    with::with,
};

const LENGTH: u64 = 5_000;

fn builder(script: &str, faults: &str) -> Builder {
    Service::builder()
        .script(script.parse().unwrap())
        .file(ServedFile::made_up("report.csv", LENGTH))
        .download_faults(faults.parse().unwrap())
}

/// Waits for the job and returns its URL as a source.
fn source_from_job(client: &Client) -> Source {
    Source::new(client.wait().expect("a job that has ended well").download_url)
        .with_policy(short_delays())
}

/// Downloads the file of a job, with new URLs from the job.
fn download(setup: &Setup, served: &TestService, folder: &Folder) -> DownloadResult {
    let client = served.client(setup);
    client.download(source_from_job(&client).of_job(job()), folder.target())
}

fn polls(served: &TestService) -> usize {
    let seen = served.service.seen();
    let name = Some("DescribeExportJobResult");
    seen.iter().filter(|seen| seen.action.as_deref() == name).count()
}

/// Returns target and Range of each request for the file.
fn file_requests(served: &TestService) -> Vec<(String, Option<String>)> {
    let seen = served.service.seen();
    let requests = seen.iter().filter_map(|seen| seen.download.as_ref());
    let facts = requests.map(|request| (request.target.clone(), request.header("range")));
    facts.map(|(target, range)| (target, range.map(Into::into))).collect()
}

fn assert_expired(refusal: &Option<Box<Refusal>>) {
    let refusal = refusal.as_ref().expect("the refusal of the file server");
    assert_eq!(refusal.message.as_deref(), Some("Request has expired"));
}

pub(crate) fn an_expired_url_is_replaced_once_by_the_job(setup: &Setup) {
    let served = setup.service(builder("SUCCESS", "CUT:1000,EXPIRED"));
    let folder = Folder::new();
    let downloaded = download(setup, &served, &folder).expect("a whole file");
    assert_eq!((downloaded.bytes, downloaded.verified), (LENGTH, true));
    assert_eq!(Some(downloaded.crc64), served.service.file_crc64());
    assert_eq!((downloaded.report.new_urls, downloaded.report.resumes), (1, 1));
    // One for the job, another for the new URL.
    assert_eq!(polls(&served), 2);
    let requests = file_requests(&served);
    let rest = Some("bytes=1000-".to_owned());
    assert_eq!(
        requests.iter().map(|request| &request.1).collect::<Vec<_>>(),
        [&None, &rest, &rest]
    );
    assert_eq!(requests[0].0, requests[1].0);
    assert_ne!(requests[1].0, requests[2].0);
}

pub(crate) fn an_expired_url_without_a_job_is_an_error(setup: &Setup) {
    let served = setup.service(builder("SUCCESS", "EXPIRED"));
    let (client, folder) = (served.client(setup), Folder::new());
    let result = client.download(source_from_job(&client), folder.target());
    let ErrorKind::Expired { refusal } = kind(&result) else { panic!("{result:?}") };
    assert_expired(refusal);
    assert_eq!((polls(&served), file_requests(&served).len()), (1, 1));
    folder.assert_empty();
}

pub(crate) fn a_url_that_expires_twice_is_an_error(setup: &Setup) {
    let served = setup.service(builder("SUCCESS", "EXPIRED,EXPIRED"));
    let folder = Folder::new();
    let result = download(setup, &served, &folder);
    let ErrorKind::Expired { refusal } = kind(&result) else { panic!("{result:?}") };
    assert_expired(refusal);
    assert_eq!((polls(&served), file_requests(&served).len()), (2, 2));
    folder.assert_empty();
}

pub(crate) fn an_expired_url_is_replaced_before_any_request(setup: &Setup) {
    let expired = "https://h.example/report.csv?q-sign-time=1699979400%3B1699983000";
    let served = setup.service(builder(&format!("SUCCESS:{expired},SUCCESS"), ""));
    let folder = Folder::new();
    let downloaded = download(setup, &served, &folder).expect("a whole file");
    assert_eq!((downloaded.report.requests, downloaded.report.new_urls), (1, 1));
    assert_eq!((polls(&served), file_requests(&served).len()), (2, 1));
}

pub(crate) fn a_job_without_a_new_url_is_an_error_with_its_reason(setup: &Setup) {
    let served = setup.service(builder("SUCCESS,FAILURE:made up", "CUT:1000,EXPIRED"));
    let folder = Folder::new();
    let result = download(setup, &served, &folder);
    let ErrorKind::Expired { refusal } = kind(&result) else { panic!("{result:?}") };
    assert_expired(refusal);
    let failure = result.unwrap_err();
    let DownloadError::NewUrl { wait, .. } = &failure else { panic!("{failure:?}") };
    assert!(matches!(wait.kind, wait::ErrorKind::JobFailed { .. }), "{wait:?}");
    assert!(!wait.is_transient());
    assert!(failure.source().is_some());
    assert_eq!(folder.part().len(), 1_000);
}

pub(crate) fn a_poll_for_a_new_url_does_not_delay_the_total_limit(setup: &Setup) {
    let served = setup.service(builder("SUCCESS,HANG", "EXPIRED"));
    let (client, folder) = (served.client(setup), Folder::new());
    let policy = with(short_delays(), |p| p.total_limit = Some(Duration::from_millis(600)));
    let source = source_from_job(&client).of_job(job()).with_policy(policy);
    let result = client.download(source, folder.target());
    assert_eq!(*kind(&result), ErrorKind::TimedOut);
    let elapsed =
        result.unwrap_err().download_error().expect("an error of the download").report.elapsed;
    assert!(elapsed < Policy::EXCHANGE_LIMIT / 2, "{elapsed:?}");
    assert_eq!((polls(&served), file_requests(&served).len()), (2, 1));
}

pub(crate) fn a_file_that_does_not_exist_yet_is_requested_again(setup: &Setup) {
    let served = setup.service(builder("SUCCESS", "GONE,GONE,CUT:1000,GONE"));
    let folder = Folder::new();
    let downloaded = download(setup, &served, &folder).expect("a whole file");
    assert_eq!((downloaded.bytes, downloaded.verified), (LENGTH, true));
    assert_eq!((downloaded.report.requests, downloaded.report.resumes), (5, 1));
    assert_eq!((polls(&served), file_requests(&served).len()), (1, 5));
}

pub(crate) fn a_file_that_stays_away_is_an_error(setup: &Setup) {
    let served = setup.service(builder("SUCCESS", "GONE,GONE,GONE,GONE,GONE"));
    let folder = Folder::new();
    let result = download(setup, &served, &folder);
    let ErrorKind::Refused(refusal) = kind(&result) else { panic!("{result:?}") };
    assert_eq!(refusal.code.as_deref(), Some("NoSuchKey"));
    assert_eq!((polls(&served), file_requests(&served).len()), (1, 5));
    folder.assert_empty();
}

pub(crate) fn a_download_survives_faults_of_every_kind(setup: &Setup) {
    let faults = "GONE,RESET,CUT:1000,HTTP:503,FULL,ETAG,CHUNKED-CUT:700,RANGE,LESS:900,CUT:300,\
                  EXPIRED,NOETAG,CRC,HTTP:500,HTTP:502,CUT:0,DENIED";
    let served = setup.service(builder("SUCCESS", faults));
    let folder = Folder::new();
    let downloaded = download(setup, &served, &folder).unwrap_or_else(|failure| {
        let answers = served.service.seen();
        let answers: Vec<_> = answers.iter().map(|seen| &seen.answer).collect();
        panic!("{failure}: {answers:?}")
    });
    assert_eq!((downloaded.bytes, downloaded.verified), (LENGTH, true));
    assert_eq!(Some(downloaded.crc64), served.service.file_crc64());
    let seen = served.service.seen();
    let is_refused = |answer: &SeenAnswer| matches!(answer, SeenAnswer::Refused { .. });
    assert!(!seen.iter().any(|seen| is_refused(&seen.answer)));
}
