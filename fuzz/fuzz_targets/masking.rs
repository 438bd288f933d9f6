//! Masking removes each secret, in each of its forms, at any place in a text.
//!
//! In the input, the control characters of `FORMS` stand for the secrets.
#![no_main]

#[allow(dead_code)]
#[path = "../../cli/src/secrets.rs"]
mod secrets;

use std::{env, os::unix::process::CommandExt, process::Command};

use libfuzzer_sys::fuzz_target;

use secrets::{masked, without_keys};

/// The keys that the command line has found, here a key of a file.
mod keys {
    pub(crate) fn secrets() -> Vec<String> {
        vec![super::KEY.to_owned()]
    }
}

const KEY: &str = "EXAMPLEsecretKEY";
const TOKEN: &str = "EXAMPLE/token+KEY==";
const PROXY: &str = "http://EXAMPLEuser:EXAMPLE%2Fpass%3F~~@p.example:3128";
const SIGNATURE: &str = "0123456789abcdef0123456789abcdef01234567";

/// From Python's `quote`, `b64encode` and `urlsafe_b64encode`, without padding.
const FORMS: [(char, &str); 20] = [
    ('\x01', KEY),
    ('\x02', TOKEN),
    ('\x04', "RVhBTVBMRXNlY3JldEtFWQ"),
    ('\x05', "EXAMPLE%2Ftoken%2BKEY%3D%3D"),
    ('\x06', "EXAMPLE%2ftoken%2bKEY%3d%3d"),
    ('\x07', "EXAMPLE\\/token+KEY=="),
    ('\x08', "RVhBTVBMRS90b2tlbitLRVk9PQ"),
    ('\x0e', "EXAMPLE/pass?~~"),
    ('\x0f', "EXAMPLE%2Fpass%3F~~"),
    ('\x10', "EXAMPLE%2fpass%3f~~"),
    ('\x11', "EXAMPLE\\/pass?~~"),
    ('\x12', "RVhBTVBMRS9wYXNzP35+"),
    ('\x13', "RVhBTVBMRS9wYXNzP35-"),
    ('\x14', "EXAMPLEuser:EXAMPLE/pass?~~"),
    ('\x15', "EXAMPLEuser%3AEXAMPLE%2Fpass%3F~~"),
    ('\x16', "RVhBTVBMRXVzZXI6RVhBTVBMRS9wYXNzP35+"),
    ('\x17', "RVhBTVBMRXVzZXI6RVhBTVBMRS9wYXNzP35-"),
    // Cut secrets.
    ('\x18', "EXAMPLEsecretKE..."),
    ('\x19', "EXAMPLE%2Ftoken%2BKE..."),
    ('\x1a', "EXAMPLE/pass?~..."),
];

fuzz_target!(
    init: {
        let variables = [("TENCENTCLOUD_TOKEN", TOKEN), ("HTTPS_PROXY", PROXY)];
        if !variables.iter().all(|(name, value)| env::var(name).as_deref() == Ok(*value)) {
            // A program cannot safely set its own variables.
            let mut again = Command::new(env::current_exe().expect("this program"));
            panic!("{}", again.args(env::args_os().skip(1)).envs(variables).exec());
        }
    },
    |input: &[u8]| {
        let mut text = String::from_utf8_lossy(input).replace('\x03', SIGNATURE);
        for (character, form) in FORMS {
            text = text.replace(character, form);
        }
        let (shown, id) = (masked(&text), without_keys(&text));
        assert!(!shown.contains(SIGNATURE), "{shown}");
        for (_, form) in FORMS {
            assert!(!shown.contains(form) && !id.contains(form), "{form} in {shown}");
        }
        let is_plain = |c: char| c.is_ascii_alphabetic() || c == ' ';
        if text.chars().all(is_plain) && !text.contains(KEY) && text.len() < SIGNATURE.len() {
            assert_eq!(shown, text, "plain text stays the same");
        }
    }
);
