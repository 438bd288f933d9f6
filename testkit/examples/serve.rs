//! Serves a script in the foreground and prints what comes in.
//!
//! `cargo run -p tcss-export-testkit --example serve -- 8080 RUNNING:10,ERROR:InternalError,SUCCESS`

use std::env;
use std::error::Error;

use tcss_export_testkit::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, Script, Service};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let port = arguments.next().map_or(Ok(0), |port| port.parse())?;
    let script: Script = arguments.next().map(|text| text.parse()).transpose()?.unwrap_or_default();
    println!("every job answers {script}");
    let service = Service::builder()
        .key(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY)
        .script(script)
        .port(port)
        .watch(|seen| println!("{seen:?}"))
        .start()?;
    println!("{} knows {EXAMPLE_SECRET_ID} with {EXAMPLE_SECRET_KEY}", service.url());
    service.join();
    Ok(())
}
