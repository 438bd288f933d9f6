//! Which URLs and which resolved addresses a download may use.

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
    driver::{AddressPolicy, Limits, Network, TransportErrorKind},
    error::{DownloadError, Field, Reason},
};
use tcss_export_testkit::wire::WireAnswer;

use crate::{
    clients::{Client, HttpClient, LIBRARIES, Setup},
    folder::Folder,
    setup::{DownloadResult, FILE, kind, short_delays, source},
    with::with,
};

/// Creates a client whose server gets no request.
fn client(setup: &Setup) -> Client {
    setup.client_for(&setup.server([WireAnswer::Close]))
}

pub(crate) fn the_text_of_a_url_is_checked_before_anything_is_sent(setup: &Setup) {
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
    let text = client
        .text(source_with("http://h.example/a", with(short_delays(), |p| p.allow_http = true)));
    assert!(text.contains("http://h.example/a"), "{text}");
    let text = client.text(source_with(
        "https://10.0.0.1/a",
        with(short_delays(), |p| p.private_networks = inside()),
    ));
    assert!(text.contains("https://10.0.0.1/a"), "{text}");
}

/// Returns the private IPv4 networks.
fn inside() -> Vec<Network> {
    let network = |first: &str, last: &str| first.parse().unwrap()..=last.parse().unwrap();
    let mut networks = vec![network("172.16.0.0", "172.31.255.255")];
    networks.extend([
        network("192.168.0.0", "192.168.255.255"),
        network("127.0.0.0", "127.255.255.255"),
    ]);
    networks.extend(AddressPolicy::TENCENT_NETWORKS);
    networks
}

fn source_with(url: &str, policy: Policy) -> Source {
    source(url).with_policy(policy)
}

/// A name of this machine that does not look local, with a listener at its address.
struct LocalName {
    name: String,
    listener: TcpListener,
}

impl LocalName {
    /// Searches the hosts file; it may hold no such name.
    fn find() -> Option<Self> {
        let hosts = fs::read_to_string("/etc/hosts").ok()?;
        let entries = hosts.lines().map(|line| line.split('#').next().unwrap_or_default());
        let mut names = entries.flat_map(|entry| entry.split_whitespace().skip(1));
        names.find_map(|name| {
            let listener = TcpListener::bind((private_address(name)?, 0)).ok()?;
            Some(Self { name: name.to_lowercase(), listener })
        })
    }

    fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}:{}/a.csv", self.name, self.listener.local_addr().unwrap().port())
    }

    /// Downloads while the listener answers one connection with the file.
    fn download(&self, setup: Setup, policy: Policy) -> DownloadResult {
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
            client(&setup).download(source_with(&self.url("http"), policy), folder.target())
        })
    }
}

/// Returns an address of a name that is valid in a URL and resolves only to private addresses.
fn private_address(name: &str) -> Option<IpAddr> {
    let addresses: Vec<_> = (name, 0).to_socket_addrs().ok()?.map(|found| found.ip()).collect();
    let is_private = |address: &IpAddr| !AddressPolicy::Public.permits(*address);
    let url = DownloadUrl::new(format!("https://{name}/"))?;
    let mut download = Download::new(url, &Policy::default(), 0, Mono::default()).ok()?;
    let request = download.start(Now::default(), ClockOffset::default()).ok()?;
    let is_plain_name = Limits::of(&request).address_policy == AddressPolicy::Public;
    let is_usable = is_plain_name && addresses.iter().all(is_private);
    addresses.into_iter().next().filter(|_| is_usable)
}

/// The tests of each transport check resolved addresses with made-up names.
fn skip() {
    // The test harness hides `eprintln!` of tests that pass.
    let _ = io::stderr().write_all(
        b"skipped: the hosts file has no name of this machine that does not look local\n",
    );
}

#[test]
fn a_name_that_resolves_to_a_private_address_is_refused_permanently() {
    let Some(local) = LocalName::find() else { return skip() };
    // No one answers a connection that should not be made.
    let policy = with(short_delays(), |p| {
        p.max_failures = 1;
        p.stall_limit = Duration::from_secs(5);
    });
    for library in LIBRARIES {
        for (scheme, policy) in
            [("http", with(policy.clone(), |p| p.allow_http = true)), ("https", policy.clone())]
        {
            let folder = Folder::new();
            let source = source_with(&local.url(scheme), policy);
            let result = client(&Setup::new(*library)).download(source, folder.target());
            assert_eq!(
                *kind(&result),
                ErrorKind::Fault(Fault::Transport(TransportErrorKind::Permanent))
            );
            let failure = result.unwrap_err();
            assert_eq!(failure.download_error().unwrap().report.requests, 1);
            let DownloadError::Download { transport: Some(transport), .. } = failure else {
                panic!("{failure:?}")
            };
            let message = transport.address_error().expect("an error of the address").to_string();
            assert!(message.starts_with(&local.name), "{message}");
            folder.assert_empty();
        }
    }
    local.listener.set_nonblocking(true).unwrap();
    assert!(local.listener.accept().is_err(), "a client has connected");
}

#[test]
fn an_allowed_private_address_is_connected_to() {
    let Some(local) = LocalName::find() else { return skip() };
    for library in LIBRARIES {
        let policy = with(short_delays(), |p| {
            p.allow_http = true;
            p.private_networks = inside();
        });
        let downloaded = local.download(Setup::new(*library), policy).expect("a whole file");
        assert_eq!(downloaded.bytes, 9);
    }
}

#[test]
fn with_a_custom_client_only_the_text_of_the_url_is_checked() {
    let Some(local) = LocalName::find() else { return skip() };
    for library in LIBRARIES {
        let custom = Setup { http: HttpClient::Custom, ..Setup::new(*library) };
        let downloaded = local
            .download(custom, with(short_delays(), |p| p.allow_http = true))
            .expect("a whole file");
        assert_eq!(downloaded.bytes, 9);
    }
}
