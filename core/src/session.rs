use alloc::string::String;
use core::fmt;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
};

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
        CanonicalHeaders, CanonicalRequest, CredentialScope, HashedHead, HexDigest, SignedHeaders,
        SigningKey, StringToSign, Timestamp, authorization,
    },
    time::{ClockOffset, Mono, Now, Wall},
};

/// Builds and signs requests for one endpoint; sends nothing and owns no credentials.
///
/// It keeps what costs time to make: the signing key of the day, the constant headers, the offset
/// of the clock. What it keeps of a key is wiped when other credentials come and on drop.
///
/// ```
/// use tcss_export_core::{
///     Credentials, DescribeExportJobResult, Endpoint, JobId, Session, Wall,
/// };
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
    /// The headers that every request has.
    headers: HeaderMap,
    signed_headers: SignedHeaders,
    clock_offset: ClockOffset,
    /// Of the action that was prepared last.
    template: Option<Template>,
    kept: Option<Kept>,
}

impl Session {
    /// Creates a session without region, language and label.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        // Placeholders: a name that is there already is overwritten without another allocation.
        let headers = HeaderMap::from_iter([
            (HOST, endpoint.host_value().clone()),
            (CONTENT_TYPE, header::JSON),
            (header::X_TC_ACTION, EMPTY),
            (header::X_TC_VERSION, EMPTY),
            (header::X_TC_TIMESTAMP, EMPTY),
            (AUTHORIZATION, EMPTY),
        ]);
        let signed_headers = signed_headers();
        let clock_offset = ClockOffset::default();
        Self { endpoint, headers, signed_headers, clock_offset, template: None, kept: None }
    }

    /// Sets the region, `X-TC-Region`; an empty one stands for none. TCSS needs none.
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

    /// Sets a label by which the caller can be told apart in logs, `X-TC-RequestClient`.
    ///
    /// The service takes letters, digits, blanks and `-_,;.`, at most 128 of them: all others are
    /// left out, and no label fails.
    #[must_use]
    pub fn with_client_label(self, label: &str) -> Self {
        let is_allowed = |c: &char| c.is_ascii_alphanumeric() || "-_ ,;.".contains(*c);
        let label: String = label.chars().filter(is_allowed).take(128).collect();
        self.with_header(header::X_TC_REQUEST_CLIENT, label.trim())
    }

    /// Sets the offset of the clock, as kept from an earlier run.
    #[must_use]
    pub const fn with_clock_offset(mut self, offset: ClockOffset) -> Self {
        self.clock_offset = offset;
        self
    }

    /// Signs a prepared request as of `now`, local wall time to which the clock offset is added.
    ///
    /// # Errors
    ///
    /// [`Reason::OtherEndpoint`] for [`Field::Prepared`] if another endpoint's session prepared
    /// it; [`Reason::OutOfRange`] for [`Field::Timestamp`], as in [`Timestamp::new`];
    /// [`Reason::InvalidCharacter`] for [`Field::Service`] or [`Field::Token`] if one cannot stand
    /// in a header.
    pub fn sign(
        &mut self,
        prepared: &Prepared,
        credentials: &Credentials,
        now: Wall,
    ) -> Result<Request<Bytes>, BuildError> {
        if prepared.host != *self.endpoint.host_value() {
            return Err(BuildError::new(Field::Prepared, Reason::OtherEndpoint));
        }
        let timestamp = Timestamp::new(self.clock_offset.apply(now).unix_seconds())?;
        let scope = match &self.kept {
            // The date of the day, too, is made once.
            Some(kept) if kept.scope.is_of(timestamp, prepared.service) => kept.scope,
            _ => CredentialScope::new(timestamp, prepared.service),
        };
        let text = StringToSign::in_scope(scope, timestamp, prepared.canonical_request_hash);
        let kept = Kept::refresh(&mut self.kept, &self.headers, credentials, text.scope())?;
        let signature = kept.key.sign(&text);
        let authorization =
            authorization(credentials, &kept.scope, &self.signed_headers, &signature)?;

        let mut headers = kept.headers.clone();
        fill(&mut headers, &header::X_TC_ACTION, prepared.action.clone());
        fill(&mut headers, &header::X_TC_VERSION, prepared.version.clone());
        fill(&mut headers, &header::X_TC_TIMESTAMP, text.timestamp());
        fill(&mut headers, &AUTHORIZATION, authorization);

        let mut request = Request::new(prepared.body.clone());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.uri().clone();
        *request.headers_mut() = headers;
        Ok(request)
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
        self.sign(&prepared, credentials, now)
    }

    /// Corrects the clock by the `Date` of an answer, if need be; returns the offset if it is
    /// another one now.
    ///
    /// The offset is taken at the middle of the exchange. It changes when the service says that
    /// the signature has expired, or by more than [`ClockOffset::TOLERATED`], and only by what the
    /// service itself has said: never by a page, by an answer with an `Age` (a cache kept it), or
    /// by a missing, repeated or unreadable `Date`.
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
        self.note_offset(ClockOffset::measure(started, answered, headers)?, expired)
    }

    #[cfg(feature = "serde")]
    pub(crate) const fn set_clock_offset(&mut self, offset: ClockOffset) {
        self.clock_offset = offset;
    }

    pub(crate) fn note_offset(
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

    /// Builds all of a request that does not change with time.
    ///
    /// # Errors
    ///
    /// [`Reason::NotJson`] for [`Field::Body`] if the action does not serialise;
    /// [`Reason::InvalidCharacter`] for [`Field::Action`] or [`Field::Version`] if its name or
    /// version cannot stand in a header.
    pub fn prepare<A: Action>(&mut self, action: &A) -> Result<Prepared, BuildError> {
        let template = match &mut self.template {
            Some(template) if template.is_of::<A>() => template,
            other => other.insert(Template::new::<A>(self.endpoint.host_value())?),
        };
        template.prepare(action)
    }

    /// Returns the canonical request of an action, to compare with the service's signature tool.
    ///
    /// # Errors
    ///
    /// Those of [`Session::prepare`].
    pub fn canonical_request<A: Action>(&self, action: &A) -> Result<CanonicalRequest, BuildError> {
        canonical_request::<A>(self.endpoint.host_value(), &body(action)?)
    }

    /// Returns the endpoint.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns what is added to local wall time before it is signed.
    #[must_use]
    pub const fn clock_offset(&self) -> ClockOffset {
        self.clock_offset
    }

    fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        self.kept = None;
        self.headers.remove(&name);
        if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_str(value)) {
            self.headers.insert(name, value);
        }
        self
    }
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

