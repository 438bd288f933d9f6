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
    // ureq's own error would hide these errors and their sources.
    let of_chain = |error: Box<dyn Error + Send + Sync>| {
        TransportError::of_chain_with(error, broken, tls::is_permanent)
    };
    let fault = match error {
        ureq::Error::Io(error) => return of_chain(error.into()),
        ureq::Error::Other(error) if error.is::<LookupError>() => {
            return TransportError::new(TransportErrorKind::Connection, error).before_sending();
        }
        ureq::Error::Other(error) => return of_chain(error),
        ureq::Error::Rustls(error) => return of_chain(error.into()),
        ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
            return TransportError::new(TransportErrorKind::Timeout, error).before_sending();
        }
        ureq::Error::Timeout(_) => TransportErrorKind::Timeout,
        ureq::Error::BodyExceedsLimit(_) => TransportErrorKind::TooLarge,
        ureq::Error::HostNotFound | ureq::Error::ConnectProxyFailed(_) => {
            TransportErrorKind::Connection
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the last source of an error.
    fn root_of(error: &TransportError) -> &(dyn Error + 'static) {
        let mut last: &(dyn Error + 'static) = error;
        while let Some(source) = last.source() {
            last = source;
        }
        last
    }

    #[test]
    fn the_sources_inside_an_error_of_ureq_are_kept() {
        let reset = || io::Error::from_raw_os_error(104);
        for error in [
            ureq::Error::Io(reset()),
            ureq::Error::Other(Box::new(reset())),
            ureq::Error::Other(Box::new(LookupError(reset()))),
        ] {
            let error = transport_error(error, TransportErrorKind::Connection);
            let root = root_of(&error).downcast_ref().and_then(io::Error::raw_os_error);
            assert_eq!((error.kind(), root), (TransportErrorKind::Connection, Some(104)));
        }
        let error = rustls::Error::NoCertificatesPresented;
        let error = transport_error(ureq::Error::Rustls(error), TransportErrorKind::Connection);
        assert_eq!(error.kind(), TransportErrorKind::Connection);
        assert!(root_of(&error).is::<rustls::Error>());
    }
}
