//! Requests of a session, checked by a verifier that shares no code with it.

use proptest::prelude::*;
use tcss_export::{Credentials, Endpoint, JobId, Session, actions::DescribeExportJobResult};
use tcss_export_testkit::verify::Refusal;

use crate::common::{Wire, at};

/// The input of one signed request.
#[derive(Clone, Debug)]
struct Input {
    job: String,
    endpoint: String,
    region: String,
    token: String,
    time: i64,
    id: String,
    key: String,
}

prop_compose! {
    fn any_input()(
        job in "(?s).{1,40}",
        endpoint in "https://[a-z]{1,20}\\.example(:[1-9][0-9]{0,3})?/?|http://127\\.0\\.0\\.[1-9]:[1-9][0-9]{0,3}|http://\\[::1\\]:[1-9][0-9]{0,3}|TCSS\\.Intl\\.TencentCloudAPI\\.com",
        region in "([a-z]{2}-[a-z]{3,10})?",
        token in "[!-~]{0,60}",
        time in 0i64..=253_402_300_799,
        id in "[A-Za-z0-9]{1,40}",
        key in "[!-~]{1,64}",
    ) -> Input {
        Input { job, endpoint, region, token, time, id, key }
    }
}

impl Input {
    fn wire(&self) -> Wire {
        let endpoint: Endpoint = self.endpoint.parse().expect("an endpoint");
        let mut session = Session::new(endpoint).with_region(&self.region).expect("a region");
        let credentials = Credentials::new(&*self.id, &*self.key).expect("a key pair");
        let credentials = credentials.with_token(&*self.token).expect("a token");
        let action = DescribeExportJobResult::new(JobId::new(&*self.job).expect("an id"));
        Wire::of(&session.request(&action, &credentials, at(self.time)).expect("a request"))
    }
}

/// Replaces one digit with another.
fn flip(text: &mut String, at: usize) {
    let other = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
    text.replace_range(at..=at, other);
}

proptest! {
    #[test]
    fn the_verifier_accepts_what_a_session_signs(input in any_input()) {
        let verified = input.wire().verify(input.time, &input.id, &input.key).expect("accepted");
        prop_assert_eq!(verified.secret_id, input.id);
        prop_assert_eq!(verified.timestamp, input.time);
        prop_assert_eq!(&*verified.signed_headers, "content-type;host;x-tc-action");
        prop_assert!(verified.payload_signed);
    }

    #[test]
    fn the_verifier_refuses_a_request_that_was_changed_after_signing(
        input in any_input(), which in 0usize..7, at: prop::sample::Index, bit in 0u32..8,
    ) {
        let mut wire = input.wire();
        let mut expected = Some(Refusal::Signature);
        match which {
            0 => *at.get_mut(&mut wire.body) ^= 1u8 << bit,
            1 => wire.header_mut("host").push('0'),
            2 => wire.header_mut("content-type").push_str("; charset=utf-8"),
            3 => wire.header_mut("x-tc-action").push('s'),
            4 => {
                // Another second may have another date, and the date is checked before the
                // signature.
                let time = input.time + 1 - 2 * i64::from(input.time == 253_402_300_799);
                *wire.header_mut("x-tc-timestamp") = time.to_string();
                expected = None;
            }
            5 => {
                let value = wire.header_mut("authorization");
                let digit = value.len() - 64 + at.index(64);
                flip(value, digit);
            }
            _ => {
                let value = wire.header_mut("authorization");
                let date = value.find('/').expect("a scope") + 1;
                flip(value, date + [0, 1, 2, 3, 5, 6, 8, 9][at.index(8)]);
                expected = Some(Refusal::ScopeDate);
            }
        }
        let refusal = wire.verify(input.time, &input.id, &input.key).unwrap_err();
        prop_assert!(expected.is_none_or(|expected| expected == refusal), "{}", refusal);
    }
}
