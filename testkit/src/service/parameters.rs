//! The parameters of a call, and the error for a wrong one.

use serde_json::{Map, Value};

use crate::verify::Refusal;

/// An API error, as an answer names it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl ApiError {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new("InvalidParameter", message)
    }

    fn wrong(name: &str, expected: &str) -> Self {
        Self::invalid(format!("expected {name} as {expected}"))
    }

    fn missing(name: &str) -> Self {
        Self::new("MissingParameter", format!("expected the parameter {name}"))
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code(), refusal.to_string())
    }
}

/// The members of a JSON object; reading a parameter removes it.
pub(super) struct Parameters(Map<String, Value>);

/// A condition for listed jobs or for the assets to export.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(super) name: String,
    pub(super) values: Vec<String>,
}

impl Parameters {
    pub(super) fn read(body: &[u8]) -> Result<Self, ApiError> {
        let members = serde_json::from_slice(body);
        members.map(Self).map_err(|_| ApiError::invalid("expected a JSON object"))
    }

    /// Reads a required text that must not be empty.
    pub(super) fn text(&mut self, name: &str) -> Result<String, ApiError> {
        match self.optional_text(name)? {
            None => Err(ApiError::missing(name)),
            Some(text) if text.is_empty() => Err(ApiError::wrong(name, "a text that is not empty")),
            Some(text) => Ok(text),
        }
    }

    pub(super) fn flag(&mut self, name: &str) -> Result<bool, ApiError> {
        self.optional_flag(name)?.ok_or_else(|| ApiError::missing(name))
    }

    pub(super) fn optional_text(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        self.optional(name, "a text", |value| Some(value.as_str()?.to_owned()))
    }

    fn optional_flag(&mut self, name: &str) -> Result<Option<bool>, ApiError> {
        self.optional(name, "true or false", Value::as_bool)
    }

    pub(super) fn optional_number(&mut self, name: &str) -> Result<Option<u64>, ApiError> {
        self.optional(name, "a whole number", Value::as_u64)
    }

    pub(super) fn optional_numbers(&mut self, name: &str) -> Result<Option<Vec<u64>>, ApiError> {
        self.optional(name, "a list of whole numbers", |value| list(value, Value::as_u64))
    }

    pub(super) fn filters(&mut self) -> Result<Vec<Filter>, ApiError> {
        let objects = |value: &Value| list(value, |object| object.as_object().cloned());
        let objects = self.optional("Filters", "a list of objects", objects)?.unwrap_or_default();
        objects.into_iter().map(|object| Filter::read(Self(object))).collect()
    }

    /// Checks that no parameter is left.
    pub(super) fn end(self) -> Result<(), ApiError> {
        self.0.keys().next().map_or(Ok(()), |name| {
            Err(ApiError::new("UnknownParameter", format!("expected no parameter {name:?}")))
        })
    }

    fn optional<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let Some(value) = self.0.remove(name) else { return Ok(None) };
        read(&value).map(Some).ok_or_else(|| ApiError::wrong(name, expected))
    }
}

impl Filter {
    fn read(mut members: Parameters) -> Result<Self, ApiError> {
        let name = members.text("Name")?;
        let texts = |value: &Value| list(value, |text| text.as_str().map(str::to_owned));
        let values = members.optional("Values", "a list of texts", texts)?;
        let values = values.ok_or_else(|| ApiError::missing("Values"))?;
        members.optional_flag("ExactMatch")?;
        members.end()?;
        Ok(Self { name, values })
    }
}

fn list<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.as_array()?.iter().map(read).collect()
}
