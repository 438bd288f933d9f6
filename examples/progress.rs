//! Shows a wait and a download as progress bars of indicatif.
//! `cargo run --features ureq --example progress` runs it against a test service on this machine.

use std::io;

use indicatif::{ProgressBar, ProgressStyle};
use tcss_export::{
    Credentials, JobId, Session, Source,
    ureq::Client,
    wait::{Event, EventKind},
};
use tcss_export_testkit::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, ServedFile, Service};

fn main() -> anyhow::Result<()> {
    let service = Service::builder()
        .script("RUNNING:40,HTTP:502,SUCCESS".parse()?)
        .file(ServedFile::bytes("report.csv", vec![b'x'; 4_000_000]))
        .start()?;
    let credentials = Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY)?;
    let client = Client::new(Session::new(service.url().parse()?), credentials);

    let job = JobId::new("4711")?;
    let mut wait = client.follow(job.clone());
    let bar = ProgressBar::new(100);
    wait.by_ref().for_each(|event| show(&bar, event));
    bar.finish();
    let finished = wait.outcome()?;

    let mut download =
        client.download_into(Source::new(finished.download_url).of_job(job), io::sink())?;
    let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {eta}")?;
    let bar = ProgressBar::no_length().with_style(style);
    for event in download.by_ref() {
        bar.set_length(event.total.unwrap_or(event.bytes));
        bar.set_position(event.bytes);
    }
    bar.finish();
    println!("{} bytes", download.outcome()?.bytes);
    Ok(())
}

fn show(bar: &ProgressBar, event: Event) {
    match event.kind {
        // The service may send any number.
        EventKind::Waiting { progress: Some(percent), .. } => bar.set_position(percent as u64),
        EventKind::Retrying { fault, .. } => bar.println(fault.to_string()),
        EventKind::Ended => bar.set_position(100),
        _ => {}
    }
}
