use alloc::{string::String, vec::Vec};
use core::fmt;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
    request::Parts,
};
use sha2::Sha256;

use crate::{
    actions::Action,
    answer::Answer,
    credentials::Credentials,
    endpoint::{Endpoint, check_region},
    error::{BuildError, Field, Reason},
    header,
    header::Language,
    response_error::{Advice, ResponseError},
    signing::{
        CanonicalHeaders, CanonicalRequest, CredentialScope, HexDigest, SESSION_HEADERS,
        SigningKey, StringToSign, Timestamp, authorization_head, request_hash, with_signature,
    },
    time::{ClockOffset, Mono, Now, Wall},
};

/// Builds and signs requests for one endpoint. It sends nothing.
///
/// It caches the signing key of the day and the constant headers, and knows the clock offset. The
/// key is zeroized on drop and when the credentials change.
///
/// ```
/// use tcss_export_core::actions::DescribeExportJobResult;
/// use tcss_export_core::{Credentials, Endpoint, JobId, Session, Wall};
///
/// let mut session = Session::new(Endpoint::international()).with_region("ap-singapore")?;
/// let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY")?;
/// let action = DescribeExportJobResult::new(JobId::new("4711")?);
///
/// let now = Wall::from_unix_seconds(1_699_979_400); // from your clock
/// let request = session.request(&action, &credentials, now)?;
/// assert_eq!(request.headers()["x-tc-action"], "DescribeExportJobResult");
/// assert_eq!(request.body(), r#"{"JobId":"4711"}"#);
/// # Ok::<(), tcss_export_core::BuildError>(())
/// ```
#[derive(Clone)]
pub struct Session {
    endpoint: Endpoint,
    /// Method, URI and headers of every request, with placeholders for `fill`.
    head: Parts,
    pub(crate) clock_offset: ClockOffset,
    /// The template of the action that was prepared last.
    template: Option<Template>,
    signer: Option<Signer>,
}

impl Session {
    /// Creates a session without region, language and label.
    pub fn new(endpoint: Endpoint) -> Self {
        let (mut head, ()) = Request::new(()).into_parts();
        head.method = Method::POST;
        head.uri = endpoint.uri().clone();
        head.headers = HeaderMap::from_iter([
            (HOST, endpoint.host.clone()),
            (CONTENT_TYPE, HeaderValue::from_static(header::JSON)),
            (header::X_TC_ACTION, EMPTY),
            (header::X_TC_VERSION, EMPTY),
            (header::X_TC_TIMESTAMP, EMPTY),
            (AUTHORIZATION, EMPTY),
        ]);
        let clock_offset = ClockOffset::default();
        Self { endpoint, head, clock_offset, template: None, signer: None }
    }

    /// Sets the region, `X-TC-Region`; an empty one counts as none. TCSS needs none.
    ///
    /// # Errors
    ///
    /// [`Reason::InvalidCharacter`] for [`Field::Region`] for anything but letters, digits and
    /// hyphens.
    pub fn with_region(self, region: &str) -> Result<Self, BuildError> {
        check_region(region)?;
        Ok(self.with_header(header::X_TC_REGION, region))
    }

    /// Sets the language of messages, `X-TC-Language`.
    #[must_use]
    pub fn with_language(self, language: Language) -> Self {
        self.with_header(header::X_TC_LANGUAGE, language.as_str())
    }

    /// Sets a label that identifies the caller in logs, `X-TC-RequestClient`.
    ///
    /// Everything but letters, digits, blanks and `-_,;.` is removed, as is text past 128
    /// characters.
    #[must_use]
    pub fn with_client_label(self, label: &str) -> Self {
        let is_allowed = |c: &char| c.is_ascii_alphanumeric() || "-_ ,;.".contains(*c);
        let label: String = label.chars().filter(is_allowed).take(128).collect();
        self.with_header(header::X_TC_REQUEST_CLIENT, label.trim())
    }

    /// Sets the clock offset, for example of an earlier run.
    #[must_use]
    pub const fn with_clock_offset(mut self, offset: ClockOffset) -> Self {
        self.clock_offset = offset;
        self
    }

    /// Signs a prepared request at the local wall time `now`, corrected by the clock offset.
    ///
    /// # Errors
    ///
    /// [`Reason::OtherEndpoint`] for [`Field::Prepared`] if another endpoint's session prepared
    /// it; [`Reason::OutOfRange`] for [`Field::Timestamp`], as in [`Timestamp::new`];
    /// [`Reason::InvalidCharacter`] for [`Field::Service`] or [`Field::Token`] if it is not a valid
    /// header value.
    pub fn sign(
        &mut self,
        prepared: &Prepared,
        credentials: &Credentials,
        now: Wall,
    ) -> Result<Request<Bytes>, BuildError> {
        self.sign_owned(prepared.clone(), credentials, now)
    }

