use std::{
    fmt,
    io::{self, Read},
};

use ureq::BodyReader;

use crate::read_limit::ReadLimit;

/// The body of an answer, read as it comes.
pub struct Body {
    reader: BodyReader<'static>,
    read_limit: Option<ReadLimit>,
}

impl Body {
    pub(crate) fn new(body: ureq::Body, read_limit: Option<ReadLimit>) -> Self {
        Self { reader: body.into_reader(), read_limit }
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_limit.iter().for_each(ReadLimit::begin);
        self.reader.read(buffer)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body(..)")
    }
}
