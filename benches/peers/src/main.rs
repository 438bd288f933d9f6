//! Repeats the same work with this client, a plain program and other crates.
//!
//! Reads lines `CANDIDATE/WORK COUNT` from the standard input, and prints the nanoseconds of one
//! repetition for each. So `compare.py` interleaves all candidates. `check` instead of a line
//! compares signatures at a fixed time.

mod ours;
mod plain;
mod sign_sdk;
mod tencentcloud_crate;
mod tencentcloud_sdk_crate;

use std::{
    collections::BTreeMap,
    error::Error,
    hint::black_box,
    io,
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;
type Work = Box<dyn FnMut()>;

const HOST: &str = "tcss.intl.tencentcloudapi.com";
const SECRET_ID: &str = "AKIDEXAMPLEOFTHEPEERS";
const SECRET_KEY: &str = "EXAMPLEKEYOFTHEPEERS";
const JOB: &str = "3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10";
const PAYLOAD: &str = r#"{"JobId":"3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10"}"#;
/// The time of signatures that are compared.
const TIME: i64 = 1_699_979_400;
const RUNNING: &str = r#"{"Response":{"ExportStatus":"RUNNING","DownloadURL":"","ExportProgress":42.5,"FailureMsg":"","RequestId":"3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10"}}"#;

fn main() -> Result<()> {
    // Some of the clients ask for a runtime, although these calls never wait.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let _entered = runtime.enter();
    let mut works = works()?;
    for line in io::stdin().lines() {
        let line = line?;
        let (name, count) = line.rsplit_once(' ').unwrap_or((&line, ""));
        if name == "check" {
            print_signatures()?;
            continue;
        }
        let work = works.get_mut(name).ok_or_else(|| format!("no such work: {name}"))?;
        println!("{}", nanoseconds(work, count.parse()?));
    }
    Ok(())
}

fn nanoseconds(work: &mut Work, count: u32) -> f64 {
    let began = Instant::now();
    (0..count).for_each(|_| work());
    began.elapsed().as_nanos() as f64 / f64::from(count)
}

fn works() -> Result<BTreeMap<&'static str, Work>> {
    let mut works = BTreeMap::new();
    works.extend(ours::works()?);
    works.extend(plain::works());
    works.extend(sign_sdk::works());
    works.extend(tencentcloud_crate::works());
    works.extend(tencentcloud_sdk_crate::works()?);
    Ok(works)
}

/// Prints the signatures of those whose clock can be fixed. Some sign the name of the action, too.
fn print_signatures() -> Result<()> {
    const ACTION: (&str, &str) = ("x-tc-action", "DescribeExportJobResult");
    let signatures = [
        ("ours", ours::authorization(&[], TIME)?),
        ("plain", plain::authorization(PAYLOAD, TIME)),
        ("tencentcloud-sign-sdk", sign_sdk::authorization(TIME)),
        ("ours with the action", ours::authorization(&[ACTION], TIME)?),
        ("tencentcloud-sdk with the action", tencentcloud_sdk_crate::authorization(TIME)?),
    ];
    for (name, authorization) in signatures {
        let (_, signature) = authorization.split_once("Signature=").ok_or("no signature")?;
        println!("{name}: {signature}");
    }
    println!("end");
    Ok(())
}

/// Returns the time of the clock, which each request needs.
fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(since.as_secs()).expect("a clock before the end of time")
}

/// Returns the output of a future that does not wait.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("nothing is sent"),
    }
}
