//! Why a chain found no credentials.

use std::{error::Error, fmt, sync::Arc};

use tcss_export_core::{
    Advice, ResponseError, ResponseErrorKind, TransportErrorKind,
    text::{printable, snippet},
};

use crate::transport_error::TransportError;

/// A chain found no credentials. It shows names and paths, never a key or a token.
#[derive(Clone, Debug)]
pub struct ChainError {
    tried: Arc<[SourceError]>,
}

impl ChainError {
    pub(super) fn new(tried: Vec<SourceError>) -> Self {
        Self { tried: tried.into() }
    }

    /// Returns the sources that were asked, in order, with the reason of each. The last one ended
    /// the chain.
    pub fn tried(&self) -> &[SourceError] {
        &self.tried
    }

    /// Returns why the chain ended: the kind of its last source.
    pub fn kind(&self) -> SourceErrorKind {
        self.tried.last().map_or(SourceErrorKind::Absent, SourceError::kind)
    }

    /// Returns whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        self.transport_kind() != TransportErrorKind::Permanent
    }

    fn transport_kind(&self) -> TransportErrorKind {
        match self.kind() {
            SourceErrorKind::Fault(kind) => kind,
            _ => TransportErrorKind::Permanent,
        }
    }
}

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.tried {
            [] => f.write_str("no source of credentials is configured"),
            [.., broken] if broken.kind == SourceErrorKind::Broken => broken.fmt(f),
            tried => {
                f.write_str(match self.kind() {
                    SourceErrorKind::Absent => "no source has credentials",
                    _ => "the credentials could not be obtained",
                })?;
                tried.iter().try_for_each(|error| write!(f, "\n  {error}"))
            }
        }
    }
}

impl Error for ChainError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.tried.last()?.source()
    }
}

impl From<ChainError> for TransportError {
    fn from(error: ChainError) -> Self {
        Self::new(error.transport_kind(), error)
    }
}

/// The error of one source.
#[derive(Clone, Debug)]
pub struct SourceError {
    kind: SourceErrorKind,
    place: String,
    problem: String,
    cause: Option<Arc<TransportError>>,
}

/// What is wrong with a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceErrorKind {
    /// The source does not exist here. The chain asks the next one.
    Absent,
    /// The source exists but needs a change by the user. It ends the chain.
    Broken,
    /// A service refused the request of the source, and would refuse it again. It ends the chain.
    Refused,
    /// A request of the source failed. It ends the chain. The kind says whether it may succeed
    /// later.
    Fault(TransportErrorKind),
}

impl SourceError {
    pub(super) fn new(
        kind: SourceErrorKind,
        place: impl fmt::Display,
        problem: impl fmt::Display,
    ) -> Self {
        Self { kind, place: place.to_string(), problem: problem.to_string(), cause: None }
    }

    pub(super) fn absent(place: impl fmt::Display, problem: impl fmt::Display) -> Self {
        Self::new(SourceErrorKind::Absent, place, problem)
    }

    pub(super) fn broken(place: impl fmt::Display, problem: impl fmt::Display) -> Self {
        Self::new(SourceErrorKind::Broken, place, problem)
    }

    /// A source that the user has named must have keys.
    pub(super) fn into_broken(self) -> Self {
        Self { kind: SourceErrorKind::Broken, ..self }
    }

    pub(super) fn of_transport(place: &str, error: TransportError) -> Self {
        let kind = SourceErrorKind::Fault(error.kind());
        Self { cause: Some(Arc::new(error)), ..Self::new(kind, place, "the request failed") }
    }

    pub(super) fn of_answer(place: &str, error: &ResponseError) -> Self {
        let kind = match error.advice() {
            Advice::Retry | Advice::BackOff | Advice::CorrectClock => {
                SourceErrorKind::Fault(TransportErrorKind::Connection)
            }
            _ => SourceErrorKind::Refused,
        };
        Self::new(kind, place, describe(error))
    }

    /// Removes a secret of the request, which the service may quote.
    pub(super) fn without(self, secret: Option<&str>) -> Self {
        match secret {
            Some(secret) => Self { problem: self.problem.replace(secret, "..."), ..self },
            None => self,
        }
    }

    /// Names the source that the place is a step of.
    pub(super) fn of_source(self, origin: &str) -> Self {
        match self.place == origin {
            true => self,
            false => Self { place: format!("{origin}: {}", self.place), ..self },
        }
    }

    /// Returns what is wrong.
    pub const fn kind(&self) -> SourceErrorKind {
        self.kind
    }
}

fn describe(error: &ResponseError) -> String {
    match error.kind() {
        // The service may echo the request, so long words are removed.
        ResponseErrorKind::Api(api) => {
            let (code, message) = (snippet(api.code.as_str()), snippet(&api.message));
            let id = snippet(error.request_id().unwrap_or("none"));
            format!("the service answered {code}: {message} (request id {id})")
        }
        // The text of a page may contain keys.
        ResponseErrorKind::Page { content_type, .. } => {
            let content_type = snippet(content_type.as_deref().unwrap_or("no content type"));
            format!("expected JSON, got {content_type} (HTTP status {})", error.status().as_u16())
        }
        _ => error.to_string(),
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", printable(&self.place), printable(&self.problem))
    }
}

impl Error for SourceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}
