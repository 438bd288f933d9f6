//! What can be wrong with a URL before anything is sent to it.

use tcss_export::{BuildError, Reason};

use super::{Again, Failure, Kind, hints};

impl Failure {
    /// Tells of a URL that the job gave, which is nobody's fault here; the hint is for all but
    /// what can be allowed.
    pub(super) fn of_given_url(error: BuildError, hint: &'static str) -> Self {
        let message = format!("the job gave a URL that cannot be used: it {}", error.reason());
        let failure = Self::new(Kind::Usage, message);
        match error.reason() {
            Reason::PlainHttp => {
                failure.with_hint(hints::ALLOW_HTTP).with_again(Again::With("--allow-http"))
            }
            Reason::PrivateAddress => {
                failure.with_hint(hints::ALLOW_PRIVATE).with_again(Again::With("--allow-private"))
            }
            _ => failure.with_hint(hint).with_again(Again::Never),
        }
    }
}

/// Returns the hint for a URL of the user that is refused before anything is sent.
pub(super) const fn of_url(error: BuildError) -> &'static str {
    match error.reason() {
        Reason::PlainHttp => hints::ALLOW_HTTP,
        Reason::PrivateAddress => hints::ALLOW_PRIVATE,
        _ => hints::NO_URL,
    }
}
