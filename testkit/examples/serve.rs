//! Serves a script in the foreground and prints what comes in; with a file, jobs end in it.
//!
//! `cargo run -p tcss-export-testkit --example serve -- 8080 RUNNING:10,SUCCESS report.csv CUT:100`

use std::env;
use std::error::Error;

use tcss_export_testkit::{
    DownloadFaults, EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, Script, ServedFile, Service,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let port = arguments.next().map_or(Ok(0), |port| port.parse())?;
    let script: Script = arguments.next().map(|text| text.parse()).transpose()?.unwrap_or_default();
    let file = arguments.next().map(ServedFile::path);
    let faults: DownloadFaults = arguments.next().unwrap_or_default().parse()?;
    println!("every job answers {script}");
    let mut service = Service::builder()
        .key(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY)
        .script(script)
        .port(port)
        .download_faults(faults)
        .watch(|seen| println!("{seen:?}"));
    if let Some(file) = file {
        service = service.file(file);
    }
    let service = service.start()?;
    println!("{} knows {EXAMPLE_SECRET_ID} with {EXAMPLE_SECRET_KEY}", service.url());
    service.join();
    Ok(())
}
