//! Vectors made by other programs, compared stage by stage.

use serde::Deserialize;

use crate::{Input, Stages, common::base64};

/// One vector: the service's own Python SDK made 400, and an independent script made 91 that sign
/// x-tc-action as well.
#[derive(Deserialize)]
struct Row {
    id: String,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    payload_base64: String,
    unsigned_payload: bool,
    service: String,
    timestamp: i64,
    secret_id: String,
    secret_key: String,
    payload_hash: String,
    canonical_request: String,
    canonical_request_hash: String,
    credential_scope: String,
    string_to_sign: String,
    signature: String,
    authorization: String,
}

impl Row {
    fn input(&self) -> Input {
        Input {
            method: self.method.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            headers: self.headers.clone(),
            payload: (!self.unsigned_payload).then(|| base64(&self.payload_base64)),
            service: self.service.clone(),
            timestamp: self.timestamp,
            id: self.secret_id.clone(),
            key: self.secret_key.clone(),
        }
    }

    fn expected(&self) -> Stages {
        Stages([
            ("payload hash", self.payload_hash.clone()),
            ("canonical request", self.canonical_request.clone()),
            ("hash of the canonical request", self.canonical_request_hash.clone()),
            ("credential scope", self.credential_scope.clone()),
            ("string to sign", self.string_to_sign.clone()),
            ("signature", self.signature.clone()),
            ("authorization", self.authorization.clone()),
        ])
    }

    /// Names the row and its first stage that differs.
    fn difference(&self, expected: &Stages) -> Option<String> {
        let difference = self.input().stages().first_difference(expected)?;
        Some(format!("{}: {difference}", self.id))
    }
}

fn rows() -> Vec<Row> {
    let vectors = include_str!("../vectors/tc3-vectors.jsonl");
    vectors.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
}

#[test]
fn every_stage_of_every_vector_is_as_expected() {
    let rows = rows();
    assert_eq!(rows.len(), 491);
    let differences: Vec<_> =
        rows.iter().filter_map(|row| row.difference(&row.expected())).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

#[test]
fn vectors_cover_unsigned_payloads_queries_and_a_third_signed_header() {
    let rows = rows();
    assert!(rows.iter().any(|row| row.unsigned_payload));
    assert!(rows.iter().any(|row| !row.query.is_empty()));
    assert!(rows.iter().any(|row| row.headers.len() == 3));
}

#[test]
fn the_comparison_names_the_row_and_the_first_changed_stage() {
    let row = &rows()[7];
    for stage in 0..7 {
        let mut expected = row.expected();
        for later in &mut expected.0[stage..] {
            later.1.push('0');
        }
        let difference = row.difference(&expected).expect("a difference");
        let named = format!("{}: {}:\n", row.id, expected.0[stage].0);
        assert!(difference.starts_with(&named), "{difference}");
    }
}
