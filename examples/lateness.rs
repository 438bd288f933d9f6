//! How late the end of a job of 30 s is noticed in real time, over hyper.
//!
//! `cargo run --example lateness --features hyper` takes half a minute.
//! `cargo bench --bench schedule` simulates more jobs.

use std::{process::ExitCode, time::Instant};

use serde_json::{Value, json};
use tcss_export::{Credentials, JobId, Session, hyper::Client};
use tcss_export_testkit::Service;

const DURATION: f64 = 30.0;

/// The answer at this part of the job's life.
fn answer(life: f64, has_progress: bool) -> Value {
    if life >= 1.0 {
        return json!({ "ExportStatus": "SUCCESS", "DownloadURL": "https://h.example/a.csv" });
    }
    let progress = has_progress.then_some(100.0 * life);
    json!({ "ExportStatus": "RUNNING", "ExportProgress": progress })
}

/// Waits for a job that begins now, and returns how many seconds after its end this was noticed.
async fn lateness(has_progress: bool) -> anyhow::Result<f64> {
    let began = Instant::now();
    let life = move || began.elapsed().as_secs_f64() / DURATION;
    let service = Service::builder()
        .key("AKIDEXAMPLE", "EXAMPLEKEY")
        .action("DescribeExportJobResult", move |_| answer(life(), has_progress))
        .start()?;
    let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY")?;
    let client = Client::new(Session::new(service.url().parse()?), credentials);
    client.wait(JobId::new("4711")?).await?;
    Ok(began.elapsed().as_secs_f64() - DURATION)
}

/// Prints a figure, and returns whether it is within its bound.
fn figure(name: &str, value: f64, bound: f64) -> bool {
    let is_within = (0.0..=bound).contains(&value);
    let word = if is_within { "ok  " } else { "over" };
    println!("{word} {name}: {value:.2} (at most {bound})");
    is_within
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    let (none, linear) = tokio::join!(lateness(false), lateness(true));
    let none = figure("s late, a real job of 30 s without progress", none?, 4.0);
    let linear = figure("s late, a real job of 30 s with linear progress", linear?, 1.5);
    Ok(ExitCode::from(u8::from(!(none && linear))))
}
