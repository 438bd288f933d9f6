//! Where a download may go: by the text of its URL, and by the addresses that a name leads to.

use std::{
    fs,
    io::{self, Read, Write},
    net::{IpAddr, TcpListener, ToSocketAddrs},
    thread,
    time::Duration,
};

use tcss_export::{
    DownloadUrl, Source,
    core::{ClockOffset, Mono, Now, download::Download},
    download::{ErrorKind, Fault, Policy},
    driver::{AddressPolicy, Limits, TransportErrorKind},
    error::{DownloadError, Field, Reason},
};
use tcss_export_testkit::wire::WireAnswer;

use crate::{
    answers::FILE,
    clients::{Client, Http, LIBRARIES, Setup},
    folder::Folder,
    setup::{Ended, hasty, kind, source},
    with::with,
};

/// A client whose server nobody asks.
fn client(setup: &Setup) -> Client {
    setup.client_of(&setup.server([WireAnswer::Close]))
}

pub(crate) fn the_text_of_a_url_is_judged_before_anything_is_sent(setup: &Setup) {
    let client = client(setup);
    for (url, reason) in [
        ("http://h.example/a", Reason::PlainHttp),
        ("https://10.0.0.1/a", Reason::PrivateAddress),
        ("https://169.254.0.23/a", Reason::PrivateAddress),
        ("https://0.0.0.0/a", Reason::PrivateAddress),
        ("https://[::ffff:127.0.0.1]:1/a", Reason::PrivateAddress),
        ("file:///etc/passwd", Reason::UrlScheme),
        ("https://127.1/a", Reason::Host),
        ("https://u:EXAMPLE@h.example/a", Reason::UserInfo),
    ] {
        let error = client.refusal(source(url));
        assert_eq!((error.field(), error.reason()), (Field::DownloadUrl, reason), "{url}");
    }
    let text = client.text(by("http://h.example/a", with(hasty(), |p| p.allow_http = true)));
    assert!(text.contains("http://h.example/a"), "{text}");
    let text = client.text(by("https://10.0.0.1/a", with(hasty(), |p| p.allow_private = true)));
    assert!(text.contains("https://10.0.0.1/a"), "{text}");
}

fn by(url: &str, policy: Policy) -> Source {
    source(url).with_policy(policy)
}

/// This machine, by a name that does not show it.
struct Inside {
    name: String,
    listener: TcpListener,
}

impl Inside {
    /// Finds a name in the list of hosts; there may be none but `localhost`, which shows it.
    fn find() -> Option<Self> {
        let hosts = fs::read_to_string("/etc/hosts").ok()?;
        let entries = hosts.lines().map(|line| line.split('#').next().unwrap_or_default());
        let mut names = entries.flat_map(|entry| entry.split_whitespace().skip(1));
        names.find_map(|name| {
            let listener = TcpListener::bind((inner_address(name)?, 0)).ok()?;
            Some(Self { name: name.to_lowercase(), listener })
        })
    }

    fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}:{}/a.csv", self.name, self.listener.local_addr().unwrap().port())
    }

    /// Downloads while one connection is answered with the file.
    fn download(&self, setup: Setup, policy: Policy) -> Ended {
        let folder = Folder::new();
        thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, _) = self.listener.accept().unwrap();
                let mut request = [0; 4096];
                while !request.ends_with(b"\r\n\r\n") {
                    let length = stream.read(&mut request).unwrap();
                    request.rotate_left(length);
                }
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n").unwrap();
                stream.write_all(FILE).unwrap();
            });
            client(&setup).download(by(&self.url("http"), policy), folder.target())
        })
    }
}

/// Returns an address of a name that is usable in a URL and leads to private ones only.
fn inner_address(name: &str) -> Option<IpAddr> {
    let addresses: Vec<_> = (name, 0).to_socket_addrs().ok()?.map(|found| found.ip()).collect();
    let is_inner = |address: &IpAddr| !AddressPolicy::Public.permits(*address);
    let url = DownloadUrl::new(format!("https://{name}/"))?;
    let mut download = Download::new(url, &Policy::default(), 0, Mono::default()).ok()?;
    let request = download.start(Now::default(), ClockOffset::default()).ok()?;
    let is_plain_name = Limits::of(&request).address_policy == AddressPolicy::Public;
    let is_of_use = is_plain_name && addresses.iter().all(is_inner);
    addresses.into_iter().next().filter(|_| is_of_use)
}

/// What becomes of the addresses of a name is tested in each transport, by names that are made up.
fn skip() {
    // Written past the capture of tests that pass.
    let _ = io::stderr().write_all(b"skipped: no name in the list of hosts hides this machine\n");
}

#[test]
fn a_name_that_leads_to_a_private_address_is_refused_for_good() {
    let Some(inside) = Inside::find() else { return skip() };
    // A connection that should not be is answered by nobody.
    let policy = with(hasty(), |p| {
        p.max_failures = 1;
        p.stall_limit = Duration::from_secs(5);
    });
    for library in LIBRARIES {
        for (scheme, policy) in
            [("http", with(policy.clone(), |p| p.allow_http = true)), ("https", policy.clone())]
        {
            let folder = Folder::new();
            let source = by(&inside.url(scheme), policy);
            let end = client(&Setup::own(*library)).download(source, folder.target());
            assert_eq!(
                *kind(&end),
                ErrorKind::Fault(Fault::Transport(TransportErrorKind::Permanent))
            );
            let failure = end.unwrap_err();
            assert_eq!(failure.download_error().unwrap().report.requests, 1);
            let DownloadError::Download { transport: Some(transport), .. } = failure else {
                panic!("{failure:?}")
            };
            let said = transport.address_error().expect("an error of the address").to_string();
            assert!(said.starts_with(&inside.name), "{said}");
            folder.assert_empty();
        }
    }
    inside.listener.set_nonblocking(true).unwrap();
    assert!(inside.listener.accept().is_err(), "somebody has connected");
}

#[test]
fn a_private_address_that_is_allowed_is_connected_to() {
    let Some(inside) = Inside::find() else { return skip() };
    for library in LIBRARIES {
        let policy = with(hasty(), |p| {
            p.allow_http = true;
            p.allow_private = true;
        });
        let downloaded = inside.download(Setup::own(*library), policy).expect("a whole file");
        assert_eq!(downloaded.bytes, 9);
    }
}

#[test]
fn of_a_given_client_only_the_text_of_the_url_is_checked() {
    let Some(inside) = Inside::find() else { return skip() };
    for library in LIBRARIES {
        let given = Setup { http: Http::Given, ..Setup::own(*library) };
        let downloaded =
            inside.download(given, with(hasty(), |p| p.allow_http = true)).expect("a whole file");
        assert_eq!(downloaded.bytes, 9);
    }
}
