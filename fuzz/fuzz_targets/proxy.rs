//! Any variables of a proxy are accepted or refused without a panic. No text shows the password,
//! and a loopback host or an excepted one has no proxy.
//!
//! The lines of the input are the proxy, the exceptions and the host of a URL.
#![no_main]

use std::ffi::OsString;

use http::{StatusCode, Uri};
use libfuzzer_sys::fuzz_target;
use tcss_export_core::Endpoint;
use tcss_export_driver::{Proxies, TunnelError};

const PASSWORD: &str = "EXAMPLE0PASSWORD";

fuzz_target!(|input: &[u8]| {
    let Ok(text) = str::from_utf8(input) else { return };
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (proxy, exceptions, host) = (line().replace('*', PASSWORD), line(), line());
    for scheme in ["https", "http"] {
        if let Ok(url) = format!("{scheme}://{host}/a").parse() {
            check(&proxy, exceptions, &url);
        }
    }
});

fn check(variable: &str, exceptions: &str, url: &Uri) {
    let proxies = |exceptions: &str| {
        Proxies::from_variables(|name| match name {
            "https_proxy" => Some(OsString::from(variable)),
            "no_proxy" => Some(OsString::from(exceptions)),
            _ => None,
        })
    };
    let found = proxies(exceptions).proxy_for_url(url);
    let shown = format!("{:?} {found:?}", proxies(exceptions));
    let shown = shown + &found.as_ref().map_or_else(ToString::to_string, |_| String::new());
    assert!(!shown.contains(PASSWORD), "{shown}");
    if let Ok(Some(proxy)) = &found {
        let refused = TunnelError::refused(proxy, StatusCode::PROXY_AUTHENTICATION_REQUIRED);
        let refused = refused.with_challenges([exceptions.as_bytes()]);
        let failed = TunnelError::failed(proxy, "why");
        let shown = format!("{proxy} {proxy:?} {refused} {refused:?} {failed} {failed:?}");
        assert!(!shown.contains(PASSWORD), "{shown}");
        assert!(proxy.url().parse::<Uri>().is_ok(), "{}", proxy.url());
    }
    // An unusual host never gets a direct connection.
    let is_host = url.authority().is_some_and(|host| host.as_str().parse::<Endpoint>().is_ok());
    if is_host {
        assert_eq!(proxies("*").proxy_for_url(url), Ok(None), "{url}");
    }
    if is_host && matches!(url.host(), Some("localhost" | "127.0.0.1" | "[::1]")) {
        assert_eq!(found, Ok(None), "{url}");
    }
}
