//! A client in a child process, whose environment names its proxy and its root certificates.
//!
//! [`Run`] is the parent's side: it starts the child and reads what it printed.

use std::{error::Error, fmt::Debug, process::Command, time::Duration};

#[cfg(any(feature = "hyper", feature = "reqwest"))]
use tcss_export::driver::{Client, Transport};
use tcss_export::{
    Credentials, DownloadUrl, Endpoint, JobId, Session, Source,
    actions::DescribeExportJobResult,
    download::{self, Downloaded},
    error::{DownloadError, SendError},
    wait::Policy,
};
use tcss_export_driver::{ProxyError, TunnelError};
use tcss_export_testkit::wire::WireServer;

use crate::with::with;

const USER: &str = "EXAMPLEUSER";
const PASSWORD: &str = "EXAMPLE WORD@PROXY";
pub(crate) const LOGIN: &str = "EXAMPLEUSER:EXAMPLE%20WORD%40PROXY";

/// Base64 of user and password, by `base64(1)`.
pub(crate) const BASIC: &str = "RVhBTVBMRVVTRVI6RVhBTVBMRSBXT1JEQFBST1hZ";

/// A child that is being set up.
pub(crate) struct Run<'a> {
    server: &'a WireServer,
    url: String,
    options: &'static str,
    roots: String,
    variables: Vec<(&'static str, String)>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(server: &'a WireServer, url: impl Into<String>) -> Self {
        let roots = server.ca_pem().into();
        Self { server, url: url.into(), options: "default", roots, variables: Vec::new() }
    }

    /// Makes the child trust another server as well.
    pub(crate) fn trusting(mut self, server: &WireServer) -> Self {
        self.roots.push_str(server.ca_pem());
        self
    }

    pub(crate) fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    pub(crate) fn options(self, options: &'static str) -> Self {
        Self { options, ..self }
    }

    /// Runs the child over a library and returns its output, which must not contain the login.
    pub(crate) fn with(&self, library: &str) -> String {
        let port = self.server.addr().port();
        let roots = std::env::temp_dir().join(format!("tcss-export-proxies-{library}-{port}"));
        std::fs::write(&roots, &self.roots).unwrap();
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "child::child"])
            .env_clear()
            .env("SSL_CERT_FILE", &roots)
            .env(TASK, format!("{library} {} {}", self.url, self.options))
            .envs(self.variables.iter().cloned())
            .output()
            .unwrap();
        std::fs::remove_file(&roots).unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        for secret in [PASSWORD, LOGIN, USER, BASIC, "WORD"] {
            assert!(!text.contains(secret), "{library} shows a login: {text}");
        }
        text
    }
}

/// Tells the child its library, endpoint and options, separated by spaces.
pub(crate) const TASK: &str = "TCSS_EXPORT_TEST_PROXIES";

/// Tells the child the URL of a file to download after the exchanges.
pub(crate) const FILE: &str = "TCSS_EXPORT_TEST_PROXIES_FILE";

/// Prints the client and the results of two exchanges and of a download.
fn run_child(library: &str, session: Session, options: &str) {
    let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").unwrap();
    match library {
        #[cfg(feature = "ureq")]
        "ureq" => {
            use tcss_export::ureq::{Client, Ureq};
            let client = match options {
                "without_proxy" => {
                    let ureq = Ureq::default().without_proxy();
                    Client::with_transport(session, credentials, ureq)
                }
                _ => Client::new(session, credentials),
            };
            let client = match options {
                "short_limit" => client.with_policy(short_limit()),
                _ => client,
            };
            print(&client, || client.send(&action()).map(|answer| answer.response.status));
            if let Some(source) = source() {
                let download = client.download_into(source, std::io::sink()).unwrap();
                print_download(download.outcome());
            }
        }
        #[cfg(feature = "ureq")]
        "custom_agent" => {
            let agent = ureq::Agent::config_builder().proxy(None).build().new_agent();
            let ureq = tcss_export::ureq::Ureq::with_agent(agent);
            let client = tcss_export::ureq::Client::with_transport(session, credentials, ureq);
            print(&client, || client.send(&action()).map(|answer| answer.response.status));
        }
        #[cfg(feature = "hyper")]
        "hyper" => {
            use tcss_export::hyper::{Client, Hyper};
            print_async(match options {
                "without_proxy" => {
                    Client::with_transport(session, credentials, Hyper::without_proxy())
                }
                "short_limit" => Client::new(session, credentials).with_policy(short_limit()),
                _ => Client::new(session, credentials),
            });
        }
        #[cfg(feature = "reqwest")]
        "reqwest" => {
            use tcss_export::reqwest::{Client, Reqwest};
            print_async(match options {
                "without_proxy" => {
                    Client::with_transport(session, credentials, Reqwest::without_proxy())
                }
                "short_limit" => Client::new(session, credentials).with_policy(short_limit()),
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
fn print_async<T: Transport>(client: Client<T>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    print(&client, || {
        runtime.block_on(client.send(&action())).map(|answer| answer.response.status)
    });
    if let Some(source) = source() {
        let download = client.download_into(source, futures_util::io::sink()).unwrap();
        print_download(runtime.block_on(download.outcome()));
    }
}

/// A time limit short enough for a test to reach it.
fn short_limit() -> Policy {
    with(Policy::default(), |p| p.exchange_limit = Duration::from_millis(300))
}

fn print<T: Debug>(client: &impl Debug, send: impl Fn() -> Result<T, SendError>) {
    println!("{client:?}");
    for _ in 0..2 {
        match send() {
            Ok(status) => println!("status={status:?}"),
            Err(SendError::Transport(error)) => {
                println!("error={:?} {error:?}", error.kind());
                print_chain(&error);
            }
            Err(error) => println!("{error}"),
        }
    }
}

fn source() -> Option<Source> {
    let url = DownloadUrl::new(std::env::var(FILE).ok()?)?;
    let here = "0.0.0.0".parse().unwrap();
    let policy = with(download::Policy::default(), |p| p.private_networks = vec![here..=here]);
    Some(Source::new(url).with_policy(policy))
}

fn print_download(outcome: Result<Downloaded, DownloadError>) {
    match outcome {
        Ok(downloaded) => println!("bytes={}", downloaded.bytes),
        Err(failure) => {
            println!("{failure:?}");
            print_chain(&failure);
        }
    }
}

/// Prints an error with its sources, and marks the typed errors of proxies.
fn print_chain(error: &(dyn Error + 'static)) {
    println!(": {error}");
    if error.is::<ProxyError>() || error.is::<TunnelError>() {
        println!("typed");
    }
    if let Some(source) = error.source() {
        print_chain(source);
    }
}

/// Does nothing unless this process is a child.
#[test]
fn child() {
    let Ok(task) = std::env::var(TASK) else { return };
    let [library, url, options] = task.split(' ').collect::<Vec<_>>()[..] else { panic!("{task}") };
    let endpoint: Endpoint = url.parse().unwrap();
    run_child(library, Session::new(endpoint), options);
}
