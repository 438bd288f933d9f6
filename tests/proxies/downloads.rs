//! Downloads choose their way by the host of their URL, whatever way the API goes.

use tcss_export_testkit::wire::{WireAnswer, WireServer};

use crate::{
    HERE, HOST, LIBRARIES, RUNNING, assert_runs, child::FILE, head, proxy_to, refusing, run::Run,
    server, url,
};

const FILE_HOST: &str = "files.example";
const TARGET: &str = "/a.csv?q-signature=EXAMPLE";

fn files(host: &str) -> WireServer {
    WireServer::tls_for(host, [WireAnswer::response(200, &[], "123456789")]).unwrap()
}

/// Checks that a server was asked once, for the file alone.
fn assert_asked(files: &WireServer, host: &str) {
    let requests = files.requests();
    assert_eq!(requests.len(), 1);
    let mut lines: Vec<_> = head(&requests[0]).iter().map(|line| line.to_lowercase()).collect();
    let line = lines.remove(0);
    assert_eq!(line, format!("GET {TARGET} HTTP/1.1").to_lowercase());
    // reqwest adds this one by itself.
    lines.retain(|line| line != "accept: */*");
    lines.sort();
    assert_eq!(lines, ["accept-encoding: identity".into(), format!("host: {host}")]);
}

#[test]
fn a_file_comes_through_the_proxy_from_its_own_host() {
    for library in LIBRARIES {
        // Its certificate is for this name only.
        let files = files(FILE_HOST);
        let proxy = proxy_to(&files);
        // The API is on this machine, and asked straight.
        let api = WireServer::plain([WireAnswer::json(RUNNING)]).unwrap();
        let run = Run::new(&files, api.url())
            .env("HTTPS_PROXY", url(proxy.addr()))
            .env(FILE, format!("https://{FILE_HOST}{TARGET}"));
        let text = run.with(library);
        assert_runs(&text);
        assert!(text.contains("bytes=9"), "{text}");
        assert_eq!(proxy.requests().len(), 1, "{library}");
        assert_eq!(head(&proxy.requests()[0])[0], "CONNECT files.example:443 HTTP/1.1");
        assert_asked(&files, FILE_HOST);
    }
}

#[test]
fn no_proxy_may_except_the_file_alone() {
    for library in LIBRARIES {
        let (api, files) = (server(HOST), files(HERE));
        let proxy = proxy_to(&api);
        let host = format!("{HERE}:{}", files.addr().port());
        let run = Run::new(&api, HOST)
            .trusting(&files)
            .env("HTTPS_PROXY", url(proxy.addr()))
            .env("NO_PROXY", HERE)
            .env(FILE, format!("https://{host}{TARGET}"));
        let text = run.with(library);
        assert_runs(&text);
        assert!(text.contains("bytes=9"), "{text}");
        assert_eq!(head(&proxy.requests()[0])[0], "CONNECT gw.example:443 HTTP/1.1");
        assert_eq!(proxy.requests().len(), 1, "{library}");
        assert_asked(&files, &host);
    }
}

#[test]
fn a_proxy_that_refuses_ends_a_download_for_good() {
    for library in LIBRARIES {
        let files = files(FILE_HOST);
        let api = WireServer::plain([WireAnswer::json(RUNNING)]).unwrap();
        let proxy = refusing(WireAnswer::response(407, &[], "").then_close());
        let run = Run::new(&files, api.url())
            .env("HTTPS_PROXY", url(proxy.addr()))
            .env(FILE, format!("https://{FILE_HOST}{TARGET}"));
        let text = run.with(library);
        assert!(text.contains("refused to connect with status 407 Proxy Auth"), "{text}");
        assert!(text.contains("typed") && !text.contains("q-signature"), "{text}");
        assert_eq!((proxy.requests().len(), files.connections()), (1, 0), "{library}");
    }
}
