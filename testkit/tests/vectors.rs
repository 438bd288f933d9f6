//! The verifier accepts the signatures of other programs and refuses changed ones.

use proptest::prelude::*;
use serde_json::Value;
use tcss_export_testkit::verify::{RawRequest, Refusal, Verifier};

const VECTORS: &str = include_str!("../../tests/vectors/tc3-vectors.jsonl");

struct Row {
    value: Value,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Row {
    fn read(line: &str) -> Self {
        let value: Value = serde_json::from_str(line).expect(line);
        let mut row = Self { headers: Vec::new(), body: Vec::new(), value };
        row.body = base64(row.text("payload_base64"));
        row.headers = row.wire_headers();
        row
    }

    fn text(&self, name: &str) -> &str {
        self.value[name].as_str().unwrap_or_default()
    }

    /// Returns the headers as sent; the rows have only the canonical values of the signed ones.
    fn wire_headers(&self) -> Vec<(String, String)> {
        let mut headers: Vec<(String, String)> =
            serde_json::from_value(self.value["headers"].clone()).expect("pairs");
        headers.retain(|header| header.0 != "x-tc-action");
        headers.push(("X-TC-Timestamp".to_owned(), self.value["timestamp"].to_string()));
        headers.push(("Authorization".to_owned(), self.text("authorization").to_owned()));
        if let Some(action) = self.value["action"].as_str() {
            headers.push(("X-TC-Action".to_owned(), action.to_owned()));
        }
        if self.value["unsigned_payload"] == true {
            headers.push(("X-TC-Content-SHA256".to_owned(), "UNSIGNED-PAYLOAD".to_owned()));
        }
        headers
    }

    fn verify(&self) -> Result<(), Refusal> {
        let headers: Vec<_> = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let request = RawRequest {
            method: self.text("method"),
            path: self.text("path"),
            query: self.text("query"),
            headers: &headers,
            body: &self.body,
        };
        let now = self.value["timestamp"].as_i64().expect("seconds");
        let key_of = |id: &str| (id == self.text("secret_id")).then(|| self.text("secret_key"));
        let verified = Verifier::new(self.text("service")).verify(&request, now, key_of)?;
        assert_eq!(verified.secret_id, self.text("secret_id"));
        assert_eq!(verified.payload_signed, self.value["unsigned_payload"] == false);
        Ok(())
    }

    /// Changes one character of the Authorization header, at this distance from its end.
    fn flip_signature(&mut self, from_end: usize) {
        let value = self.headers.iter_mut().find(|header| header.0 == "Authorization");
        let value = &mut value.expect("signed").1;
        let at = value.len() - 1 - from_end % 64;
        let other = if value.as_bytes()[at] == b'0' { "1" } else { "0" };
        value.replace_range(at..=at, other);
    }
}

fn rows() -> impl Iterator<Item = Row> {
    VECTORS.lines().map(Row::read)
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.trim_end_matches('=').bytes();
    let digits = digits.map(|digit| DIGITS.iter().position(|known| *known == digit));
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for digit in digits {
        bits = bits << 6 | u32::try_from(digit.expect("base64")).expect("six bits");
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    bytes
}

#[test]
fn the_file_has_all_its_rows() {
    assert_eq!(rows().count(), 491);
}

#[test]
fn every_row_is_accepted() {
    for row in rows() {
        assert_eq!(row.verify(), Ok(()), "{}", row.text("id"));
    }
}

#[test]
fn every_row_with_one_changed_digit_of_its_signature_is_refused() {
    for (index, mut row) in rows().enumerate() {
        row.flip_signature(index);
        assert_eq!(row.verify(), Err(Refusal::Signature), "{}", row.text("id"));
    }
}

#[test]
fn every_row_with_one_more_byte_is_refused_unless_its_payload_is_unsigned() {
    for mut row in rows() {
        row.body.push(b' ');
        let unsigned = row.value["unsigned_payload"] == true;
        assert_eq!(row.verify().is_ok(), unsigned, "{}", row.text("id"));
    }
}

#[test]
fn the_order_of_headers_does_not_matter() {
    for mut row in rows() {
        row.headers.reverse();
        assert_eq!(row.verify(), Ok(()), "{}", row.text("id"));
    }
}

#[test]
fn letter_case_and_blanks_around_values_do_not_matter() {
    let mut row = rows().next().expect("a row");
    for header in &mut row.headers[..2] {
        *header = (header.0.to_uppercase(), format!(" {}\t", header.1.to_uppercase()));
    }
    assert_eq!(row.verify(), Ok(()));
}

proptest! {
    #[test]
    fn a_changed_byte_of_a_signed_body_is_refused(index in any::<usize>(), change in 1..=255u8) {
        let mut row = rows().next().expect("a row");
        let at = index % row.body.len();
        row.body[at] ^= change;
        prop_assert_eq!(row.verify(), Err(Refusal::Signature));
    }

    #[test]
    fn any_authorization_and_timestamp_is_refused_without_a_panic(
        authorization in "(TC3-HMAC-SHA256 Credential=)?.{0,40}",
        timestamp in "[0-9]{0,25}|.{0,10}",
    ) {
        let headers = [
            ("Host", "localhost"),
            ("Content-Type", "application/json"),
            ("X-TC-Timestamp", &timestamp),
            ("Authorization", &authorization),
        ];
        let request =
            RawRequest { method: "POST", path: "/", query: "", headers: &headers, body: b"" };
        let refusal = Verifier::new("tcss").verify(&request, i64::MIN, |_| Some("EXAMPLEKEY"));
        prop_assert!(refusal.is_err());
    }
}
