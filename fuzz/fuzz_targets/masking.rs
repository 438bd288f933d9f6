//! Masking removes each secret at any place in a text.
//!
//! In the input, `\x01` stands for the secret key, `\x02` for the token and `\x03` for a signature.
#![no_main]

#[allow(dead_code)]
#[path = "../../cli/src/secrets.rs"]
mod secrets;

use libfuzzer_sys::fuzz_target;

use secrets::{SECRET_KEY, masked, without_keys};

const KEY: &str = "EXAMPLEsecretKEY";
const TOKEN: &str = "EXAMPLE/token+KEY==";
const SIGNATURE: &str = "0123456789abcdef0123456789abcdef01234567";

fuzz_target!(
    init: {
        for (name, value) in [(SECRET_KEY, KEY), ("TENCENTCLOUD_TOKEN", TOKEN)] {
            assert_eq!(std::env::var(name).as_deref(), Ok(value), "run with this variable");
        }
    },
    |input: &[u8]| {
        let text = String::from_utf8_lossy(input);
        let text = text.replace('\x01', KEY).replace('\x02', TOKEN).replace('\x03', SIGNATURE);
        let shown = masked(&text);
        for secret in [KEY, TOKEN, SIGNATURE] {
            assert!(!shown.contains(secret), "{shown}");
        }
        let shown = without_keys(&text);
        assert!(!shown.contains(KEY) && !shown.contains(TOKEN), "{shown}");
        let is_plain = |c: char| c.is_ascii_alphabetic() || c == ' ';
        if text.chars().all(is_plain) && !text.contains(KEY) && text.len() < SIGNATURE.len() {
            assert_eq!(masked(&text), text, "plain text stays the same");
        }
    }
);
