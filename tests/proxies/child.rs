//! The child's half: a client whose proxy and roots are told by its environment.

use std::{error::Error, fmt::Debug, time::Duration};

use crate::with::with;
use tcss_export::{
    Credentials, DownloadUrl, Endpoint, JobId, Session, Source,
    actions::DescribeExportJobResult,
    download::{self, Downloaded},
    driver::{Client, ProxyError, Transport, TunnelError},
    error::{DownloadError, SendError},
    wait::Policy,
};

/// Names library, endpoint and way, divided by blanks.
pub(crate) const TASK: &str = "TCSS_EXPORT_TEST_PROXIES";

/// Names the URL of a file to be downloaded behind the exchanges.
pub(crate) const FILE: &str = "TCSS_EXPORT_TEST_PROXIES_FILE";

/// What the child prints of its client and of each of its two exchanges.
fn child_of(library: &str, session: Session, way: &str) {
    let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").unwrap();
    match library {
        #[cfg(feature = "ureq")]
        "ureq" => {
            use tcss_export::ureq::{Client, Ureq};
            let client = match way {
                "without" => {
                    let ureq = Ureq::default().without_proxy();
                    Client::with_transport(session, credentials, ureq)
                }
                _ => Client::new(session, credentials),
            };
            let client = match way {
                "impatient" => client.with_policy(impatient()),
                _ => client,
            };
            tell(&client, || client.send(&action()).map(|answer| answer.response.status));
            if let Some(source) = source() {
                let download = client.download_into(source, std::io::sink()).unwrap();
                tell_download(download.outcome());
            }
        }
        #[cfg(feature = "ureq")]
        "given" => {
            let agent = ureq::Agent::config_builder().proxy(None).build().new_agent();
            let ureq = tcss_export::ureq::Ureq::with_agent(agent);
            let client = tcss_export::ureq::Client::with_transport(session, credentials, ureq);
            tell(&client, || client.send(&action()).map(|answer| answer.response.status));
        }
        #[cfg(feature = "hyper")]
        "hyper" => {
            use tcss_export::hyper::{Client, Hyper};
            tell_async(match way {
                "without" => Client::with_transport(session, credentials, Hyper::without_proxy()),
                "impatient" => Client::new(session, credentials).with_policy(impatient()),
                _ => Client::new(session, credentials),
            });
        }
        #[cfg(feature = "reqwest")]
        "reqwest" => {
            use tcss_export::reqwest::{Client, Reqwest};
            tell_async(match way {
                "without" => Client::with_transport(session, credentials, Reqwest::without_proxy()),
                "impatient" => Client::new(session, credentials).with_policy(impatient()),
                _ => Client::new(session, credentials),
            });
        }
        _ => unreachable!("{library}"),
    }
}

fn action() -> DescribeExportJobResult {
    DescribeExportJobResult::new(JobId::new("J").unwrap())
}

#[cfg(any(feature = "hyper", feature = "reqwest"))]
fn tell_async<T: Transport>(client: Client<T>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tell(&client, || runtime.block_on(client.send(&action())).map(|answer| answer.response.status));
    if let Some(source) = source() {
        let download = client.download_into(source, futures_util::io::sink()).unwrap();
        tell_download(runtime.block_on(download.outcome()));
    }
}

/// A time limit so short that a test may run into it.
fn impatient() -> Policy {
    with(Policy::default(), |p| p.exchange_limit = Duration::from_millis(300))
}

fn tell<T: Debug>(client: &impl Debug, send: impl Fn() -> Result<T, SendError>) {
    println!("{client:?}");
    for _ in 0..2 {
        match send() {
            Ok(status) => println!("status={status:?}"),
            Err(SendError::Transport(error)) => {
                println!("fault={:?} {error:?}", error.kind());
                chain(&error);
            }
            Err(error) => println!("{error}"),
        }
    }
}

fn source() -> Option<Source> {
    let url = DownloadUrl::new(std::env::var(FILE).ok()?)?;
    Some(
        Source::new(url).with_policy(with(download::Policy::default(), |p| p.allow_private = true)),
    )
}

fn tell_download(end: Result<Downloaded, DownloadError>) {
    match end {
        Ok(downloaded) => println!("bytes={}", downloaded.bytes),
        Err(failure) => {
            println!("{failure:?}");
            chain(&failure);
        }
    }
}

fn chain(error: &(dyn Error + 'static)) {
    println!(": {error}");
    if error.is::<ProxyError>() || error.is::<TunnelError>() {
        println!("typed");
    }
    if let Some(source) = error.source() {
        chain(source);
    }
}

/// Without the variable it has nothing to do.
#[test]
fn child() {
    let Ok(task) = std::env::var(TASK) else { return };
    let [library, url, way] = task.split(' ').collect::<Vec<_>>()[..] else { panic!("{task}") };
    let endpoint: Endpoint = url.parse().unwrap();
    child_of(library, Session::new(endpoint), way);
}
