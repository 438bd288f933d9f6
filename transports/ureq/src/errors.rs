//! Maps the errors of ureq.

use std::{error::Error, io};

use tcss_export_core::TransportErrorKind;
use tcss_export_driver::{Proxy, TransportError, TunnelError, tls};

use crate::resolver::LookupError;

/// Maps an error that was raised instead of a response.
pub(crate) fn request_error(error: ureq::Error, proxy: Option<&Proxy>) -> TransportError {
    match proxy {
        Some(proxy) => tunnel_error(error, proxy),
        None => transport_error(error, TransportErrorKind::Connection),
    }
}

/// Maps an error of a request through a proxy.
fn tunnel_error(error: ureq::Error, proxy: &Proxy) -> TransportError {
    let error = match error {
        ureq::Error::Other(error) if error.is::<TunnelError>() => {
            return TransportError::of_chain(error, TransportErrorKind::Connection)
                .before_sending();
        }
        ureq::Error::Io(error) => TunnelError::failed(proxy, error),
        ureq::Error::Timeout(ureq::Timeout::Connect) => {
            TunnelError::failed(proxy, io::Error::new(io::ErrorKind::TimedOut, error))
        }
        ureq::Error::Protocol(_) | ureq::Error::ConnectionFailed | ureq::Error::HostNotFound => {
            TunnelError::failed(proxy, error)
        }
        _ => return transport_error(error, TransportErrorKind::Connection),
    };
    TransportError::of_chain_with(error, TransportErrorKind::Connection, tls::is_permanent)
}

/// Maps an error that was raised instead of the rest of a body.
pub(crate) fn body_error(error: io::Error) -> TransportError {
    match error.downcast() {
        Ok(error) => transport_error(error, TransportErrorKind::Truncated),
        Err(error) => {
            TransportError::of_chain_with(error, TransportErrorKind::Truncated, tls::is_permanent)
        }
    }
}

/// Maps an error. `broken` is the meaning of a broken connection at this stage.
pub(crate) fn transport_error(error: ureq::Error, broken: TransportErrorKind) -> TransportError {
    let fault = match error {
        ureq::Error::Io(error) => {
            return TransportError::of_chain_with(error, broken, tls::is_permanent);
        }
        ureq::Error::Other(error) if error.is::<LookupError>() => {
            return TransportError::new(TransportErrorKind::Connection, error).before_sending();
        }
        ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
            return TransportError::new(TransportErrorKind::Timeout, error).before_sending();
        }
        ureq::Error::Timeout(_) => TransportErrorKind::Timeout,
        ureq::Error::BodyExceedsLimit(_) => TransportErrorKind::TooLarge,
        ureq::Error::HostNotFound | ureq::Error::ConnectProxyFailed(_) => {
            TransportErrorKind::Connection
        }
        ureq::Error::Rustls(ref error) if tls::is_permanent(error) => TransportErrorKind::Permanent,
        ureq::Error::BadUri(_)
        | ureq::Error::Http(_)
        | ureq::Error::InvalidProxyUrl
        | ureq::Error::Pem(_)
        | ureq::Error::RequireHttpsOnly(_)
        | ureq::Error::Tls(_)
        | ureq::Error::TlsRequired => TransportErrorKind::Permanent,
        _ => broken,
    };
    TransportError::new(fault, error).not_http_if(is_not_http)
}

/// Returns whether the answer is malformed. ureq does not export the type of this error.
fn is_not_http(error: &(dyn Error + 'static)) -> bool {
    let Some(ureq::Error::Protocol(reason)) = error.downcast_ref() else { return false };
    reason.to_string().starts_with("http parse fail: ")
}
