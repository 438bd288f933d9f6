//! The time to build a signed request: with a new signing key, with the cached key of the day, and
//! from a prepared poll. Large payloads are compared with a bare SHA-256.
//!
//! Absolute times say little on a shared machine, so the ratios at the end come from interleaved
//! rounds.
#![allow(missing_docs, reason = "criterion's macros generate undocumented functions")]

mod interleaved;

use std::{hint::black_box, process::ExitCode};

use criterion::{BatchSize, Criterion, Throughput, criterion_group};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tcss_export::{
    Credentials, Endpoint, JobId, Session,
    actions::{Action, DescribeExportJobResult},
    core::Wall,
    signing::{CredentialScope, HexDigest, SigningKey, StringToSign, Timestamp},
};

const TIME: i64 = 1_699_979_400;

fn credentials() -> Credentials {
    Credentials::new("AKIDFIELDCASES0001", "FieldCasesSecretKey0001").expect("a key pair")
}

fn action() -> DescribeExportJobResult {
    let job = JobId::new("3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10").expect("an id");
    DescribeExportJobResult::new(job)
}

fn session() -> Session {
    Session::new(Endpoint::international())
}

fn timestamp() -> Timestamp {
    Timestamp::new(TIME).expect("a four-digit year")
}

/// The signature alone, without the canonical request.
fn signatures(c: &mut Criterion) {
    let (credentials, hash) = (credentials(), HexDigest::of(b"a canonical request"));
    let scope = CredentialScope::new(timestamp(), "tcss");
    let text = StringToSign::new(timestamp(), "tcss", hash);
    let key = SigningKey::derive(&credentials, &scope);
    let mut group = c.benchmark_group("signature");
    group.throughput(Throughput::Elements(1));
    group.bench_function("new key", |b| {
        b.iter(|| SigningKey::derive(black_box(&credentials), &scope).sign(black_box(&text)));
    });
    group.bench_function("cached key", |b| b.iter(|| black_box(&key).sign(black_box(&text))));
    group.finish();
}

/// From the typed action to the `http::Request`.
fn requests(c: &mut Criterion) {
    let (credentials, action, now) = (credentials(), action(), Wall::from_unix_seconds(TIME));
    let mut session_with_key = session();
    let prepared = session_with_key.prepare(&action).expect("an action");
    session_with_key.sign(&prepared, &credentials, now).expect("signed");
    let mut group = c.benchmark_group("request");
    group.throughput(Throughput::Elements(1));
    group.bench_function("new key", |b| {
        let sign = |mut session: Session| session.request(black_box(&action), &credentials, now);
        b.iter_batched(session, sign, BatchSize::SmallInput);
    });
    group.bench_function("cached key", |b| {
        b.iter(|| session_with_key.request(black_box(&action), &credentials, now));
    });
    group.bench_function("prepared", |b| {
        b.iter(|| session_with_key.sign(black_box(&prepared), &credentials, now));
    });
    group.finish();
}

/// An action with a body of any size.
#[derive(Serialize)]
#[serde(transparent)]
struct Upload(String);

impl Action for Upload {
    const SERVICE: &'static str = "tcss";
    const VERSION: &'static str = "2020-11-01";
    const NAME: &'static str = "Upload";
    type Response = serde_json::Value;
}

/// Hashing a payload: in the first stage alone, and in a whole request, which also writes the body
/// as JSON.
fn payloads(c: &mut Criterion) {
    let (credentials, now) = (credentials(), Wall::from_unix_seconds(TIME));
    let mut session = session();
    let mut group = c.benchmark_group("payload");
    for (name, size) in [("48 bytes", 48), ("1 MB", 1_000_000)] {
        // The body also has two quotation marks.
        let upload = Upload("a".repeat(size - 2));
        let body = serde_json::to_vec(&upload).expect("a body");
        assert_eq!(body.len(), size);
        group.throughput(Throughput::Bytes(size.try_into().expect("a size")));
        group.bench_function(format!("{name}, bare SHA-256"), |b| {
            b.iter(|| Sha256::digest(black_box(&body)));
        });
        group.bench_function(format!("{name}, payload hash"), |b| {
            b.iter(|| HexDigest::of(black_box(&body)));
        });
        group.bench_function(format!("{name}, body as JSON"), |b| {
            b.iter(|| serde_json::to_vec(black_box(&upload)));
        });
        group.bench_function(format!("{name}, whole request"), |b| {
            b.iter(|| session.request(black_box(&upload), &credentials, now));
        });
    }
    group.finish();
}

/// Returns whether hashing or signing takes too long in relation to the bare hash.
fn is_slow() -> bool {
    let hash = HexDigest::of(b"a canonical request");
    let text = StringToSign::new(timestamp(), "tcss", hash);
    let key = SigningKey::derive(&credentials(), &text.scope());
    // One block for the payload, two after the common beginning of the canonical requests, and
    // three for the signature; with its padding, the text on the other side also has six blocks.
    let is_signing_slow = interleaved::is_over(
        ("hashes and signature of a request: time / that of six chained blocks", 1.8),
        100,
        || {
            let payload = HexDigest::of(black_box(&[b'a'; 48]));
            (payload, HexDigest::of(black_box(&[b'a'; 100])), key.sign(black_box(&text)))
        },
        || Sha256::digest(black_box(&[b'a'; 375])),
    );
    let payload = vec![b'a'; 1_000_000];
    let is_hashing_slow = interleaved::is_over(
        ("payload hash of 1 MB: time / that of bare SHA-256", 1.05),
        1,
        || HexDigest::of(black_box(&payload)),
        || Sha256::digest(black_box(&payload)),
    );
    is_signing_slow || is_hashing_slow
}

criterion_group!(benches, signatures, requests, payloads);

fn main() -> ExitCode {
    benches();
    Criterion::default().configure_from_args().final_summary();
    // A test run compares no times: the machine may be busy.
    let is_test = std::env::args().any(|argument| argument == "--test");
    if !is_test && is_slow() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
