use std::collections::BTreeMap;

use super::actions::{self, Call};
use super::arrived::Arrived;
use super::fault::Fault;
use crate::verify::{RawRequest, Refusal, Verifier};

const SERVICE: &str = "tcss";
const VERSION: &str = "2020-11-01";

/// What the checks compare a request with.
pub(crate) struct Rules {
    pub(crate) keys: BTreeMap<String, String>,
    pub(crate) token: Option<String>,
}

impl Rules {
    /// Returns what an acceptable request asks for.
    pub(crate) fn judge(&self, arrived: &Arrived, now: i64) -> Result<Call, Fault> {
        let headers: Vec<_> = arrived.headers.iter().map(|(n, v)| (&**n, &**v)).collect();
        let request = RawRequest {
            method: &arrived.method,
            path: &arrived.path,
            query: &arrived.query,
            headers: &headers,
            body: &arrived.body,
        };
        check_form(arrived, &request)?;
        let key_of = |id: &str| self.keys.get(id).map(String::as_str);
        Verifier::new(SERVICE).verify(&request, now, key_of)?;
        self.check_token(&request)?;
        check_version(&request)?;
        actions::read(request.header("x-tc-action")?, &arrived.body)
    }

    fn check_token(&self, request: &RawRequest<'_>) -> Result<(), Fault> {
        let Some(token) = self.token.as_deref() else { return Ok(()) };
        if request.values("x-tc-token").eq([token]) {
            return Ok(());
        }
        Err(Fault::new("AuthFailure.TokenFailure", "expected the current x-tc-token"))
    }
}

/// Checks what can be said before the signature is looked at.
fn check_form(arrived: &Arrived, request: &RawRequest<'_>) -> Result<(), Fault> {
    if arrived.too_large {
        return Err(Fault::new("RequestSizeLimitExceeded", "expected a body of at most 10 MB"));
    }
    if request.method != "POST" {
        return Err(Fault::new("UnsupportedProtocol", "expected the method POST"));
    }
    if request.path != "/" {
        return Err(Refusal::Path.into());
    }
    for name in ["host", "content-type", "x-tc-action", "x-tc-version", "x-tc-timestamp"] {
        request.header(name)?;
    }
    Ok(())
}

fn check_version(request: &RawRequest<'_>) -> Result<(), Fault> {
    if request.header("x-tc-version")? == VERSION {
        return Ok(());
    }
    Err(Fault::new("NoSuchVersion", "expected the version 2020-11-01"))
}
