//! What a file server says in the body of an error.

use alloc::string::String;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::xml::element;
use crate::text::{json_text, snippet};

/// Code, message and request id of an error, each short and without what may be a secret: they may
/// quote the URL.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) request_id: Option<String>,
}

impl Said {
    /// Reads the object store's XML, or the JSON that it answers in some cases.
    pub(super) fn read(text: &str) -> Self {
        let said = match text.trim_start().starts_with('{') {
            true => Self::of_json(text),
            false => Self::of_xml(text),
        };
        let short =
            |text: Option<String>| text.map(|text| snippet(&text)).filter(|t| !t.is_empty());
        Self {
            code: short(said.code),
            message: short(said.message),
            request_id: short(said.request_id),
        }
    }

    fn of_xml(text: &str) -> Self {
        Self {
            code: element(text, "Code"),
            message: element(text, "Message"),
            request_id: element(text, "RequestId"),
        }
    }

    fn of_json(text: &str) -> Self {
        #[derive(Deserialize)]
        struct Members<'a> {
            #[serde(borrow, alias = "Code")]
            code: Option<&'a RawValue>,
            #[serde(borrow, alias = "Message")]
            message: Option<&'a RawValue>,
            #[serde(borrow, alias = "requestid", alias = "requestId", alias = "RequestId")]
            request_id: Option<&'a RawValue>,
        }
        let Ok(members) = serde_json::from_str::<Members<'_>>(text) else { return Self::default() };
        Self {
            // The code is a number or a text.
            code: members.code.map(|code| json_text(code).unwrap_or_else(|| code.get().into())),
            message: members.message.and_then(json_text),
            request_id: members.request_id.and_then(json_text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> [Option<String>; 3] {
        let Said { code, message, request_id } = Said::read(text);
        [code, message, request_id]
    }

    fn some<const N: usize>(texts: [&str; N]) -> [Option<String>; N] {
        texts.map(|text| Some(text.into()))
    }

    #[test]
    fn xml_is_read() {
        let xml = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message>\
            <RequestId>x-1</RequestId></Error>";
        assert_eq!(said(xml), some(["AccessDenied", "Request has expired", "x-1"]));
    }

    #[test]
    fn json_is_read_however_its_members_are_spelled() {
        for id in ["requestid", "requestId", "request_id", "RequestId"] {
            let json = r#" {"code":"AccessDenied","message":"Request has expired","ID":"x-1"}"#;
            let json = json.replace("ID", id);
            assert_eq!(said(&json), some(["AccessDenied", "Request has expired", "x-1"]));
        }
        let json = r#"{"Code":403,"Message":"a \u0026 b","RequestId":"x-1","TraceId":[1]}"#;
        assert_eq!(said(json), some(["403", "a & b", "x-1"]));
        let json = r#"{"code":"AccessDenied","request_id":"x-1","message":null}"#;
        assert_eq!(said(json), [Some("AccessDenied".into()), None, Some("x-1".into())]);
    }

    #[test]
    fn what_is_neither_says_nothing() {
        for text in ["", "<html>", "{", r#"{"code":"Acc"#, "[]", "null", r#"{"other":1}"#] {
            assert_eq!(Said::read(text), Said::default(), "{text}");
        }
    }
}
