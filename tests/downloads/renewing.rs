//! New URLs by the job, from the scripted service, which verifies every signature.

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
    setup::{Ended, Served, hasty, kind},
    with::with,
};

const LENGTH: u64 = 5_000;

fn builder(script: &str, faults: &str) -> Builder {
    Service::builder()
        .script(script.parse().unwrap())
        .file(ServedFile::made_up("report.csv", LENGTH))
        .download_faults(faults.parse().unwrap())
}

/// Follows the job to its URL and makes a source of it.
fn source_from_job(client: &Client) -> Source {
    Source::new(client.wait().expect("a job that has ended well").download_url).with_policy(hasty())
}

/// Downloads the file of a job that can be asked for new URLs.
fn download(setup: &Setup, served: &Served, folder: &Folder) -> Ended {
    let client = served.client(setup);
    client.download(source_from_job(&client).of_job(job()), folder.target())
}

fn polls(served: &Served) -> usize {
    let seen = served.service.seen();
    let name = Some("DescribeExportJobResult");
    seen.iter().filter(|seen| seen.action.as_deref() == name).count()
}

/// Returns target and Range of each request for the file.
fn asked(served: &Served) -> Vec<(String, Option<String>)> {
    let seen = served.service.seen();
    let asked = seen.iter().filter_map(|seen| seen.download.as_ref());
    asked.map(|asked| (asked.target.clone(), asked.header("range").map(Into::into))).collect()
}

fn assert_expired(refusal: &Option<Box<Refusal>>) {
    let refusal = refusal.as_ref().expect("what the file server said");
    assert_eq!(refusal.message.as_deref(), Some("Request has expired"));
}

pub(crate) fn d2_an_expired_url_is_renewed_once_by_its_job(setup: &Setup) {
    let served = setup.service(builder("SUCCESS", "CUT:1000,EXPIRED"));
    let folder = Folder::new();
    let downloaded = download(setup, &served, &folder).expect("a whole file");
    assert_eq!((downloaded.bytes, downloaded.verified), (LENGTH, true));
    assert_eq!(Some(downloaded.crc64), served.service.file_crc64());
    assert_eq!((downloaded.report.new_urls, downloaded.report.resumes), (1, 1));
    // One for the job, one more for the new URL.
    assert_eq!(polls(&served), 2);
    let asked = asked(&served);
    let rest = Some("bytes=1000-".to_owned());
    assert_eq!(asked.iter().map(|asked| &asked.1).collect::<Vec<_>>(), [&None, &rest, &rest]);
    assert_eq!(asked[0].0, asked[1].0);
    assert_ne!(asked[1].0, asked[2].0);
}

pub(crate) fn d2_an_expired_url_without_a_job_is_an_error(setup: &Setup) {
    let served = setup.service(builder("SUCCESS", "EXPIRED"));
    let (client, folder) = (served.client(setup), Folder::new());
    let end = client.download(source_from_job(&client), folder.target());
    let ErrorKind::Expired { refusal } = kind(&end) else { panic!("{end:?}") };
    assert_expired(refusal);
    assert_eq!((polls(&served), asked(&served).len()), (1, 1));
    folder.assert_empty();
}

pub(crate) fn d2_a_url_that_expires_twice_is_an_error(setup: &Setup) {
    let served = setup.service(builder("SUCCESS", "EXPIRED,EXPIRED"));
    let folder = Folder::new();
    let end = download(setup, &served, &folder);
    let ErrorKind::Expired { refusal } = kind(&end) else { panic!("{end:?}") };
    assert_expired(refusal);
    assert_eq!((polls(&served), asked(&served).len()), (2, 2));
    folder.assert_empty();
}

pub(crate) fn d2_a_url_whose_time_is_over_is_renewed_before_any_request(setup: &Setup) {
    let over = "https://h.example/report.csv?q-sign-time=1699979400%3B1699983000";
    let served = setup.service(builder(&format!("SUCCESS:{over},SUCCESS"), ""));
    let folder = Folder::new();
    let downloaded = download(setup, &served, &folder).expect("a whole file");
    assert_eq!((downloaded.report.requests, downloaded.report.new_urls), (1, 1));
    assert_eq!((polls(&served), asked(&served).len()), (2, 1));
}

pub(crate) fn d2_a_job_without_a_new_url_says_why(setup: &Setup) {
    let served = setup.service(builder("SUCCESS,FAILURE:made up", "CUT:1000,EXPIRED"));
    let folder = Folder::new();
    let end = download(setup, &served, &folder);
    let ErrorKind::Expired { refusal } = kind(&end) else { panic!("{end:?}") };
    assert_expired(refusal);
    let failure = end.unwrap_err();
    let DownloadError::NewUrl { wait, .. } = &failure else { panic!("{failure:?}") };
    assert!(matches!(wait.kind, wait::ErrorKind::JobFailed { .. }), "{wait:?}");
    assert!(failure.source().is_some());
    assert_eq!(folder.part().len(), 1_000);
}

pub(crate) fn a_poll_for_a_new_url_does_not_hold_up_the_limit_of_the_whole(setup: &Setup) {
    let served = setup.service(builder("SUCCESS,HANG", "EXPIRED"));
    let (client, folder) = (served.client(setup), Folder::new());
    let policy = with(hasty(), |p| p.total_limit = Some(Duration::from_millis(600)));
    let source = source_from_job(&client).of_job(job()).with_policy(policy);
    let end = client.download(source, folder.target());
    assert_eq!(*kind(&end), ErrorKind::TimedOut);
    let elapsed = end.unwrap_err().download_error().expect("no file to blame").report.elapsed;
    assert!(elapsed < Policy::EXCHANGE_LIMIT / 2, "{elapsed:?}");
    assert_eq!((polls(&served), asked(&served).len()), (2, 1));
}

pub(crate) fn faults_of_every_kind_are_survived(setup: &Setup) {
    let faults = "RESET,CUT:1000,HTTP:503,FULL,ETAG,CHUNKED-CUT:700,RANGE,LESS:900,CUT:300,\
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
