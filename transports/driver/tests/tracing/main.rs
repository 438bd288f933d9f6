//! Spans and events of both clients, field by field, and no secret in them.
#![cfg(feature = "tracing")]

mod recorder;
mod secrets;
mod transport;

use std::{io, time::Duration};

use futures_util::{
    io::sink,
    stream::{self, StreamExt},
};
use tcss_export_core::{
    DownloadUrl, JobId, TransportErrorKind,
    actions::{AssetType, CreateExportComplianceStatusListJob, DescribeExportJobManageList},
    download::{Backoff, Policy},
};
use tcss_export_driver::Source;

use recorder::recorded;
use transport::{Reply, TestTransport, run};

const URL: &str = "https://h.example/a.csv?q-signature=EXAMPLESIGNATURE0001";
const OTHER_URL: &str = "https://h.example/a.csv?q-signature=EXAMPLESIGNATURE0002";

fn job(id: &str) -> JobId {
    JobId::new(id).unwrap()
}

fn running(request_id: &str) -> Reply {
    Reply::api(&format!(
        r#""ExportStatus":"RUNNING","ExportProgress":40,"RequestId":"{request_id}""#
    ))
}

fn success(url: &str) -> Reply {
    Reply::api(&format!(r#""ExportStatus":"SUCCESS","DownloadURL":"{url}","RequestId":"r-end""#))
}

/// Compares the events and spans of both clients with the expected ones.
#[track_caller]
fn assert_recorded(
    replies: Vec<Reply>,
    blocking: impl FnOnce(TestTransport),
    asynchronous: impl AsyncFnOnce(TestTransport),
    events: &[&str],
    spans: &[&str],
) {
    let transport = || TestTransport::new(replies.clone());
    let (lines, found) = recorded(|| blocking(transport()));
    assert_eq!(lines, events);
    assert_eq!(found, spans);
    assert_eq!(recorded(|| run(asynchronous(transport()))), (lines, found));
}

#[test]
fn a_wait_reports_each_poll_each_retry_each_correction_and_its_end() {
    assert_recorded(
        vec![
            running("r-1"),
            Reply::fault(TransportErrorKind::Connection),
            Reply::new(502, "<html>Bad Gateway</html>").with("retry-after", "20"),
            Reply::api_error("RequestLimitExceeded", "slow down", "r-2").with("retry-after", "30"),
            Reply::api_error("AuthFailure.SignatureExpire", "expired", "r-3")
                .with("date", "Tue, 14 Nov 2023 17:30:00 GMT"),
            Reply::api_error("AuthFailure.TokenFailure", "bad token", "r-4"),
            success(URL),
        ],
        |transport| drop(transport.blocking_client().wait(job("4711")).unwrap()),
        async |transport| drop(transport.async_client().wait(job("4711")).await.unwrap()),
        &[
            "DEBUG [wait job=4711] polled: job=4711 poll=1 status=\"RUNNING\" progress=40.0 \
             delay=2.0 reason=Interval request_id=\"r-1\"",
            "WARN [wait job=4711] retrying: job=4711 poll=2 remedy=Retry delay=0.0 \
             error=\"tcss.intl.tencentcloudapi.com:443: the connection failed: made up\"",
            "WARN [wait job=4711] retrying: job=4711 poll=3 remedy=Retry delay=15.0 \
             http_status=502 error=\"expected JSON, got no content type: <html>Bad Gateway</html> \
             (HTTP status 502, no request id)\"",
            "WARN [wait job=4711] retrying: job=4711 poll=4 remedy=BackOff delay=15.0 \
             code=\"RequestLimitExceeded\" http_status=200 request_id=\"r-2\" error=\"the service \
             answered RequestLimitExceeded: slow down (HTTP status 200, request id r-2)\"",
            "WARN [wait job=4711] clock corrected: job=4711 poll=5 clock_offset=+3567.948 s",
            "WARN [wait job=4711] retrying: job=4711 poll=5 remedy=ClockCorrected delay=0.0 \
             code=\"AuthFailure.SignatureExpire\" http_status=200 request_id=\"r-3\" error=\"the \
             service answered AuthFailure.SignatureExpire: expired (HTTP status 200, request id \
             r-3)\"",
            "WARN [wait job=4711] retrying: job=4711 poll=6 remedy=FreshCredentials delay=0.0 \
             code=\"AuthFailure.TokenFailure\" http_status=200 request_id=\"r-4\" error=\"the \
             service answered AuthFailure.TokenFailure: bad token (HTTP status 200, request id \
             r-4)\"",
            "INFO [wait job=4711] finished: job=4711 polls=7 retries=5 elapsed=32.1575 \
             request_id=\"r-end\"",
        ],
        &["wait job=4711"],
    );
}

#[test]
fn a_failed_wait_reports_its_error() {
    assert_recorded(
        vec![
            running("r-1"),
            Reply::api(r#""ExportStatus":"FAILURE","FailureMsg":"too large","RequestId":"r-2""#),
        ],
        |transport| drop(transport.blocking_client().wait(job("4711")).unwrap_err()),
        async |transport| drop(transport.async_client().wait(job("4711")).await.unwrap_err()),
        &[
            "DEBUG [wait job=4711] polled: job=4711 poll=1 status=\"RUNNING\" progress=40.0 \
             delay=2.0 reason=Interval request_id=\"r-1\"",
            "WARN [wait job=4711] failed: job=4711 polls=2 retries=0 elapsed=2.0 \
             request_id=\"r-2\" error=\"the job has failed (too large) (job 4711, polls: 2, 2.0 \
             s, last status \\\"FAILURE\\\")\"",
        ],
        &["wait job=4711"],
    );
}

#[test]
fn a_final_fault_has_its_code_and_its_causes() {
    assert_recorded(
        vec![Reply::api_error("UnauthorizedOperation", "no permission", "r-1")],
        |transport| drop(transport.blocking_client().wait(job("4711")).unwrap_err()),
        async |transport| drop(transport.async_client().wait(job("4711")).await.unwrap_err()),
        &["WARN [wait job=4711] failed: job=4711 polls=1 retries=0 elapsed=0.0 \
             code=\"UnauthorizedOperation\" http_status=200 request_id=\"r-1\" error=\"polling \
             failed (job 4711, polls: 1, 0.0 s, last fault: UnauthorizedOperation): the service \
             answered UnauthorizedOperation: no permission (HTTP status 200, request id r-1)\""],
        &["wait job=4711"],
    );
}

#[test]
fn waits_for_many_jobs_share_a_span_and_name_their_job() {
    assert_recorded(
        vec![
            running("r-1"),
            Reply::fault(TransportErrorKind::Connection),
            success(URL),
            success(URL),
        ],
        |transport| {
            assert_eq!(transport.blocking_client().wait_all([job("1"), job("2")]).count(), 2);
        },
        async |transport| {
            let jobs = stream::iter([job("1"), job("2")]);
            assert_eq!(transport.async_client().wait_all(jobs).count().await, 2);
        },
        &[
            "DEBUG [wait_all] polled: job=1 poll=1 status=\"RUNNING\" progress=40.0 delay=2.0 \
             reason=Interval request_id=\"r-1\"",
            "WARN [wait_all] retrying: job=2 poll=1 remedy=Retry delay=0.0 \
             error=\"tcss.intl.tencentcloudapi.com:443: the connection failed: made up\"",
            "INFO [wait_all] finished: job=2 polls=2 retries=1 elapsed=0.105 request_id=\"r-end\"",
            "INFO [wait_all] finished: job=1 polls=2 retries=0 elapsed=2.0 request_id=\"r-end\"",
        ],
        &["wait_all"],
    );
}

#[test]
fn a_single_exchange_reports_its_action_and_request_id() {
    let action = CreateExportComplianceStatusListJob::all(AssetType::HOST);
    assert_recorded(
        vec![Reply::api(r#""JobId":"4711","RequestId":"r-1""#)],
        |transport| drop(transport.blocking_client().send(&action).unwrap()),
        async |transport| drop(transport.async_client().send(&action).await.unwrap()),
        &["INFO [exchange action=\"CreateExportComplianceStatusListJob\"] answered: \
             action=\"CreateExportComplianceStatusListJob\" request_id=\"r-1\""],
        &["exchange action=\"CreateExportComplianceStatusListJob\""],
    );
}

#[test]
fn a_repeated_exchange_reports_each_retry_and_its_error() {
    let action = DescribeExportJobManageList::new();
    assert_recorded(
        vec![
            Reply::fault(TransportErrorKind::Connection),
            Reply::api_error("UnauthorizedOperation", "no permission", "r-1"),
        ],
        |transport| {
            transport.blocking_client().send_with_retries(&action, |_, _| {}).unwrap_err();
        },
        async |transport| {
            transport.async_client().send_with_retries(&action, |_, _| {}).await.unwrap_err();
        },
        &[
            "WARN [exchange action=\"DescribeExportJobManageList\"] retrying: poll=1 remedy=Retry \
             delay=0.0 error=\"tcss.intl.tencentcloudapi.com:443: the connection failed: made \
             up\"",
            "WARN [exchange action=\"DescribeExportJobManageList\"] failed: \
             action=\"DescribeExportJobManageList\" code=\"UnauthorizedOperation\" \
             http_status=200 request_id=\"r-1\" error=\"the service answered \
             UnauthorizedOperation: no permission (HTTP status 200, request id r-1)\"",
        ],
        &["exchange action=\"DescribeExportJobManageList\""],
    );
}

#[test]
fn a_download_reports_each_retry_each_new_url_and_its_end() {
    let mut policy = Policy::default();
    let second = Duration::from_secs(1);
    policy.retry = Backoff::new(second, second, second);
    let source =
        Source::new(DownloadUrl::new(URL).unwrap()).of_job(job("4711")).with_policy(policy);
    let partial = |body: &str, range: &str| {
        Reply::new(206, body).with("etag", "\"v1\"").with("content-range", range)
    };
    assert_recorded(
        vec![
            Reply::new(200, "0123").with("etag", "\"v1\"").with("content-length", "10").broken(),
            Reply::new(
                403,
                "<Error><Code>AccessDenied</Code><Message>Request has expired</Message>\
                 <RequestId>c-1</RequestId></Error>",
            ),
            running("r-1"),
            success(OTHER_URL),
            partial("4", "bytes 4-4/10").with("content-length", "1"),
            partial("56", "bytes 5-9/10").with("content-length", "5").broken(),
            Reply::new(503, "").with("retry-after", "60").with("x-cos-request-id", "c-2"),
            partial("789", "bytes 7-9/10").with("content-length", "3"),
        ],
        |transport| {
            let client = transport.blocking_client();
            let download = client.download_into(source.clone(), io::sink()).unwrap();
            assert_eq!(download.outcome().unwrap().bytes, 10);
        },
        async |transport| {
            let client = transport.async_client();
            let download = client.download_into(source.clone(), sink()).unwrap();
            assert_eq!(download.outcome().await.unwrap().bytes, 10);
        },
        &[
            "WARN [download url=https://h.example/a.csv?... job=4711] retrying: job=4711 bytes=4 \
             total=10 delay=1.0 error=\"h.example:443: the answer ended before its declared \
             length: made up\"",
            "WARN [download url=https://h.example/a.csv?... job=4711] URL expired: job=4711 \
             bytes=4 total=10 code=\"AccessDenied\" http_status=403 request_id=\"c-1\" \
             error=\"the file server answered AccessDenied: Request has expired (HTTP status 403, \
             request id c-1)\"",
            "DEBUG [wait job=4711] polled: job=4711 poll=1 status=\"RUNNING\" progress=40.0 \
             delay=2.0 reason=Interval request_id=\"r-1\"",
            "INFO [wait job=4711] finished: job=4711 polls=2 retries=0 elapsed=2.0 \
             request_id=\"r-end\"",
            "DEBUG [download url=https://h.example/a.csv?... job=4711] new URL: job=4711 bytes=4 \
             total=10",
            "DEBUG [download url=https://h.example/a.csv?... job=4711] continuing: job=4711 \
             bytes=5 total=10",
            "WARN [download url=https://h.example/a.csv?... job=4711] retrying: job=4711 bytes=7 \
             total=10 delay=1.0 error=\"h.example:443: the answer ended before its declared \
             length: made up\"",
            "WARN [download url=https://h.example/a.csv?... job=4711] retrying: job=4711 bytes=7 \
             total=10 delay=15.0 http_status=503 request_id=\"c-2\" error=\"the file server \
             answered nothing more than its status (HTTP status 503, request id c-2)\"",
            "INFO [download url=https://h.example/a.csv?... job=4711] finished: job=4711 bytes=10 \
             total=10 verified=false requests=6 elapsed=19.0 request_id=\"c-2\"",
        ],
        &["download url=https://h.example/a.csv?... job=4711", "wait job=4711"],
    );
}

#[test]
fn a_failed_download_reports_the_refusal() {
    let source = Source::new(DownloadUrl::new(URL).unwrap());
    assert_recorded(
        vec![
            Reply::new(400, "<Error><Code>InvalidArgument</Code></Error>")
                .with("x-cos-request-id", "c-1"),
        ],
        |transport| {
            let client = transport.blocking_client();
            client.download_into(source.clone(), io::sink()).unwrap().outcome().unwrap_err();
        },
        async |transport| {
            let client = transport.async_client();
            let download = client.download_into(source.clone(), sink()).unwrap();
            download.outcome().await.unwrap_err();
        },
        &["WARN [download url=https://h.example/a.csv?...] failed: bytes=0 \
             code=\"InvalidArgument\" http_status=400 request_id=\"c-1\" error=\"the file server \
             answered InvalidArgument (HTTP status 400, request id c-1) (requests: 1, 0.0 s)\""],
        &["download url=https://h.example/a.csv?..."],
    );
}

#[cfg(feature = "serde")]
#[test]
fn single_steps_report_their_exchange() {
    let action = DescribeExportJobManageList::new();
    assert_recorded(
        vec![running("r-1"), success(URL), Reply::api(r#""RequestId":"r-2""#)],
        |transport| {
            let client = transport.blocking_client();
            client.poll_once(job("4711"), None).unwrap();
            client.poll_once(job("4712"), None).unwrap();
            client.send_once(&action, None).unwrap();
        },
        async |transport| {
            let client = transport.async_client();
            client.poll_once(job("4711"), None).await.unwrap();
            client.poll_once(job("4712"), None).await.unwrap();
            client.send_once(&action, None).await.unwrap();
        },
        &[
            "DEBUG [wait job=4711] polled: job=4711 poll=1 status=\"RUNNING\" progress=40.0 \
             delay=2.0 reason=Interval request_id=\"r-1\"",
            "INFO [wait job=4712] finished: job=4712 polls=1 retries=0 elapsed=0.0 \
             request_id=\"r-end\"",
            "INFO [exchange action=\"DescribeExportJobManageList\"] answered: \
             action=\"DescribeExportJobManageList\" request_id=\"r-2\"",
        ],
        &["wait job=4711", "wait job=4712", "exchange action=\"DescribeExportJobManageList\""],
    );
}
