//! The verifier accepts every request that a session signs, and refuses it after one change.
//!
//! The input has a line each for time, id, key, token, region, endpoint and change; the rest is the
//! job id.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tcss_export_core::{
    Credentials, Endpoint, JobId, Session, Wall, actions::DescribeExportJobResult,
};
use tcss_export_testkit::verify::{RawRequest, Refusal, Verified, Verifier};

struct Input<'a> {
    time: i64,
    id: &'a str,
    key: &'a str,
    token: &'a str,
    region: &'a str,
    endpoint: &'a str,
    change: usize,
    job: &'a str,
}

struct Sent {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

fuzz_target!(|text: &str| {
    let Some(input) = input(text) else { return };
    let Some(mut sent) = sent(&input) else { return };
    // These characters separate the parts of the Authorization header, and no real id contains
    // them.
    if input.id.contains(['/', ',']) {
        return;
    }
    let verified = sent.verify(&input).expect("the verifier accepts a signed request");
    assert_eq!((&*verified.secret_id, verified.timestamp), (input.id, input.time));
    sent.change(input.change);
    assert!(sent.verify(&input).is_err(), "change {} was not noticed", input.change);
});

fn input(text: &str) -> Option<Input<'_>> {
    let mut lines = text.splitn(8, '\n');
    Some(Input {
        time: lines.next()?.parse().ok()?,
        id: lines.next()?,
        key: lines.next()?,
        token: lines.next()?,
        region: lines.next()?,
        endpoint: lines.next()?,
        change: lines.next()?.parse().ok()?,
        job: lines.next()?,
    })
}

fn sent(input: &Input<'_>) -> Option<Sent> {
    let credentials = Credentials::new(input.id, input.key).ok()?.with_token(input.token).ok()?;
    let endpoint: Endpoint = input.endpoint.parse().ok()?;
    let mut session = Session::new(endpoint).with_region(input.region).ok()?;
    let action = DescribeExportJobResult::new(JobId::new(input.job).ok()?);
    let now = Wall::from_unix_seconds(input.time);
    let request = session.request(&action, &credentials, now).ok()?;
    let text = |value: &http::HeaderValue| value.to_str().expect("ASCII").to_owned();
    let headers = request.headers().iter().map(|(name, value)| (name.to_string(), text(value)));
    Some(Sent { headers: headers.collect(), body: request.body().to_vec() })
}

impl Sent {
    fn verify(&self, input: &Input<'_>) -> Result<Verified, Refusal> {
        let headers: Vec<_> = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let request = RawRequest {
            method: "POST",
            path: "/",
            query: "",
            headers: &headers,
            body: &self.body,
        };
        let key_of = |id: &str| (id == input.id).then_some(input.key);
        Verifier::new("tcss").verify(&request, input.time, key_of)
    }

    fn change(&mut self, change: usize) {
        let (kind, at) = (change % 6, change / 6);
        let name = match kind {
            0 => {
                let at = at % self.body.len();
                self.body[at] ^= 1;
                return;
            }
            1 => "host",
            2 => "content-type",
            3 => "x-tc-action",
            4 => "x-tc-timestamp",
            _ => "authorization",
        };
        let header = self.headers.iter_mut().find(|header| header.0 == name);
        let value = &mut header.expect("every request has it").1;
        if kind < 5 {
            value.push('0');
            return;
        }
        let at = value.len() - 1 - at % 64;
        let other = if &value[at..=at] == "0" { "1" } else { "0" };
        value.replace_range(at..=at, other);
    }
}
