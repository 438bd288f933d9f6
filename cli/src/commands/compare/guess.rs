//! What a program with one of the usual mistakes signs, to find the mistake by its signature.
//!
//! The stages of core cannot make most mistakes: they refuse a key with a line break, and take the
//! date from the timestamp.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tcss_export::{
    Endpoint,
    signing::{ALGORITHM, HexDigest},
};

use super::{
    mistake::*,
    subject::{Subject, UNSIGNED},
};
use crate::captured::TERMINATOR;

/// All that a signature depends on.
#[derive(Clone)]
pub(super) struct Signing {
    pub(super) canonical_request: String,
    pub(super) has_upper_case_hash: bool,
    pub(super) timestamp: String,
    pub(super) date: String,
    pub(super) service: String,
    /// `TC3` and the secret key.
    pub(super) first_key: String,
}

/// A mistake in a part, and what is signed with it.
pub(super) struct Guess {
    pub(super) part: &'static str,
    pub(super) mistake: Mistake,
    /// Describes what was signed; empty if that is secret.
    pub(super) detail: String,
    pub(super) signing: Signing,
}

impl Signing {
    pub(super) fn signature(&self) -> String {
        let Self { timestamp, date, service, .. } = self;
        let hash = hash(&self.canonical_request);
        let hash = if self.has_upper_case_hash { hash.to_uppercase() } else { hash };
        let text = format!("{ALGORITHM}\n{timestamp}\n{date}/{service}/{TERMINATOR}\n{hash}");
        let mut key = self.first_key.clone().into_bytes();
        for part in [date, service, TERMINATOR, &text] {
            let mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of any length");
            key = mac.chain_update(part).finalize().into_bytes().to_vec();
        }
        key.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn guess(&self, part: &'static str, mistake: Mistake, signed: &str) -> Guess {
        let detail = if signed.is_empty() { String::new() } else { format!("signed {signed}") };
        Guess { part, mistake, detail, signing: self.clone() }
    }

    /// Replaces a text of the canonical request.
    fn with(&self, from: &str, to: &str) -> Self {
        let canonical_request = self.canonical_request.replacen(from, to, 1);
        Self { canonical_request, ..self.clone() }
    }
}

fn hash(text: &str) -> String {
    HexDigest::of(text.as_bytes()).to_string()
}

/// Returns what each mistake signs; `base` is without any of them.
pub(super) fn guesses(subject: &Subject<'_>, base: &Signing, secret_id: &str) -> Vec<Guess> {
    let mut guesses = of_headers(subject, base);
    guesses.extend(of_head(subject, base));
    guesses.extend(of_body(subject, base));
    guesses.extend(of_string_to_sign(subject, base));
    guesses.extend(of_key(base, secret_id));
    guesses
}

fn line(name: &str, value: &str) -> String {
    format!("\n{}:{value}\n", name.to_lowercase())
}

fn of_headers(subject: &Subject<'_>, base: &Signing) -> Vec<Guess> {
    let Subject { host, content_type, .. } = *subject;
    let bare = host.rsplit_once(':').map_or(host, |(bare, _)| bare);
    let (international, mainland) = (Endpoint::international(), Endpoint::mainland());
    let url_host = subject.request.target().0.unwrap_or(bare);
    let with_port = [bare, ":443"].concat();
    let hosts = [bare, &with_port, url_host, international.host(), mainland.host()];
    let media_type = content_type.split(';').next().unwrap_or_default();
    let with_charset = [media_type, "; charset=utf-8"].concat();
    let types = [media_type, &with_charset, "application/json", "application/json; charset=utf-8"];
    let hosts = hosts.map(|signed| ("host", HOST, host, signed));
    let types = types.map(|signed| ("content-type", CONTENT_TYPE, content_type, signed));
    let guess = |(name, mistake, sent, signed): (_, _, &str, &str)| {
        base.with(&line(name, &sent.to_lowercase()), &line(name, signed))
            .guess(name, mistake, signed)
    };
    let mut guesses: Vec<_> = hosts.into_iter().chain(types).map(guess).collect();
    // Only signed ones: a text may have so many others that they would take minutes.
    let as_sent = |signing: Signing, name: &str| match subject.request.header(name) {
        Some(value) => signing.with(&line(name, &value.to_lowercase()), &line(name, value)),
        None => signing,
    };
    let as_sent = subject.signed_headers().split(';').fold(base.clone(), as_sent);
    guesses.push(as_sent.guess("x-tc-action", LETTER_CASE, "as sent"));
    guesses
}

/// Returns guesses about the lines around the headers.
fn of_head(subject: &Subject<'_>, base: &Signing) -> [Guess; 4] {
    let (method, path, query) = (&*subject.request.method, subject.path, subject.query);
    let head = |method: &str, path: &str, query: &str| format!("{method}\n{path}\n{query}\n");
    let with = |changed: String| base.with(&head(method, path, query), &changed);
    let names = subject.signed_headers();
    let (empty_line, none) = (format!("\n\n{names}\n"), format!("\n{names}\n"));
    [
        with(head(&method.to_lowercase(), path, query)).guess("method", METHOD, "in lower case"),
        with(head(method, "/", query)).guess("path", PATH, "/"),
        with(head(method, path, "")).guess("query", QUERY, "an empty query"),
        base.with(&empty_line, &none).guess("signed headers", EMPTY_LINE, ""),
    ]
}

fn of_body(subject: &Subject<'_>, base: &Signing) -> Vec<Guess> {
    let body = subject.request.body.as_deref().unwrap_or_default();
    let value: Value = serde_json::from_str(body).unwrap_or_default();
    // The maps of serde_json are sorted.
    let sorted = value.to_string();
    let sent = subject.payload().map(hash).unwrap_or_default();
    let bodies = [
        ("JSON without blanks", spaced(body, "")),
        ("JSON with blanks after , and :", spaced(body, " ")),
        ("JSON with sorted keys", sorted.clone()),
        ("JSON with sorted keys, and blanks after , and :", spaced(&sorted, " ")),
        ("indented JSON", serde_json::to_string_pretty(&value).unwrap_or_default()),
        ("a line break at the end", [body, "\n"].concat()),
        ("no blanks at the end", body.trim_end().to_owned()),
        ("LF for CR LF", body.replace("\r\n", "\n")),
        ("an empty body", String::new()),
        ("an empty object", "{}".to_owned()),
        (UNSIGNED, UNSIGNED.to_owned()),
        ("the body", body.to_owned()),
    ];
    let guess = |(signed, body): (_, String)| {
        base.with(&sent, &hash(&body)).guess("payload hash", BODY, signed)
    };
    let upper = base.with(&sent, &sent.to_uppercase());
    let upper = upper.guess("payload hash", UPPER_CASE, "in upper case");
    bodies.into_iter().map(guess).chain([upper]).collect()
}

/// Replaces the blanks outside the strings of a JSON text.
fn spaced(json: &str, blank: &str) -> String {
    let (mut text, mut in_string, mut is_escaped) = (String::new(), false, false);
    for c in json.chars() {
        if in_string || !c.is_whitespace() {
            text.push(c);
        }
        if !in_string && matches!(c, ',' | ':') {
            text.push_str(blank);
        }
        in_string ^= c == '"' && !is_escaped;
        is_escaped = in_string && c == '\\' && !is_escaped;
    }
    text
}

fn of_string_to_sign(subject: &Subject<'_>, base: &Signing) -> Vec<Guess> {
    let number: i64 = subject.timestamp.parse().unwrap_or_default();
    let near = (-2..=2).map(|seconds| number.saturating_add(seconds));
    let times = near.chain([number.saturating_mul(1_000)]).map(|time| {
        let timestamp = time.to_string();
        let signing = Signing { timestamp: timestamp.clone(), ..base.clone() };
        signing.guess("timestamp", OTHER_TIMESTAMP, &timestamp)
    });
    let upper = Signing { has_upper_case_hash: true, ..base.clone() };
    times.chain([upper.guess("signature", UPPER_CASE, "a hash in upper case")]).collect()
}

fn of_key(base: &Signing, secret_id: &str) -> Vec<Guess> {
    let prefix = "TC3";
    let key = base.first_key.strip_prefix(prefix).unwrap_or_default();
    let around = ["\n", "\r\n", "\r", " ", "\t"].map(|end| ("", end));
    let around = around.into_iter().chain([(" ", ""), ("\u{feff}", ""), ("\"", "\""), ("'", "'")]);
    let blanks = around.map(|(start, end)| (KEY_WITH_BLANK, [prefix, start, key, end].concat()));
    let others = [(NO_PREFIX, key.to_owned()), (SWAPPED, [prefix, secret_id].concat())];
    let guess = |(mistake, first_key)| {
        Signing { first_key, ..base.clone() }.guess("signature", mistake, "")
    };
    blanks.chain(others).map(guess).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // From Python's `json.dumps(json.loads(text), ensure_ascii=False)`, and with `separators`.
    #[test]
    fn only_the_blanks_outside_strings_change() {
        let text = "{ \"a, b\": [1,\n2] ,\"c\\\\\":\"\\\" :\", \"\u{4e2d} \":{} }";
        assert_eq!(
            spaced(text, " "),
            "{\"a, b\": [1, 2], \"c\\\\\": \"\\\" :\", \"\u{4e2d} \": {}}"
        );
        assert_eq!(spaced(text, ""), "{\"a, b\":[1,2],\"c\\\\\":\"\\\" :\",\"\u{4e2d} \":{}}");
    }
}
