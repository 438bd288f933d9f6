//! Blocking clients in several threads that share one chain, at a virtual clock.

use std::{
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use tcss_export::{
    Endpoint, JobId, Session,
    core::{Now, RateBudget},
    credentials::{Chain, Source},
    driver::{Blocking, Body, Budget, Transport, TransportError, blocking::Client},
};

use crate::{chain, virtual_machine::VirtualMachine};

const THREADS: usize = 8;

/// The machine, and a service that refuses one token.
struct Network {
    machine: VirtualMachine,
    refused: &'static str,
}

impl Transport for Network {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, TransportError> {
        let Some(token) = request.headers().get("x-tc-token") else {
            return self.machine.send(request).await;
        };
        let answer = match token == self.refused {
            true => r#"{"Response":{"Error":{"Code":"AuthFailure.TokenFailure","Message":"m"}}}"#,
            false => {
                r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://h.example/a"}}"#
            }
        };
        Ok(Response::new(Body::from(Bytes::from(answer))))
    }

    async fn sleep(&self, duration: Duration) {
        self.machine.sleep(duration).await;
    }

    fn now(&self) -> Now {
        self.machine.now()
    }
}

impl Blocking for Network {}

/// Waits for a job in each thread, with a client of its own.
fn wait_in_all_threads(chain: &Arc<Chain>, machine: &VirtualMachine, refused: &'static str) {
    let start = Arc::new(Barrier::new(THREADS));
    let threads = [(); THREADS].map(|()| {
        let session = Session::new(Endpoint::international());
        let network = Network { machine: machine.clone(), refused };
        let client = Client::with_transport(session, Arc::clone(chain), network)
            .with_budget(Budget::new(RateBudget::new(Duration::ZERO)));
        let start = Arc::clone(&start);
        thread::spawn(move || {
            start.wait();
            client.wait(JobId::new("4711").unwrap()).map(drop)
        })
    });
    for thread in threads {
        thread.join().expect("no panic").expect("a file");
    }
}

#[test]
fn the_clients_of_all_threads_cause_one_refresh() {
    let chain = Arc::new(chain(vec![Source::InstanceRole], Vec::<(&str, &str)>::new()));
    let machine = VirtualMachine::with_lifetime(7_200);
    wait_in_all_threads(&chain, &machine, "none");
    assert_eq!(machine.issued(), 1);
    machine.state().elapsed = 6_899;
    wait_in_all_threads(&chain, &machine, "none");
    assert_eq!(machine.issued(), 1);
    // Five minutes before the keys expire.
    machine.state().elapsed = 6_900;
    wait_in_all_threads(&chain, &machine, "none");
    assert_eq!(machine.issued(), 2);
}

#[test]
fn the_clients_of_all_threads_replace_refused_keys_once() {
    let chain = Arc::new(chain(vec![Source::InstanceRole], Vec::<(&str, &str)>::new()));
    let machine = VirtualMachine::with_lifetime(7_200);
    wait_in_all_threads(&chain, &machine, "EXAMPLETOKEN1");
    assert_eq!(machine.issued(), 2);
}
