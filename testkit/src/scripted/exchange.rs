use std::time::Duration;

use bytes::Bytes;
use hyper::Response;
use tcss_export_core::{Policy, SendFault};

use crate::script::Step;

/// What comes of one request, and how long that takes.
///
/// A [`Step`] is one that takes no time, except [`Step::Hang`], which takes
/// [`Policy::EXCHANGE_LIMIT`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Exchange {
    pub(super) what: What,
    pub(super) takes: Duration,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Step(Step),
    Response(Response<Bytes>),
    Fault(SendFault),
}

impl Exchange {
    /// Creates one that ends with this answer, whatever stands in it.
    pub fn response(response: Response<impl Into<Bytes>>) -> Self {
        Self { what: What::Response(response.map(Into::into)), takes: Duration::ZERO }
    }

    /// Creates one that gives no answer.
    pub const fn fault(fault: SendFault) -> Self {
        Self { what: What::Fault(fault), takes: Duration::ZERO }
    }

    /// Sets how long it takes.
    pub const fn taking(mut self, duration: Duration) -> Self {
        self.takes = duration;
        self
    }

    /// Returns what the service's clock is set to, if that is all that happens.
    pub(super) const fn skew(&self) -> Option<i64> {
        match self.what {
            What::Step(Step::Skew(seconds)) => Some(seconds),
            _ => None,
        }
    }
}

impl From<Step> for Exchange {
    fn from(step: Step) -> Self {
        let takes = if step == Step::Hang { Policy::EXCHANGE_LIMIT } else { Duration::ZERO };
        Self { what: What::Step(step), takes }
    }
}

impl From<&Step> for Exchange {
    fn from(step: &Step) -> Self {
        step.clone().into()
    }
}
