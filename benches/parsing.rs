//! The time to read an answer, compared with parsing the same bytes as generic JSON.
//!
//! Absolute times say little on a shared machine, so the ratios at the end come from interleaved
//! rounds.
#![allow(missing_docs, reason = "criterion's macros generate undocumented functions")]

mod interleaved;

use std::{hint::black_box, process::ExitCode};

use criterion::{Criterion, Throughput, criterion_group};
use http::Response;
use serde_json::Value;
use tcss_export::{actions::DescribeExportJobResult, core::read_answer};

const SUCCESS: &str = r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://export-1250000000.cos.ap-guangzhou.myqcloud.com/p/report.csv?q-sign-algorithm=sha1&q-ak=EXAMPLE&q-sign-time=1699979400;1699983000&q-signature=EXAMPLE","ExportProgress":100,"FailureMsg":"","RequestId":"3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10"}}"#;
const RUNNING: &str = r#"{"Response":{"ExportStatus":"RUNNING","DownloadURL":"","ExportProgress":42.5,"FailureMsg":"","RequestId":"3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10"}}"#;
const ERROR: &str = r#"{"Response":{"Error":{"Code":"InternalError","Message":"An internal error has occurred. Retry your request."},"RequestId":"3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10"}}"#;
const PAGE: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";

fn answers(c: &mut Criterion) {
    for (name, status, body) in [
        ("success", 200, SUCCESS),
        ("running", 200, RUNNING),
        ("API error", 200, ERROR),
        ("page", 502, PAGE),
    ] {
        let mut response = Response::new(body);
        *response.status_mut() = http::StatusCode::from_u16(status).expect("a status");
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Bytes(body.len().try_into().expect("a size")));
        group.bench_function("typed", |b| {
            b.iter(|| read_answer::<DescribeExportJobResult>(black_box(&response)));
        });
        group.bench_function("generic JSON", |b| {
            b.iter(|| serde_json::from_str::<Value>(black_box(body)));
        });
        group.finish();
    }
}

/// Unknown members are skipped and not stored.
fn unknown_members(c: &mut Criterion) {
    let padding = r#"{"a":[1,2,3],"b":"text"},"#.repeat(40_000);
    let body = format!(r#"{{"Response":{{"New":[{padding}null],"ExportStatus":"RUNNING"}}}}"#);
    let response = Response::new(&*body);
    let mut group = c.benchmark_group("1 MB of unknown members");
    group.throughput(Throughput::Bytes(body.len().try_into().expect("a size")));
    group.sample_size(20);
    group.bench_function("typed", |b| {
        b.iter(|| read_answer::<DescribeExportJobResult>(black_box(&response)).expect("running"));
    });
    group.bench_function("generic JSON", |b| {
        b.iter(|| serde_json::from_str::<Value>(black_box(&body)).expect("JSON"));
    });
    group.finish();
}

/// Returns whether an answer takes too long in relation to generic JSON.
fn is_slow() -> bool {
    let limits =
        [("success", SUCCESS, 0.67), ("running", RUNNING, 0.65), ("API error", ERROR, 0.75)];
    let is_over = limits.map(|(name, body, most)| {
        let response = Response::new(body);
        interleaved::is_over(
            (&format!("{name}: time / that of serde_json::Value"), most),
            100,
            || read_answer::<DescribeExportJobResult>(black_box(&response)),
            || serde_json::from_str::<Value>(black_box(body)),
        )
    });
    is_over.contains(&true)
}

criterion_group!(benches, answers, unknown_members);

fn main() -> ExitCode {
    benches();
    Criterion::default().configure_from_args().final_summary();
    // A test run compares no times: the machine may be busy.
    let is_test = std::env::args().any(|argument| argument == "--test");
    if !is_test && is_slow() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
