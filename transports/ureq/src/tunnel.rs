//! Opens tunnels through a proxy. ureq's own connector accepts only status 200.

use std::io::{self, Read, Write};

use tcss_export_driver::Proxy;
use ureq::{
    Error,
    unversioned::transport::{
        ConnectionDetails, Connector, NextTimeout, Transport, TransportAdapter,
        time::{Duration, Instant},
    },
};

/// Asks the proxy, if any, to connect to the host of the request. The previous connector in the
/// chain has connected to the proxy.
#[derive(Debug)]
pub(crate) struct Tunnel(pub(crate) Option<Proxy>);

impl<In: Transport> Connector<In> for Tunnel {
    type Out = In;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<In>, Error> {
        let Some(proxy) = &self.0 else { return Ok(chained) };
        let Some(transport) = chained else { return Ok(None) };
        let mut stream = TransportAdapter::new(transport, details.current_time.clone());
        stream.set_timeout(time_left(details));
        stream.write_all(proxy.connect_request(details.uri).as_bytes())?;
        let (mut answer, mut piece) = (Vec::new(), [0; 1024]);
        while !proxy.opens_tunnel(&answer).map_err(|error| Error::Other(Box::new(error)))? {
            let length = stream.read(&mut piece)?;
            if length == 0 {
                let problem = "the proxy closed the connection without a whole answer";
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, problem).into());
            }
            answer.extend_from_slice(piece.get(..length).unwrap_or_default());
        }
        Ok(Some(stream.into_inner()))
    }
}

/// Returns the rest of the connect limit.
fn time_left(details: &ConnectionDetails<'_>) -> NextTimeout {
    let timeout = details.timeout;
    let (Duration::Exact(limit), Instant::Exact(start)) = (timeout.after, details.now) else {
        return timeout;
    };
    NextTimeout { after: limit.saturating_sub(start.elapsed()).into(), ..timeout }
}
