use serde_json::{Map, Value};

use crate::service::fault::Fault;

/// The parameters of a call, taken out one by one.
pub(super) struct Parameters(Map<String, Value>);

/// One condition of a list of jobs or of the things to export.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::service) struct Filter {
    pub(super) name: String,
    pub(super) values: Vec<String>,
}

impl Parameters {
    pub(super) fn read(body: &[u8]) -> Result<Self, Fault> {
        let members = serde_json::from_slice(body);
        members.map(Self).map_err(|_| invalid("expected a JSON object"))
    }

    /// Takes a text that must be there and have a character.
    pub(super) fn text(&mut self, name: &str) -> Result<String, Fault> {
        let text = self.optional_text(name)?.ok_or_else(|| missing(name))?;
        if text.is_empty() { Err(wrong(name, "a text that is not empty")) } else { Ok(text) }
    }

    /// Takes a truth value that must be there.
    pub(super) fn flag(&mut self, name: &str) -> Result<bool, Fault> {
        let value = self.0.remove(name).ok_or_else(|| missing(name))?;
        value.as_bool().ok_or_else(|| wrong(name, "true or false"))
    }

    pub(super) fn optional_text(&mut self, name: &str) -> Result<Option<String>, Fault> {
        self.optional(name, "a text", |value| Some(value.as_str()?.to_owned()))
    }

    pub(super) fn optional_flag(&mut self, name: &str) -> Result<Option<bool>, Fault> {
        self.optional(name, "true or false", Value::as_bool)
    }

    pub(super) fn optional_number(&mut self, name: &str) -> Result<Option<u64>, Fault> {
        self.optional(name, "a whole number", Value::as_u64)
    }

    pub(super) fn optional_numbers(&mut self, name: &str) -> Result<Vec<u64>, Fault> {
        let numbers = |value: &Value| value.as_array()?.iter().map(Value::as_u64).collect();
        Ok(self.optional(name, "a list of whole numbers", numbers)?.unwrap_or_default())
    }

    pub(super) fn filters(&mut self) -> Result<Vec<Filter>, Fault> {
        let objects = |value: &Value| -> Option<Vec<Map<String, Value>>> {
            value.as_array()?.iter().map(|object| object.as_object().cloned()).collect()
        };
        let objects = self.optional("Filters", "a list of objects", objects)?.unwrap_or_default();
        objects.into_iter().map(|object| Filter::read(Self(object))).collect()
    }

    /// Checks that nothing is left.
    pub(super) fn end(self) -> Result<(), Fault> {
        match self.0.keys().next() {
            Some(name) => {
                Err(Fault::new("UnknownParameter", format!("expected no parameter {name:?}")))
            }
            None => Ok(()),
        }
    }

    fn optional<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        let Some(value) = self.0.remove(name) else { return Ok(None) };
        read(&value).map(Some).ok_or_else(|| wrong(name, expected))
    }
}

impl Filter {
    fn read(mut members: Parameters) -> Result<Self, Fault> {
        let name = members.text("Name")?;
        let texts = |value: &Value| -> Option<Vec<String>> {
            value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
        };
        let values = members.optional("Values", "a list of texts", texts)?;
        let values = values.ok_or_else(|| missing("Values"))?;
        members.optional_flag("ExactMatch")?;
        members.end()?;
        Ok(Self { name, values })
    }
}

pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("InvalidParameter", message)
}

fn wrong(name: &str, expected: &str) -> Fault {
    invalid(format!("expected {name} as {expected}"))
}

fn missing(name: &str) -> Fault {
    Fault::new("MissingParameter", format!("expected the parameter {name}"))
}
