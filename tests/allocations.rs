//! Counts the allocations of building a request and of reading an answer.
//!
//! The binary has no test harness, so every counted allocation belongs to the core.

use std::{alloc::System, hint::black_box};

use http::Response;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tcss_export::{
    Credentials, Endpoint, JobId, Session,
    actions::DescribeExportJobResult,
    core::{Wall, read_answer},
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SUCCESS: &str = r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://export-1250000000.cos.ap-guangzhou.myqcloud.com/p/report.csv?q-sign-algorithm=sha1&q-ak=EXAMPLE&q-sign-time=1699979400;1699983000&q-signature=EXAMPLE","ExportProgress":100,"FailureMsg":"","RequestId":"3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10"}}"#;
const RUNNING: &str = r#"{"Response":{"ExportStatus":"RUNNING","DownloadURL":"","ExportProgress":42.5,"FailureMsg":"","RequestId":"3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10"}}"#;
const ERROR: &str = r#"{"Response":{"Error":{"Code":"InternalError","Message":"An internal error has occurred."},"RequestId":"3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10"}}"#;

fn main() {
    requests();
    answers();
}

fn requests() {
    let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").expect("plain");
    let job = JobId::new("3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10").expect("a text");
    let action = DescribeExportJobResult::new(job);
    let now = Wall::from_unix_seconds(1_699_979_400);
    let mut session = Session::new(Endpoint::international());
    let prepared = session.prepare(&action).expect("an action");
    session.sign(&prepared, &credentials, now).expect("signed");

    // The body, the two tables of the header map, and two header values.
    at_most(5, "a request", || session.request(&action, &credentials, now));
    // The body is shared with the previous request.
    at_most(4, "a request of the same job", || session.sign(&prepared, &credentials, now));
}

fn answers() {
    let read = |body| move || read_answer::<DescribeExportJobResult>(&Response::new(body));
    // The URL and the request id.
    at_most(2, "a success", read(SUCCESS));
    at_most(1, "a running job", read(RUNNING));
    // Code, message and request id.
    at_most(3, "an error of the service", read(ERROR));
    let names = [r#"{"Response":{"#, &r#""\n":1,"#.repeat(1_000)].concat();
    let unknown = RUNNING.replace(r#"{"Response":{"#, &names);
    at_most(1, "a running job beside 1,000 unknown names", || read(&unknown)());
}

/// Asserts a maximum of allocations, and that none is reallocated.
fn at_most<T>(allocations: usize, name: &str, make: impl FnOnce() -> T) {
    let region = Region::new(ALLOCATOR);
    let made = black_box(make());
    let change = region.change();
    drop(made);
    println!("ok   {name}: allocations: {} (at most {allocations})", change.allocations);
    assert!(change.allocations <= allocations, "{name}: {} allocations", change.allocations);
    assert_eq!(change.reallocations, 0, "{name}");
}