/// What stays the same while one set of credentials signs on one day.
#[derive(Clone)]
pub(super) struct Kept {
    credentials: Credentials,
    pub(super) scope: CredentialScope<'static>,
    pub(super) key: SigningKey,
    /// The session's headers and the token.
    pub(super) headers: HeaderMap,
}

impl Kept {
    /// Returns what is kept if it fits; the scope is the one of the moment being signed.
    pub(super) fn refresh<'k>(
        kept: &'k mut Option<Self>,
        headers: &HeaderMap,
        credentials: &Credentials,
        scope: CredentialScope<'static>,
    ) -> Result<&'k Self, BuildError> {
        let fits = |kept: &Self| kept.scope == scope && kept.credentials == *credentials;
        if !kept.as_ref().is_some_and(fits) {
            *kept = None;
        }
        match kept {
            Some(kept) => Ok(kept),
            None => Ok(kept.insert(Self::new(headers, credentials, scope)?)),
        }
    }

    fn new(
        headers: &HeaderMap,
        credentials: &Credentials,
        scope: CredentialScope<'static>,
    ) -> Result<Self, BuildError> {
        let mut headers = headers.clone();
        if let Some(token) = credentials.token() {
            let mut token = HeaderValue::from_str(token)
                .map_err(|_| BuildError::new(Field::Token, Reason::InvalidCharacter))?;
            token.set_sensitive(true);
            headers.insert(header::X_TC_TOKEN, token);
        }
        let key = SigningKey::derive(credentials, &scope);
        Ok(Self { credentials: credentials.clone(), scope, key, headers })
    }
}

/// All of a request that does not change with time: its body, its canonical request, its names.
///
/// A job is polled many times with the same one; only time, scope and signature are new each
/// time. It belongs to the endpoint it was made for.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub(crate) host: HeaderValue,
    pub(crate) action: HeaderValue,
    pub(crate) version: HeaderValue,
    pub(crate) service: &'static str,
    pub(crate) body: Bytes,
    pub(crate) canonical_request_hash: HexDigest,
}

/// What all requests of one action to one host have in common.
#[derive(Clone)]
pub(crate) struct Template {
    host: HeaderValue,
    action: HeaderValue,
    version: HeaderValue,
    service: &'static str,
    head: HashedHead,
}

impl Template {
    pub(crate) fn new<A: Action>(host: &HeaderValue) -> Result<Self, BuildError> {
        Ok(Self {
            host: host.clone(),
            action: constant(A::NAME, Field::Action)?,
            version: constant(A::VERSION, Field::Version)?,
            service: A::SERVICE,
            head: canonical_request::<A>(host, b"")?.hashed_head(),
        })
    }

    pub(crate) fn is_of<A: Action>(&self) -> bool {
        self.action == A::NAME && self.version == A::VERSION && self.service == A::SERVICE
    }

    pub(crate) fn prepare<A: Action>(&self, action: &A) -> Result<Prepared, BuildError> {
        let body = body(action)?;
        let canonical_request_hash = self.head.request_hash(&HexDigest::of(&body));
        let Self { host, action, version, service, .. } = self.clone();
        Ok(Prepared { host, action, version, service, body, canonical_request_hash })
    }
}

/// Writes the one body: the bytes that are hashed are the bytes that are sent.
pub(crate) fn body<A: Action>(action: &A) -> Result<Bytes, BuildError> {
    let json = serde_json::to_vec(action);
    json.map(Bytes::from).map_err(|_| BuildError::new(Field::Body, Reason::NotJson))
}

pub(crate) fn canonical_request<A: Action>(
    host: &HeaderValue,
    body: &[u8],
) -> Result<CanonicalRequest, BuildError> {
    constant(A::NAME, Field::Action)?;
    let headers = canonical_headers(host, A::NAME);
    Ok(CanonicalRequest::new("POST", "/", "", &headers, HexDigest::of(body)))
}

/// Returns the names that [`canonical_headers`] signs, whatever the host and the action.
pub(crate) fn signed_headers() -> SignedHeaders {
    canonical_headers(&HeaderValue::from_static(""), "").names().clone()
}

fn canonical_headers(host: &HeaderValue, action: &str) -> CanonicalHeaders {
    let content_type = header::JSON;
    let [content_type, host] = [&content_type, host].map(|v| v.to_str().unwrap_or_default());
    CanonicalHeaders::of_session(content_type, host, action)
}

/// Makes a header value that borrows its text.
fn constant(text: &'static str, field: Field) -> Result<HeaderValue, BuildError> {
    HeaderValue::from_maybe_shared(Bytes::from_static(text.as_bytes()))
        .map_err(|_| BuildError::new(field, Reason::InvalidCharacter))
}
