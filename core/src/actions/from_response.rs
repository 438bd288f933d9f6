use alloc::{string::String, vec::Vec};

use serde::de::DeserializeOwned;

use crate::{
    json::{Json, Member, Reader, add_member},
    response_error::{ApiError, ErrorCode, ResponseErrorKind},
    text::snippet,
};

/// A type that the `Response` object of an answer can be parsed into.
///
/// Every type that implements `serde::Deserialize` and borrows nothing implements this, too. The
/// response types of this crate do not use serde, which would refuse the whole object for one field
/// of another type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the response of an action",
    note = "derive `serde::Deserialize` for `{Self}`, and let it own all its fields"
)]
pub trait FromResponse: Sized {
    /// Reads the whole object.
    #[doc(hidden)]
    fn read(response: &mut ResponseObject<'_, '_>) -> Result<Self, ResponseErrorKind>;
}

/// A `Response` object.
#[derive(Debug)]
#[expect(unnameable_types, reason = "only this crate implements `FromResponse` by hand")]
pub struct ResponseObject<'r, 'a> {
    reader: &'r mut Reader<'a>,
    pub(crate) error: Member<ErrorObject<'a>>,
    pub(crate) request_id: Member<Json<'a>>,
    /// Whether the object was read to its end, so that it is valid JSON.
    pub(crate) is_complete: bool,
}

impl<'r, 'a> ResponseObject<'r, 'a> {
    pub(crate) const fn new(reader: &'r mut Reader<'a>) -> Self {
        let (error, request_id) = (Member::Absent, Member::Absent);
        Self { reader, error, request_id, is_complete: false }
    }

    /// Reads the object, and returns the values of these names.
    pub(crate) fn values_of<const N: usize>(
        &mut self,
        names: [&str; N],
    ) -> Result<[Member<Json<'a>>; N], ResponseErrorKind> {
        let mut values = [Member::Absent; N];
        let object = self.reader.members(|reader, name| {
            if name.is("Error") {
                self.error.add(ErrorObject::read(reader)?);
            } else if name.is("RequestId") {
                self.request_id.add(reader.value()?);
            } else {
                add_member(&mut values, names, name, reader.value()?);
            }
            Some(())
        });
        self.is_complete = object.is_some();
        if self.is_complete { Ok(values) } else { Err(ResponseErrorKind::Unexpected) }
    }
}

/// The value of `Error`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ErrorObject<'a> {
    code: Option<Json<'a>>,
    message: Option<Json<'a>>,
    json: &'a [u8],
}

impl<'a> ErrorObject<'a> {
    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let start = reader.at();
        let [code, message] = match reader.peek()? {
            b'{' => reader.values_of(["Code", "Message"])?.map(Member::value),
            _ => {
                reader.value()?;
                [None; 2]
            }
        };
        Some(Self { code, message, json: reader.since(start) })
    }

    /// Returns the error, unless it is null. Other JSON becomes a message without a code.
    pub(crate) fn api_error(self) -> Option<ApiError> {
        if self.json == b"null" {
            return None;
        }
        let code = ErrorCode(self.code.and_then(Json::exact_text).unwrap_or_default());
        let snippet = || snippet(&String::from_utf8_lossy(self.json));
        Some(ApiError { code, message: self.message.and_then(Json::text).unwrap_or_else(snippet) })
    }
}

impl<T: DeserializeOwned> FromResponse for T {
    fn read(response: &mut ResponseObject<'_, '_>) -> Result<Self, ResponseErrorKind> {
        let start = response.reader.at();
        response.values_of([])?;
        let json = members_of_action(response.reader.since(start)).unwrap_or_default();
        let text = String::from_utf8_lossy(&json);
        serde_json::from_str(&text).map_err(|_| ResponseErrorKind::Unexpected)
    }
}

/// Returns an object without its `Error` and `RequestId`, which the type need not know.
fn members_of_action(object: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(object);
    let (mut members, mut start) = (Vec::new(), 0);
    reader.members(|reader, name| {
        reader.value()?;
        if !name.is("Error") && !name.is("RequestId") {
            // Without the brace or the comma before it.
            members.push(reader.since(start).get(1..)?);
        }
        start = reader.at();
        Some(())
    })?;
    Some([b"{", &*members.join(&b','), b"}"].concat())
}
