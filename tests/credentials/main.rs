//! Credentials from the environment, files, the metadata service and STS.
#![cfg(feature = "credentials")]

#[cfg(any(feature = "hyper", feature = "reqwest", feature = "ureq"))]
#[path = "../common/clients.rs"]
mod clients;
#[cfg(any(feature = "hyper", feature = "reqwest", feature = "ureq"))]
#[path = "../common/custom_clients.rs"]
mod custom_clients;
mod environment;
mod files;
#[allow(dead_code, reason = "other tests list the names in a folder")]
#[path = "../common/folder.rs"]
mod folder;
mod profiles;
mod refresh;
#[cfg(any(feature = "hyper", feature = "reqwest", feature = "ureq"))]
mod remote;
mod secrets;
mod threads;
mod virtual_machine;

use std::{collections::BTreeMap, ffi::OsString};

use tcss_export::credentials::{Chain, ChainError, Found, Source};
use virtual_machine::VirtualMachine;

const ID: &str = "AKIDEXAMPLE";
const KEY: &str = "EXAMPLEKEY";
const TOKEN: &str = "EXAMPLETOKEN";

/// Returns a chain with these variables only.
fn chain<V: Into<OsString>>(sources: Vec<Source>, variables: Vec<(&str, V)>) -> Chain {
    let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
    let variables: BTreeMap<String, OsString> = variables.collect();
    Chain::default().with_sources(sources).with_variables(move |name| variables.get(name).cloned())
}

/// Asks one source of this machine. It needs no request.
fn ask<V: Into<OsString>>(source: Source, variables: Vec<(&str, V)>) -> Result<Found, ChainError> {
    let machine = VirtualMachine::default();
    let found = smol::block_on(chain(vec![source], variables).find(&machine, false));
    assert_eq!(machine.sent(), Vec::<String>::new());
    found
}

/// Returns the text of the error, which is one line.
#[track_caller]
fn error_of(result: Result<Found, ChainError>) -> String {
    let text = result.expect_err("no credentials").to_string();
    assert!(!text.contains(KEY) && !text.contains(TOKEN), "{text}");
    text
}

#[test]
fn the_metadata_service_is_never_asked_through_a_proxy() {
    let proxies = tcss_export::driver::Proxies::from_variables(|name| {
        (name == "https_proxy").then(|| "http://proxy.example:3128".into())
    });
    let url = |url: &'static str| proxies.proxy_for_url(&http::Uri::from_static(url)).unwrap();
    assert!(url("http://metadata.tencentyun.com/latest/meta-data/").is_none());
    assert!(url("http://other.tencentyun.com/latest/meta-data/").is_some());
}
