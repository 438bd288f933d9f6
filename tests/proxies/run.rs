//! Runs the child and reads what it printed.

use std::process::Command;

use tcss_export_testkit::wire::WireServer;

use crate::child::TASK;

const USER: &str = "EXAMPLEUSER";
const PASSWORD: &str = "EXAMPLE WORD@PROXY";
pub(crate) const LOGIN: &str = "EXAMPLEUSER:EXAMPLE%20WORD%40PROXY";

/// Base64 of user and password, by `base64(1)`.
pub(crate) const BASIC: &str = "RVhBTVBMRVVTRVI6RVhBTVBMRSBXT1JEQFBST1hZ";

/// One run of the child in the making.
pub(crate) struct Run<'a> {
    server: &'a WireServer,
    url: String,
    way: &'static str,
    roots: String,
    variables: Vec<(&'static str, String)>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(server: &'a WireServer, url: impl Into<String>) -> Self {
        let roots = server.ca_pem().into();
        Self { server, url: url.into(), way: "new", roots, variables: Vec::new() }
    }

    /// Has the child trust another server, too.
    pub(crate) fn trusting(mut self, server: &WireServer) -> Self {
        self.roots.push_str(server.ca_pem());
        self
    }

    pub(crate) fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    pub(crate) fn way(self, way: &'static str) -> Self {
        Self { way, ..self }
    }

    /// Gives what the child printed, in which no password may be.
    pub(crate) fn with(&self, library: &str) -> String {
        let port = self.server.addr().port();
        let roots = std::env::temp_dir().join(format!("tcss-export-proxies-{library}-{port}"));
        std::fs::write(&roots, &self.roots).unwrap();
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "child::child"])
            .env_clear()
            .env("SSL_CERT_FILE", &roots)
            .env(TASK, format!("{library} {} {}", self.url, self.way))
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