    /// Signs a prepared request, and moves its body instead of sharing it.
    fn sign_owned(
        &mut self,
        prepared: Prepared,
        credentials: &Credentials,
        now: Wall,
    ) -> Result<Request<Bytes>, BuildError> {
        if prepared.host != self.endpoint.host {
            return Err(BuildError::new(Field::Prepared, Reason::OtherEndpoint));
        }
        let timestamp = Timestamp::new(self.clock_offset.apply(now).unix_seconds())?;
        let service = prepared.names.service;
        let signer = match &mut self.signer {
            Some(signer) if signer.fits(credentials, timestamp, service) => signer,
            other => {
                // Zeroizes the old key, even if the new credentials are unusable.
                *other = None;
                let scope = CredentialScope::new(timestamp, service);
                other.insert(Signer::new(&self.head, credentials, scope)?)
            }
        };
        let text = StringToSign::in_scope(signer.scope, timestamp, prepared.canonical_request_hash);
        let authorization = with_signature(&signer.authorization, &signer.key.sign(&text))?;
        let head = signer.head_for(&prepared.names)?.clone();
        Ok(assemble(head, prepared.body, text.into_timestamp(), authorization))
    }

    /// Builds a request without a signature, for an action that needs no key. Its `Authorization`
    /// is `SKIP`, as the official clients send it.
    ///
    /// # Errors
    ///
    /// Those of [`Session::prepare`], and [`Reason::OutOfRange`] for [`Field::Timestamp`].
    pub fn unsigned_request<A: Action>(
        &mut self,
        action: &A,
        now: Wall,
    ) -> Result<Request<Bytes>, BuildError> {
        let prepared = self.prepare(action)?;
        let timestamp = Timestamp::new(self.clock_offset.apply(now).unix_seconds())?;
        let mut head = self.head.clone();
        fill_names(&mut head.headers, &prepared.names)?;
        let skip = HeaderValue::from_static("SKIP");
        Ok(assemble(head, prepared.body, timestamp.as_seconds().into(), skip))
    }

    /// Prepares and signs an action in one step.
    ///
    /// # Errors
    ///
    /// Those of [`Session::prepare`] and [`Session::sign`].
    pub fn request<A: Action>(
        &mut self,
        action: &A,
        credentials: &Credentials,
        now: Wall,
    ) -> Result<Request<Bytes>, BuildError> {
        let prepared = self.prepare(action)?;
        self.sign_owned(prepared, credentials, now)
    }

    /// Corrects the clock by the `Date` of an answer, and returns the offset if it has changed.
    ///
    /// The date is taken as the middle of the exchange. The offset changes if the service reports
    /// an expired signature, or by more than [`ClockOffset::TOLERATED`]. Only answers of the
    /// service count: not a page, not an answer with an `Age` (from a cache), and not a missing,
    /// repeated or unreadable `Date`.
    pub fn note_date<T>(
        &mut self,
        started: Now,
        answered: Mono,
        headers: &HeaderMap,
        result: &Result<Answer<T>, ResponseError>,
    ) -> Option<ClockOffset> {
        let expired = match result {
            Ok(_) => false,
            Err(error) => error.code()?.advice() == Advice::CorrectClock,
        };
        self.update_offset(ClockOffset::measure(started, answered, headers)?, expired)
    }

    pub(crate) fn update_offset(
        &mut self,
        measured: ClockOffset,
        expired: bool,
    ) -> Option<ClockOffset> {
        if !expired && !measured.is_far_from(self.clock_offset) {
            return None;
        }
        self.clock_offset = measured;
        Some(measured)
    }

    /// Builds the parts of a request that do not change with time.
    ///
    /// # Errors
    ///
    /// [`Reason::NotJson`] for [`Field::Body`] if the action does not serialize;
    /// [`Reason::InvalidCharacter`] for [`Field::Action`] or [`Field::Version`] if its name or
    /// version is not a valid header value.
    pub fn prepare<A: Action>(&mut self, action: &A) -> Result<Prepared, BuildError> {
        let template = match &mut self.template {
            Some(template) if template.is_of::<A>() => template,
            other => other.insert(Template::new::<A>(&self.endpoint)?),
        };
        template.prepare(action)
    }

    /// Returns the canonical request of an action, to compare it with the service's signature tool.
    ///
    /// # Errors
    ///
    /// Those of [`Session::prepare`].
    pub fn canonical_request<A: Action>(&self, action: &A) -> Result<CanonicalRequest, BuildError> {
        let mut body = Vec::new();
        serialize(action, &mut body)?;
        canonical_request::<A>(&self.endpoint, &body)
    }

    /// Returns the endpoint.
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns the clock offset.
    pub const fn clock_offset(&self) -> ClockOffset {
        self.clock_offset
    }

    fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        self.signer = None;
        self.head.headers.remove(&name);
        if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_str(value)) {
            self.head.headers.insert(name, value);
        }
        self
    }
}

fn fill_names(headers: &mut HeaderMap, names: &Names) -> Result<(), BuildError> {
    fill(headers, &header::X_TC_ACTION, constant(names.action, Field::Action)?);
    fill(headers, &header::X_TC_VERSION, constant(names.version, Field::Version)?);
    Ok(())
}

