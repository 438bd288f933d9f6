//! A proxy's answer to `CONNECT` opens a tunnel if and only if a second reading of its heads agrees,
//! however it is split into pieces. No error shows the login or a control character.
//!
//! In the input, `\x01` stands for the password, `\x02` for the login as base64, and `\x03` for the
//! letter x, 16,384 times.
#![no_main]

use std::{error::Error, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use tcss_export_driver::{HEAD_LIMIT, HEADERS_LIMIT, Proxies, Proxy, TunnelError};

const PASSWORD: &str = "EXAMPLE0PASSWORD";
/// From `printf u:EXAMPLE0PASSWORD | base64`.
const LOGIN: &str = "dTpFWEFNUExFMFBBU1NXT1JE";

fuzz_target!(|input: &[u8]| {
    let answer = expanded(input);
    let proxy = &*PROXY;
    let whole = proxy.opens_tunnel(&answer);
    check(&answer, &whole);
    // Enough cuts for any input, in linear time.
    for end in (0..answer.len()).rev().step_by(answer.len() / 16 + 1) {
        check_part(&proxy.opens_tunnel(&answer[..end]), &whole);
    }
});

fn expanded(input: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    for byte in input {
        match byte {
            1 => answer.extend_from_slice(PASSWORD.as_bytes()),
            2 => answer.extend_from_slice(LOGIN.as_bytes()),
            3 if answer.len() < 2 * HEAD_LIMIT => answer.resize(answer.len() + 16_384, b'x'),
            byte => answer.push(*byte),
        }
    }
    answer
}

static PROXY: LazyLock<Proxy> = LazyLock::new(|| {
    let url = format!("u:{PASSWORD}@p.example:3128");
    let proxies = Proxies::from_variables(|name| (name == "https_proxy").then(|| (&url).into()));
    let endpoint = "gw.example".parse().expect("an endpoint");
    proxies.proxy_for(&endpoint).expect("a proxy").expect("a proxy")
});

fn check(answer: &[u8], verdict: &Result<bool, TunnelError>) {
    let reading = second_reading(answer);
    match verdict {
        Ok(true) => {
            let opens = |(status, size, rest)| status / 100 == 2 && size <= HEAD_LIMIT && rest == 0;
            assert!(reading.is_some_and(opens), "{} bytes", answer.len());
        }
        Ok(false) => assert!(reading.is_none() && answer.len() < HEAD_LIMIT),
        Err(error) => {
            check_text(error);
            if let Some(status) = status(error) {
                let same = |(read, size, _)| read == status && size <= HEAD_LIMIT;
                assert!(reading.is_some_and(same), "{error}");
            } else if let Some((status, size, rest)) = reading.filter(|_| is_plain(answer)) {
                // The HTTP parser may refuse any other answer.
                assert!(size > HEAD_LIMIT || status / 100 == 2 && rest > 0, "{error:?}");
            }
        }
    }
}

/// A transport asks after each piece, so a verdict over a part is final.
fn check_part(part: &Result<bool, TunnelError>, whole: &Result<bool, TunnelError>) {
    match part {
        Ok(false) => {}
        // More bytes are an error.
        Ok(true) => assert!(whole.as_ref().is_err_and(|error| status(error).is_none())),
        Err(error) => {
            let of_whole = whole.as_ref().expect_err("an error stays one");
            assert_eq!(status(error), status(of_whole));
        }
    }
}

/// Returns the status with which the proxy refused.
fn status(error: &TunnelError) -> Option<u16> {
    match error {
        TunnelError::Refused { status, .. } => Some(status.as_u16()),
        _ => None,
    }
}

fn check_text(error: &TunnelError) {
    let source = error.source().map(ToString::to_string).unwrap_or_default();
    let shown = format!("{error}; {source}");
    assert!(!shown.contains(char::is_control), "{shown}");
    for shown in [shown, format!("{error:?}")] {
        assert!(!shown.contains(PASSWORD) && !shown.contains(LOGIN), "{shown}");
    }
}

/// Returns the first status that is not 1xx, the size of all heads, in which an interim response
/// counts as at least 512 bytes, and the number of bytes after them.
fn second_reading(answer: &[u8]) -> Option<(u16, usize, usize)> {
    let mut lines = answer.split_inclusive(|byte| *byte == b'\n');
    let mut status = None;
    let (mut read, mut before, mut size) = (0, 0, 0);
    loop {
        let line = lines.next().filter(|line| line.ends_with(b"\n"))?;
        read += line.len();
        let line = line.trim_ascii_end();
        match status {
            // Lines before a head may be empty.
            None if line.is_empty() => {}
            None => status = Some(str::from_utf8(line.get(9..12)?).ok()?.parse::<u16>().ok()?),
            Some(100..=199) if line.is_empty() => {
                size += (read - before).max(512);
                (status, before) = (None, read);
            }
            Some(status) if line.is_empty() => {
                return Some((status, size + read - before, answer.len() - read));
            }
            Some(_) => {}
        }
    }
}

/// Returns whether no parser of HTTP would refuse the heads: each line is a usual one.
fn is_plain(answer: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(answer) else { return false };
    let mut is_first = true;
    let mut is_line = |line: &str| {
        let is_usual = match line.split_once(": ") {
            _ if is_first => is_status_line(line),
            Some((name, _)) => !name.is_empty() && name.chars().all(|c| c.is_alphanumeric()),
            None => line.is_empty(),
        };
        is_first = line.is_empty();
        is_usual && line.chars().all(|c| c.is_ascii_graphic() || c == ' ')
    };
    let mut lines = text.strip_suffix("\r\n").unwrap_or(text).split("\r\n");
    lines.clone().count() < HEADERS_LIMIT && lines.all(&mut is_line)
}

fn is_status_line(line: &str) -> bool {
    let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.split(' ').next());
    status.is_some_and(|code| code.len() == 3 && code.parse().is_ok_and(|c: u16| c >= 100))
}
