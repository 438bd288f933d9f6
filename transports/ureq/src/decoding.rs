//! What ureq does to bodies on an agent of the user's, where nothing can be hidden from it.

use std::{io::Read, sync::OnceLock};

use http::{
    Response,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING},
};
use tcss_export_core::SendFault;
use tcss_export_driver::TransportError;
use ureq::{
    Agent, Body, Error,
    unversioned::{
        resolver::DefaultResolver,
        transport::{Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport},
    },
};

/// Makes sure that no decoded body is taken for a file.
///
/// Of a body that it decompresses, ureq hides coding and length. So where this ureq can do that, a
/// body without a length does not show where it ends, as far as can be known.
pub(crate) fn check(answer: &mut Response<Body>) -> Result<(), TransportError> {
    if answer.status().is_success() && is_transcoded(answer.body()) {
        let problem = "ureq, built with its feature charset, would change the bytes of the file";
        return Err(TransportError::new(SendFault::Permanent, problem));
    }
    if decompresses() && !answer.headers().contains_key(CONTENT_LENGTH) {
        answer.headers_mut().remove(TRANSFER_ENCODING);
    }
    Ok(())
}

/// Whether this ureq would read a text in this charset as another text.
fn is_transcoded(body: &Body) -> bool {
    let (Some(kind), Some(charset)) = (body.mime_type(), body.charset()) else { return false };
    // In UTF-8 it is no text and passes as it is; read in any other charset it is written anew.
    let sample = b"\xe9\n";
    let probe = Body::builder().mime_type(kind).charset(charset).data(sample);
    let mut read = Vec::new();
    probe.into_reader().read_to_end(&mut read).is_err() || read != sample
}

/// Whether this ureq decompresses bodies: asked once, by answers that are made up.
fn decompresses() -> bool {
    static DECOMPRESSES: OnceLock<bool> = OnceLock::new();
    *DECOMPRESSES.get_or_init(|| ["gzip", "br"].into_iter().any(is_decompressed))
}

fn is_decompressed(coding: &'static str) -> bool {
    let config = Agent::config_builder().proxy(None).build();
    let agent = Agent::with_parts(config, MadeUp { coding }, DefaultResolver::default());
    // The address is looked up nowhere and connected to by nobody.
    let answer = agent.get("http://127.0.0.1/").call();
    !answer.is_ok_and(|answer| answer.headers().contains_key(CONTENT_ENCODING))
}

/// Answers each request by an empty body in this coding.
#[derive(Debug)]
struct MadeUp {
    coding: &'static str,
}

impl Connector for MadeUp {
    type Out = Answering;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        let buffers = LazyBuffers::new(1024, 1024);
        Ok(Some(Answering { coding: self.coding, buffers }))
    }
}

#[derive(Debug)]
struct Answering {
    coding: &'static str,
    buffers: LazyBuffers,
}

impl Transport for Answering {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, _: usize, _: NextTimeout) -> Result<(), Error> {
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        let coding = self.coding;
        let answer =
            format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: 0\r\n\r\n");
        let Some(room) = self.buffers.input_append_buf().get_mut(..answer.len()) else {
            return Ok(false);
        };
        room.copy_from_slice(answer.as_bytes());
        self.buffers.input_appended(answer.len());
        Ok(true)
    }

    fn is_open(&mut self) -> bool {
        false
    }
}
