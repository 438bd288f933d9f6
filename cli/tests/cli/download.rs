//! Downloads of a job's file or from a URL.

mod interruptions;
mod limits;
mod refusals;
mod results;
mod unusable;

use tcss_export_testkit::{SeenAnswer, ServedFile, Service};

use crate::support::{Ended, Folder, builder, cli, without_keys};

/// The check value of CRC-64/XZ, from its catalogue entry.
const CHECK: (&str, &str) = ("123456789", "11051210869376104954");

/// Starts a service whose jobs end in a file of these bytes.
fn serving(bytes: impl Into<Vec<u8>>, script: &str, faults: &str) -> Service {
    let file = ServedFile::bytes("served.csv", bytes.into());
    let service = builder(script).file(file).download_faults(faults.parse().expect("faults"));
    service.start().expect("a service")
}

/// Downloads the file of a job into the folder.
fn download(service: &Service, folder: &Folder, args: &[&str]) -> Ended {
    let (url, file) = (service.url(), folder.path("f"));
    let common = ["download", "J", "-o", &file, "--interval", "0", "--endpoint", &url];
    cli(&[&common, args].concat()).run()
}

/// Downloads a URL without keys.
fn download_url(url: &str, folder: &Folder) -> Ended {
    without_keys(&["download", "--url", url, "--json", "-o", &folder.path("f")]).run()
}

/// Counts the requests for the file.
fn downloads(service: &Service) -> usize {
    let is_download = |answer: &SeenAnswer| matches!(answer, SeenAnswer::Download { .. });
    service.seen().iter().filter(|seen| is_download(&seen.answer)).count()
}

fn megabyte() -> Vec<u8> {
    (0..1_000_000_u32).map(|n| (n % 251) as u8).collect()
}
