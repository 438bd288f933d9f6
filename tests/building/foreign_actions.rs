//! Actions that a user adds with texts or bodies that cannot be sent.

use bytes::Bytes;
use http::Request;
use serde::{Serialize, Serializer};
use tcss_export::{
    actions::Action,
    error::{BuildError, Field, Reason},
};

use crate::{
    common::{TIME, at, credentials, session},
    requests::{own_action, refused},
};

own_action!(BadName, "tcss", "2020-11-01", "Describe\r\nX-Evil: 1");
own_action!(BadVersion, "tcss", "2020\n", "Describe");
own_action!(BadService, "tcss\n", "2020-11-01", "Describe");

fn request<A: Action>(action: &A) -> Result<Request<Bytes>, BuildError> {
    session().request(action, &credentials(), at(TIME))
}

#[test]
fn name_that_would_break_a_header_is_refused() {
    refused(request(&BadName), Field::Action, Reason::InvalidCharacter);
    refused(session().canonical_request(&BadName), Field::Action, Reason::InvalidCharacter);
}

#[test]
fn version_that_would_break_a_header_is_refused() {
    refused(request(&BadVersion), Field::Version, Reason::InvalidCharacter);
}

#[test]
fn service_that_would_break_a_header_is_refused() {
    refused(request(&BadService), Field::Service, Reason::InvalidCharacter);
}

struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("never"))
    }
}

impl Action for Unwritable {
    const SERVICE: &'static str = "tcss";
    const VERSION: &'static str = "2020-11-01";
    const NAME: &'static str = "Describe";
    type Response = serde_json::Value;
}

#[test]
fn body_that_does_not_serialise_is_refused() {
    refused(request(&Unwritable), Field::Body, Reason::NotJson);
    refused(session().prepare(&Unwritable), Field::Body, Reason::NotJson);
}
