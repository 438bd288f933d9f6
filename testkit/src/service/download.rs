//! The storage: hands out URLs of the file and answers their downloads.

mod content;
mod error_page;
mod object;
mod range;
mod served_file;
mod urls;

use std::io;

use hyper::header::{CONTENT_RANGE, HeaderValue, LOCATION, SERVER};
use hyper::{HeaderMap, StatusCode};

use self::error_page::StorageError;
use self::object::Object;
use self::range::Wanted;
pub use self::served_file::ServedFile;
use self::urls::{Standing, Urls};
use super::answer::{Answer, Context, headed, page};
use super::arrived::Arrived;
use super::seen::SeenAnswer;
use crate::faults::{DownloadFault, DownloadFaults};

/// A file with its URLs and what goes wrong with it.
pub(super) struct Storage {
    object: Object,
    urls: Urls,
    faults: DownloadFaults,
    /// How many downloads were accepted.
    accepted: usize,
}

impl Storage {
    /// Looks at the file; `base` is what its URLs begin with.
    pub(super) fn new(file: ServedFile, faults: DownloadFaults, base: String) -> io::Result<Self> {
        if file.name.is_empty() {
            return Err(invalid("expected a file with a name"));
        }
        let urls = Urls::new(base, &file.name, file.window);
        Ok(Self { object: Object::new(file)?, urls, faults, accepted: 0 })
    }

    pub(super) fn hand_out(&mut self, now: i64) -> String {
        self.urls.hand_out(now)
    }

    pub(super) fn set_base(&mut self, base: String) {
        self.urls.set_base(base);
    }

    pub(super) const fn crc64(&self) -> u64 {
        self.object.crc64
    }

    /// Answers a request for anything but the API's path.
    pub(super) fn answer(&mut self, arrived: &Arrived, context: &Context) -> (Answer, SeenAnswer) {
        let (answer, fault) = match self.check(arrived, context.now) {
            Ok(()) => {
                let fault = self.faults.fault(self.accepted);
                self.accepted += 1;
                (self.play(&fault, arrived, context), Some(fault))
            }
            Err(error) => (self.refuse(error, arrived, context), None),
        };
        let status = answer.status();
        (stamped(answer, context), SeenAnswer::Download { status, fault })
    }

    fn check(&self, arrived: &Arrived, now: i64) -> Result<(), StorageError> {
        let is_api = |name: &str| name == "authorization" || name.starts_with("x-tc-");
        if arrived.headers.iter().any(|(name, _)| is_api(name)) {
            return Err(StorageError::API_HEADER);
        }
        if arrived.path != self.urls.path() {
            return Err(StorageError::NO_SUCH_KEY);
        }
        // The method is part of what is signed.
        match self.urls.standing(&arrived.target, now) {
            Standing::Good if arrived.method == "GET" => Ok(()),
            Standing::Expired if arrived.method == "GET" => Err(StorageError::EXPIRED),
            _ => Err(StorageError::SIGNATURE),
        }
    }

    fn play(&mut self, fault: &DownloadFault, arrived: &Arrived, context: &Context) -> Answer {
        let error = match fault {
            DownloadFault::Reset => return Answer::Close,
            DownloadFault::Redirect => return redirect(context),
            DownloadFault::Http(500) => StorageError::INTERNAL,
            DownloadFault::Http(503) => StorageError::SLOW_DOWN,
            DownloadFault::Http(status) => return page(*status, context),
            DownloadFault::Expired => {
                self.urls.revoke(&arrived.target);
                StorageError::EXPIRED
            }
            DownloadFault::Denied => StorageError::DENIED,
            DownloadFault::Gone => StorageError::NO_SUCH_KEY,
            _ => return self.send(fault, arrived, context),
        };
        self.refuse(error, arrived, context)
    }

    fn send(&mut self, fault: &DownloadFault, arrived: &Arrived, context: &Context) -> Answer {
        if let DownloadFault::ETag(text) = fault {
            self.object.change_etag(text.as_deref());
        }
        let length = self.object.content.length();
        let etag = self.object.etag_in(fault);
        let asked = Wanted::by(arrived, length, etag.as_deref());
        match asked.twisted(fault, length) {
            Wanted::Beyond => self.refuse(StorageError::RANGE, arrived, context),
            wanted => match self.object.response(wanted, fault, context) {
                Ok(response) => response.into(),
                // The file is gone from the disk, or no longer to be read.
                Err(_) => Answer::Close,
            },
        }
    }

    fn refuse(&self, error: StorageError, arrived: &Arrived, context: &Context) -> Answer {
        let mut response = error.response(&arrived.path, context);
        if error == StorageError::RANGE {
            let range = format!("bytes */{}", self.object.content.length());
            set(response.headers_mut(), CONTENT_RANGE.as_str(), &range);
        }
        response.into()
    }
}

fn redirect(context: &Context) -> Answer {
    let mut response = headed(String::new(), context);
    *response.status_mut() = StatusCode::FOUND;
    let location = HeaderValue::from_static(DownloadFault::EXAMPLE_LOCATION);
    response.headers_mut().insert(LOCATION, location);
    response.into()
}

/// Adds what every answer of the storage has.
fn stamped(mut answer: Answer, context: &Context) -> Answer {
    if let Answer::Respond(response) = &mut answer {
        let headers = response.headers_mut();
        headers.insert(SERVER, HeaderValue::from_static("tencent-cos"));
        set(headers, "x-cos-request-id", &context.request_id());
    }
    answer
}

/// Sets a header whose text is one by its making.
fn set(headers: &mut HeaderMap, name: &'static str, text: &str) {
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(name, value);
    }
}

fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
