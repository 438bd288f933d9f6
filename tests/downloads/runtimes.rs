//! Downloads of the hyper client on a multi-threaded runtime and on smol.

use futures_util::StreamExt;
use smol_hyper::rt::SmolTimer;
use tcss_export::{
    Session, Source,
    download::{Event, EventKind},
    hyper::{Client, Hyper},
};
use tcss_export_testkit::{ServedFile, Service};
use tokio::runtime::{Builder, Runtime};

use crate::{
    clients::job,
    folder::Folder,
    on_smol::{Connector, Spawn},
    setup::{SECRET_ID, SECRET_KEY, credentials},
};

const LENGTH: u64 = 1 << 20;

/// Starts a service whose first URL expires in the middle of the file.
fn service() -> Service {
    let service = Service::builder().key(SECRET_ID, SECRET_KEY).script("SUCCESS".parse().unwrap());
    let faults = "CUT:500000,EXPIRED".parse().unwrap();
    let file = ServedFile::made_up("report.csv", LENGTH);
    service.file(file).download_faults(faults).start().unwrap()
}

fn session(service: &Service) -> Session {
    Session::new(service.url().parse().unwrap())
}

fn source(service: &Service) -> Source {
    crate::setup::source(&service.file_url().unwrap()).of_job(job())
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn downloads_run_on_a_multi_threaded_runtime() {
    let runtime = runtime();
    let tasks = (0..4).map(|_| {
        let (service, folder) = (service(), Folder::new());
        runtime.spawn(async move {
            let client = Client::new(session(&service), credentials());
            let mut download = client.download(source(&service), folder.target()).unwrap();
            let events: Vec<Event> = Box::pin(download.events()).collect().await;
            assert_eq!(events.last().unwrap().kind, EventKind::Ended);
            let downloaded = download.outcome().await.expect("a whole file");
            assert_eq!((downloaded.bytes, downloaded.report.new_urls), (LENGTH, 1));
            assert_eq!(Some(downloaded.crc64), service.file_crc64());
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        runtime.block_on(task).unwrap();
    }
}

#[test]
fn a_download_into_a_writer_runs_on_a_multi_threaded_runtime() {
    let runtime = runtime();
    let task = runtime.spawn(async {
        let service = service();
        let client = Client::new(session(&service), credentials());
        let mut bytes = Vec::new();
        let writer = futures_util::io::Cursor::new(&mut bytes);
        let download = client.download_into(source(&service), writer).unwrap();
        let downloaded = download.outcome().await.expect("a whole file");
        assert_eq!((downloaded.bytes, bytes.len() as u64), (LENGTH, LENGTH));
    });
    runtime.block_on(task).unwrap();
}

#[test]
fn a_download_runs_on_smol() {
    let (service, folder) = (service(), Folder::new());
    let (connector, timer) = (Connector, SmolTimer::new());
    let hyper = Hyper::with_connector(connector, Spawn, timer);
    let client = Client::with_transport(session(&service), credentials(), hyper);
    let download = client.download(source(&service), folder.target()).unwrap();
    let downloaded = smol::block_on(download.outcome()).expect("a whole file");
    assert_eq!((downloaded.bytes, downloaded.report.new_urls), (LENGTH, 1));
    assert_eq!(Some(downloaded.crc64), service.file_crc64());
}