/// Fills in the headers that differ by request.
fn assemble(
    mut head: Parts,
    body: Bytes,
    timestamp: HeaderValue,
    authorization: HeaderValue,
) -> Request<Bytes> {
    fill(&mut head.headers, &header::X_TC_TIMESTAMP, timestamp);
    fill(&mut head.headers, &AUTHORIZATION, authorization);
    Request::from_parts(head, body)
}

const EMPTY: HeaderValue = HeaderValue::from_static("");

/// Replaces a placeholder; an insertion reallocates the map, which costs a fourth of a request.
fn fill(headers: &mut HeaderMap, name: &HeaderName, value: HeaderValue) {
    if let Some(placeholder) = headers.get_mut(name) {
        *placeholder = value;
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("endpoint", &self.endpoint)
            .field("clock_offset", &self.clock_offset)
            .finish_non_exhaustive()
    }
}

/// The parts that all requests of one day with the same credentials share.
#[derive(Clone)]
struct Signer {
    credentials: Credentials,
    scope: CredentialScope<'static>,
    key: SigningKey,
    /// The value of `Authorization` up to the signature.
    authorization: String,
    /// The session's head with the token, and with the action and version of the last request.
    head: Parts,
    last: Option<(&'static str, &'static str)>,
}

impl Signer {
    fn new(
        head: &Parts,
        credentials: &Credentials,
        scope: CredentialScope<'static>,
    ) -> Result<Self, BuildError> {
        let mut head = head.clone();
        if let Some(token) = credentials.token() {
            let mut token = HeaderValue::from_str(token)
                .map_err(|_| BuildError::new(Field::Token, Reason::InvalidCharacter))?;
            token.set_sensitive(true);
            head.headers.insert(header::X_TC_TOKEN, token);
        }
        let key = SigningKey::derive(credentials, &scope);
        let authorization = authorization_head(credentials, &scope, SESSION_HEADERS);
        let credentials = credentials.clone();
        Ok(Self { credentials, scope, key, authorization, head, last: None })
    }

    fn fits(&self, credentials: &Credentials, timestamp: Timestamp, service: &str) -> bool {
        self.scope.is_of(timestamp, service) && self.credentials == *credentials
    }

    fn head_for(&mut self, names: &Names) -> Result<&Parts, BuildError> {
        let of_action = Some((names.action, names.version));
        if self.last != of_action {
            fill_names(&mut self.head.headers, names)?;
            self.last = of_action;
        }
        Ok(&self.head)
    }
}

/// The parts of a request that do not change with time. All polls of a job share one; each adds the
/// time, the scope and the signature. It belongs to one endpoint.
#[derive(Clone, Debug)]
pub struct Prepared {
    host: HeaderValue,
    names: Names,
    body: Bytes,
    canonical_request_hash: HexDigest,
}

#[derive(Clone, Copy, Debug)]
struct Names {
    action: &'static str,
    version: &'static str,
    service: &'static str,
}

/// The parts that all requests of one action to one host share.
#[derive(Clone)]
struct Template {
    host: HeaderValue,
    names: Names,
    hashed_head: Sha256,
    /// Bodies are serialized here, so that each has exactly the memory of its length.
    buffer: Vec<u8>,
}

impl Template {
    fn new<A: Action>(endpoint: &Endpoint) -> Result<Self, BuildError> {
        let names = Names { action: A::NAME, version: A::VERSION, service: A::SERVICE };
        let hashed_head = canonical_request::<A>(endpoint, b"")?.hashed_head();
        constant(A::VERSION, Field::Version)?;
        // Room for the body of a poll.
        let buffer = Vec::with_capacity(64);
        Ok(Self { host: endpoint.host.clone(), names, hashed_head, buffer })
    }

    fn is_of<A: Action>(&self) -> bool {
        let Names { action, version, service } = self.names;
        action == A::NAME && version == A::VERSION && service == A::SERVICE
    }

    fn prepare<A: Action>(&mut self, action: &A) -> Result<Prepared, BuildError> {
        self.buffer.clear();
        serialize(action, &mut self.buffer)?;
        let body = Bytes::copy_from_slice(&self.buffer);
        let canonical_request_hash = request_hash(self.hashed_head.clone(), HexDigest::of(&body));
        Ok(Prepared { host: self.host.clone(), names: self.names, body, canonical_request_hash })
    }
}

/// Appends the body, whose bytes are both hashed and sent.
fn serialize<A: Action>(action: &A, body: &mut Vec<u8>) -> Result<(), BuildError> {
    serde_json::to_writer(body, action).map_err(|_| BuildError::new(Field::Body, Reason::NotJson))
}

fn canonical_request<A: Action>(
    endpoint: &Endpoint,
    body: &[u8],
) -> Result<CanonicalRequest, BuildError> {
    constant(A::NAME, Field::Action)?;
    let headers = CanonicalHeaders::of_session(endpoint.host(), A::NAME);
    Ok(CanonicalRequest::new("POST", "/", "", &headers, HexDigest::of(body)))
}

/// Creates a header value without copying its text.
fn constant(text: &'static str, field: Field) -> Result<HeaderValue, BuildError> {
    HeaderValue::from_maybe_shared(Bytes::from_static(text.as_bytes()))
        .map_err(|_| BuildError::new(field, Reason::InvalidCharacter))
}
