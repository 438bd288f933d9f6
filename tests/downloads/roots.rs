//! The operating system's root certificates are read once for all requests of a download.

use std::{
    env, fs,
    process::{Command, Output},
};

use tcss_export_testkit::{ServedFile, Service, wire::WireAnswer};

use crate::{
    clients::{LIBRARIES, Library, Setup, Wire},
    folder::Folder,
    setup::{ETAG, FILE, TARGET, cut, range, short_delays, source},
    with::with,
};

// The environment names the file of root certificates, so the clients run in a child process: this
// binary again, with one test.

/// Tells the child the URL of its server.
const CHILD_URL: &str = "TCSS_EXPORT_TEST_URL";
/// Tells the child its library.
const CHILD_LIBRARY: &str = "TCSS_EXPORT_TEST_LIBRARY";
const ROOTS: &str = "SSL_CERT_FILE";

/// Downloads over several connections, and removes the roots once the first head has arrived, if
/// this process is a child.
#[test]
fn child() {
    let Ok(url) = env::var(CHILD_URL) else { return };
    let name = env::var(CHILD_LIBRARY).unwrap();
    let is_named = |library: &&Library| format!("{library:?}") == name;
    let library = *LIBRARIES.iter().find(is_named).unwrap();
    let (host, _) = url.split_once("/report").unwrap();
    let client = Setup { wire: Wire::Tls, ..Setup::new(library) }.client(host, &[]);
    let folder = Folder::new();
    let source = source(&url).with_policy(with(short_delays(), |policy| policy.connections = 4));
    let downloaded = client.download_while(source, folder.target(), |_| {
        let _ = fs::remove_file(env::var(ROOTS).unwrap());
        true
    });
    println!("downloaded={:?}", downloaded.unwrap().map(|downloaded| downloaded.bytes));
}

/// Checks that a child downloads this many bytes although the roots are removed.
fn assert_reads_the_roots_once(library: Library, url: &str, authority: &str, bytes: u64) {
    let roots = Folder::new();
    fs::write(roots.at("roots"), authority).unwrap();
    let Output { stdout, .. } = Command::new(env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "roots::child"])
        .env(ROOTS, roots.at("roots"))
        .env_remove("SSL_CERT_DIR")
        .env(CHILD_URL, url)
        .env(CHILD_LIBRARY, format!("{library:?}"))
        .output()
        .unwrap();
    let printed = String::from_utf8(stdout).unwrap();
    roots.assert_empty();
    assert!(printed.contains(&format!("downloaded=Ok({bytes})")), "{library:?}: {printed}");
}

#[test]
fn broken_connections_do_not_read_the_roots_again() {
    for library in LIBRARIES {
        let setup = Setup { wire: Wire::Tls, ..Setup::new(*library) };
        // A connection that breaks in the body, and one that breaks before the head.
        let rest = range("bytes 4-8/9", ETAG, &FILE[4..]);
        let server = setup.server([cut("9", ETAG, &FILE[..4]), WireAnswer::Close, rest]);
        let url = format!("{}{TARGET}", server.url());
        assert_reads_the_roots_once(*library, &url, server.ca_pem(), 9);
        assert_eq!(server.connections(), 3, "{library:?}");
    }
}

#[test]
fn several_connections_read_the_roots_once() {
    for library in LIBRARIES {
        let setup = Setup { wire: Wire::Tls, ..Setup::new(*library) };
        let length = 6 << 20;
        let served = setup.service(Service::builder().file(ServedFile::made_up("report", length)));
        let url = served.service.file_url().unwrap();
        assert_reads_the_roots_once(*library, &url, served.ca_pem(), length);
        assert_eq!(served.service.seen().len(), 6, "{library:?}");
    }
}
