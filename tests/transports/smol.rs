//! The hyper client on another runtime than tokio: connector, executor and timer are smol's.

use smol_hyper::rt::SmolTimer;
use tcss_export::{
    JobId, Session,
    hyper::{Client, Hyper},
};
use tcss_export_testkit::Service;

use crate::{
    on_smol::{Connector, Spawn},
    setup::{SECRET_ID, SECRET_KEY, credentials, hasty},
};

#[test]
fn a_job_is_followed_on_smol() {
    let script = "RUNNING:10,ERROR:InternalError,RESET,SUCCESS".parse().unwrap();
    let key = Service::builder().key(SECRET_ID, SECRET_KEY);
    let service = key.script(script).start().unwrap();
    let session = Session::new(service.url().parse().unwrap());
    let hyper = Hyper::with_connector(Connector, Spawn, SmolTimer::new());
    let client = Client::with_transport(session, credentials(), hyper);
    let client = client.with_policy(hasty());
    let job = JobId::new("4711").unwrap();
    let finished = smol::block_on(client.wait(job)).unwrap();
    assert_eq!((finished.report.polls, finished.report.retries), (4, 2));
}
