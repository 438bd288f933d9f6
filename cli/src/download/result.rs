//! A file that was downloaded, for programs and for people.

use indicatif::HumanCount;
use serde::Serialize;
use tcss_export::{JobId, download::Downloaded, text::printable};

#[derive(Serialize)]
pub(crate) struct Saved<'a> {
    /// There is none for a URL that was given by itself.
    job_id: Option<&'a JobId>,
    file: String,
    bytes: u64,
    /// A text, because programs that read JSON seldom have 64 bits for a number.
    crc64: String,
    verified: bool,
    resumed: bool,
    /// How often the job was asked about: for the wait, and for new URLs.
    polls: u32,
}

impl<'a> Saved<'a> {
    pub(crate) fn new(
        job_id: Option<&'a JobId>,
        file: String,
        downloaded: &Downloaded,
        resumed: bool,
        polls: u32,
    ) -> Self {
        let Downloaded { bytes, crc64, verified, .. } = downloaded;
        let (bytes, crc64, verified) = (*bytes, crc64.to_string(), *verified);
        Self { job_id, file, bytes, crc64, verified, resumed, polls }
    }

    pub(crate) fn text(&self) -> String {
        let checked = match self.verified {
            true => "CRC-64 verified",
            false => "no CRC-64 to check it by",
        };
        let file = if self.file == "-" { "stdout" } else { &self.file };
        format!("{}: {} bytes, {checked}\n", printable(file), HumanCount(self.bytes))
    }
}
