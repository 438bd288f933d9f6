use bytes::Bytes;
use http::Response;

use crate::{
    actions::{DescribeExportJobResult, DescribeExportJobResultResponse},
    answer::{Answer, read_answer},
    outcome::{Fault, SendFault},
    time::{ClockOffset, Mono, Now},
};

/// All that a waiter goes by of one exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub(crate) result: Result<Answer<DescribeExportJobResultResponse>, Fault>,
    /// By the answer's `Date`, if the service itself has answered.
    pub(crate) clock_offset: Option<ClockOffset>,
}

impl Reading {
    pub(crate) fn new(
        started: Now,
        answered: Mono,
        answer: Result<Response<Bytes>, SendFault>,
    ) -> Self {
        let response = match answer {
            Ok(response) => response,
            Err(fault) => return Self::of_fault(fault),
        };
        let result = read_answer::<DescribeExportJobResult>(&response);
        let is_of_service = result.as_ref().map_or_else(|error| error.code().is_some(), |_| true);
        let measured = ClockOffset::measure(started, answered, response.headers());
        Self {
            result: result.map_err(Fault::Answer),
            clock_offset: measured.filter(|_| is_of_service),
        }
    }

    pub(crate) const fn of_fault(fault: SendFault) -> Self {
        Self { result: Err(Fault::Send(fault)), clock_offset: None }
    }

    /// Returns what was read.
    pub const fn result(&self) -> Result<&Answer<DescribeExportJobResultResponse>, &Fault> {
        self.result.as_ref()
    }
}
