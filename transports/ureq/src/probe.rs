//! What this build of ureq does with responses. Its features decide, and made-up responses show it.

use std::sync::OnceLock;

use http::{StatusCode, header::CONTENT_ENCODING};
use ureq::{
    Agent, Error,
    unversioned::{
        resolver::DefaultResolver,
        transport::{Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport},
    },
};

/// Returns whether ureq decompresses bodies.
pub(crate) fn decompresses() -> bool {
    static DECOMPRESSES: OnceLock<bool> = OnceLock::new();
    let is_decompressed = |header| {
        let response = agent(header).get(URL).call();
        !response.is_ok_and(|response| response.headers().contains_key(CONTENT_ENCODING))
    };
    *DECOMPRESSES.get_or_init(|| {
        ["content-encoding: gzip", "content-encoding: br"].into_iter().any(is_decompressed)
    })
}

/// Returns whether ureq sends cookies back.
pub(crate) fn keeps_cookies() -> bool {
    static KEEPS_COOKIES: OnceLock<bool> = OnceLock::new();
    *KEEPS_COOKIES.get_or_init(|| {
        let agent = agent("set-cookie: a=1");
        let is_plain = || agent.get(URL).call().is_ok_and(|r| r.status() == StatusCode::OK);
        !(is_plain() && is_plain())
    })
}

/// The probe connects to nothing; an address needs no lookup.
const URL: &str = "http://127.0.0.1/";

fn agent(header: &'static str) -> Agent {
    let config = Agent::config_builder().proxy(None).build();
    Agent::with_parts(config, Probe { header }, DefaultResolver::default())
}

/// Answers each request with this header: with status 204 if the request has a cookie, else 200.
#[derive(Debug)]
struct Probe {
    header: &'static str,
}

impl Connector for Probe {
    type Out = ProbeConnection;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        let buffers = LazyBuffers::new(1024, 1024);
        Ok(Some(ProbeConnection { header: self.header, status: StatusCode::OK, buffers }))
    }
}

#[derive(Debug)]
struct ProbeConnection {
    header: &'static str,
    status: StatusCode,
    buffers: LazyBuffers,
}

impl Transport for ProbeConnection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        let sent = self.buffers.output().get(..amount).unwrap_or_default();
        if sent.windows(7).any(|bytes| bytes.eq_ignore_ascii_case(b"cookie:")) {
            self.status = StatusCode::NO_CONTENT;
        }
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        let (status, header) = (self.status.as_u16(), self.header);
        let response = format!("HTTP/1.1 {status} Probe\r\n{header}\r\nContent-Length: 0\r\n\r\n");
        let Some(room) = self.buffers.input_append_buf().get_mut(..response.len()) else {
            return Ok(false);
        };
        room.copy_from_slice(response.as_bytes());
        self.buffers.input_appended(response.len());
        Ok(true)
    }

    fn is_open(&mut self) -> bool {
        false
    }
}
