//! Any key file is read or refused without a panic. No error shows a value, its line is in the
//! file, and one more line before an INI file changes nothing but the numbers of lines.
//!
//! An asterisk in the input stands for a secret.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tcss_export::credentials::{FormatError, parse_ini, parse_tccli};

const SECRET: &str = "EXAMPLE0SECRET";

fuzz_target!(|input: &[u8]| {
    let file: Vec<u8> = input.split(|b| *b == b'*').collect::<Vec<_>>().join(SECRET.as_bytes());
    let ini = parse_ini(&file);
    match &ini {
        Ok(Some(keys)) => {
            let text = str::from_utf8(&file).expect("keys are text");
            let mut values = text.lines().filter_map(|line| line.split_once('='));
            assert!(values.any(|(_, value)| value.trim() == keys.secret_id()), "{keys:?}");
        }
        Ok(None) => {}
        Err(error) => check(error, &file),
    }
    if !file.starts_with(b"\xef\xbb\xbf") {
        let moved = parse_ini(&[b"# a comment\n", &*file].concat());
        let line = |error: FormatError| error.line().expect("every error of INI has a line");
        assert_eq!(moved.map_err(line), ini.map_err(|error| line(error) + 1));
    }
    if let Err(error) = parse_tccli(&file) {
        check(&error, &file);
    }
});

fn check(error: &FormatError, file: &[u8]) {
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(SECRET), "{shown}");
    let lines = 1 + file.iter().filter(|b| **b == b'\n').count();
    assert!(error.line().is_none_or(|line| (1..=lines).contains(&line)), "{shown}");
}
