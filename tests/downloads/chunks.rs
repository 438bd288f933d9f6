//! Downloads over several connections.

use tcss_export::download::Policy;
use tcss_export_testkit::{DownloadFaults, ServedFile, Service};

use crate::{
    clients::Setup,
    folder::Folder,
    setup::{TestService, no_retries, source},
    with::with,
};

const CHUNK: u64 = 1 << 20;

fn policy() -> Policy {
    with(no_retries(), |policy| policy.connections = 4)
}

fn service(setup: &Setup, length: u64, faults: DownloadFaults) -> TestService {
    let file = ServedFile::made_up("report.csv", length);
    setup.service(Service::builder().file(file).download_faults(faults))
}

pub(crate) fn a_file_arrives_over_several_connections(setup: &Setup) {
    let (served, folder) = (service(setup, 6 * CHUNK, DownloadFaults::default()), Folder::new());
    let source = source(&served.service.file_url().unwrap()).with_policy(policy());
    let downloaded = served.client(setup).download(source, folder.target()).unwrap();
    assert_eq!((downloaded.bytes, downloaded.verified), (6 * CHUNK, true));
    assert_eq!((downloaded.report.requests, downloaded.report.last_fault), (6, None));
    let seen = served.service.seen();
    let ranges = seen.iter().map(|seen| seen.download.as_ref().unwrap().header("range"));
    let mut ranges: Vec<_> = ranges.map(Option::unwrap_or_default).collect();
    // Requests of several connections may arrive in another order.
    ranges.sort_unstable();
    let expected = [
        "",
        "bytes=1048576-2097151",
        "bytes=2097152-3145727",
        "bytes=3145728-4194303",
        "bytes=4194304-5242879",
        "bytes=5242880-6291455",
    ];
    assert_eq!(ranges, expected);
}

pub(crate) fn no_fault_of_a_chunk_fails_the_download(setup: &Setup) {
    for fault in [
        "CUT:100000",
        "RESET",
        "CHUNKED",
        "CHUNKED-CUT:70000",
        "NOETAG",
        "WEAK",
        "CRC",
        "FULL",
        "RANGE",
        "LESS:500000",
        "GZIP",
        "REDIRECT",
        "DENIED",
        "GONE",
        "HTTP:500",
        "HTTP:503",
        "HTTP:429",
    ] {
        let faults = format!("OK,OK,{fault}").parse().unwrap();
        let (served, folder) = (service(setup, 4 * CHUNK, faults), Folder::new());
        let source = source(&served.service.file_url().unwrap()).with_policy(policy());
        let downloaded = served.client(setup).download(source, folder.target());
        let downloaded = downloaded.unwrap_or_else(|error| panic!("{fault}: {error}"));
        assert!(downloaded.verified && downloaded.report.restarts == 0, "{fault}");
        assert_eq!(Some(downloaded.crc64), served.service.file_crc64(), "{fault}");
    }
}
