//! Downloads choose their proxy by the host of their own URL, not by the host of the API.

use tcss_export_testkit::wire::{WireAnswer, WireServer};

use crate::{
    HERE, HOST, LIBRARIES, RUNNING, assert_succeeds,
    child::{FILE, Run},
    head, proxy_that_answers, proxy_to, server, url,
};

const FILE_HOST: &str = "files.example";
const TARGET: &str = "/a.csv?q-signature=EXAMPLE";

fn file_server(host: &str) -> WireServer {
    WireServer::tls_for(host, [WireAnswer::response(200, &[], "123456789")]).unwrap()
}

/// Asserts that the server received one request, for the file.
fn assert_one_request(files: &WireServer, host: &str) {
    let requests = files.requests();
    assert_eq!(requests.len(), 1);
    let mut lines: Vec<_> = head(&requests[0]).iter().map(|line| line.to_lowercase()).collect();
    let line = lines.remove(0);
    assert_eq!(line, format!("GET {TARGET} HTTP/1.1").to_lowercase());
    // reqwest adds this one.
    lines.retain(|line| line != "accept: */*");
    lines.sort();
    assert_eq!(lines, ["accept-encoding: identity".into(), format!("host: {host}")]);
}

#[test]
fn a_file_is_fetched_through_the_proxy_from_its_own_host() {
    for library in LIBRARIES {
        // Its certificate is for this name only.
        let files = file_server(FILE_HOST);
        let proxy = proxy_to(&files);
        // The API has a loopback address, so its requests use no proxy.
        let api = WireServer::plain([WireAnswer::json(RUNNING)]).unwrap();
        let run = Run::new(&files, api.url())
            .env("HTTPS_PROXY", url(proxy.addr()))
            .env(FILE, format!("https://{FILE_HOST}{TARGET}"));
        let text = run.with(library);
        assert_succeeds(&text);
        assert!(text.contains("bytes=9"), "{text}");
        assert_eq!(proxy.requests().len(), 1, "{library}");
        assert_eq!(head(&proxy.requests()[0])[0], "CONNECT files.example:443 HTTP/1.1");
        assert_one_request(&files, FILE_HOST);
    }
}

#[test]
fn no_proxy_may_name_only_the_host_of_the_file() {
    for library in LIBRARIES {
        let (api, files) = (server(HOST), file_server(HERE));
        let proxy = proxy_to(&api);
        let host = format!("{HERE}:{}", files.addr().port());
        let run = Run::new(&api, HOST)
            .trusting(&files)
            .env("HTTPS_PROXY", url(proxy.addr()))
            .env("NO_PROXY", HERE)
            .env(FILE, format!("https://{host}{TARGET}"));
        let text = run.with(library);
        assert_succeeds(&text);
        assert!(text.contains("bytes=9"), "{text}");
        assert_eq!(head(&proxy.requests()[0])[0], "CONNECT gw.example:443 HTTP/1.1");
        assert_eq!(proxy.requests().len(), 1, "{library}");
        assert_one_request(&files, &host);
    }
}

#[test]
fn a_proxy_that_answers_407_ends_a_download() {
    for library in LIBRARIES {
        let files = file_server(FILE_HOST);
        let api = WireServer::plain([WireAnswer::json(RUNNING)]).unwrap();
        let proxy = proxy_that_answers(WireAnswer::response(407, &[], "").then_close());
        let run = Run::new(&files, api.url())
            .env("HTTPS_PROXY", url(proxy.addr()))
            .env(FILE, format!("https://{FILE_HOST}{TARGET}"));
        let text = run.with(library);
        assert!(text.contains("refused to connect with status 407 Proxy Auth"), "{text}");
        assert!(text.contains("typed") && !text.contains("q-signature"), "{text}");
        assert_eq!((proxy.requests().len(), files.connections()), (1, 0), "{library}");
    }
}
