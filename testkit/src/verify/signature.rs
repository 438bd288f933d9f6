use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::authorization::Authorization;
use super::{RawRequest, Refusal};

const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// Checks that the key signed this request at this time.
pub(super) fn check(
    request: &RawRequest<'_>,
    authorization: &Authorization<'_>,
    timestamp: &str,
    key: &str,
) -> Result<(), Refusal> {
    let canonical = canonical_request(request, authorization.signed_headers)?;
    let text = string_to_sign(timestamp, authorization, &canonical);
    let signing_key = signing_key(key, authorization);
    let expected = mac(&signing_key, &text);
    // The comparison takes the same time wherever the two differ.
    expected.verify_slice(&authorization.signature).map_err(|_| Refusal::Signature)
}

pub(super) fn is_unsigned_payload(request: &RawRequest<'_>) -> bool {
    request.header("x-tc-content-sha256") == Ok(UNSIGNED_PAYLOAD)
}

fn canonical_request(request: &RawRequest<'_>, signed_headers: &str) -> Result<String, Refusal> {
    let mut text = format!("{}\n{}\n{}\n", request.method, request.path, request.query);
    for name in ["content-type", "host", "x-tc-action"] {
        if signed_headers.split(';').any(|signed| signed == name) {
            text.push_str(name);
            text.push(':');
            text.push_str(&request.header(name)?.to_ascii_lowercase());
            text.push('\n');
        }
    }
    text.push('\n');
    text.push_str(signed_headers);
    text.push('\n');
    text.push_str(&payload_hash(request));
    Ok(text)
}

fn payload_hash(request: &RawRequest<'_>) -> String {
    let payload = match is_unsigned_payload(request) {
        true => UNSIGNED_PAYLOAD.as_bytes(),
        false => request.body,
    };
    hex::encode(Sha256::digest(payload))
}

fn string_to_sign(timestamp: &str, scope: &Authorization<'_>, canonical: &str) -> String {
    let hash = hex::encode(Sha256::digest(canonical));
    let (date, service) = (scope.date, scope.service);
    format!("TC3-HMAC-SHA256\n{timestamp}\n{date}/{service}/tc3_request\n{hash}")
}

fn signing_key(key: &str, scope: &Authorization<'_>) -> Vec<u8> {
    let mut derived = format!("TC3{key}").into_bytes();
    for part in [scope.date, scope.service, "tc3_request"] {
        derived = mac(&derived, part).finalize().into_bytes().to_vec();
    }
    derived
}

fn mac(key: &[u8], text: &str) -> Hmac<Sha256> {
    // HMAC takes a key of any length, so this cannot fail.
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.chain_update(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of the service's documentation, with its published masked key.
    const KEY: &str = "********************************";
    const BODY: &[u8] = br#"{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}"#;
    const REQUEST: RawRequest<'_> = RawRequest {
        method: "POST",
        path: "/",
        query: "",
        headers: &[
            ("Host", "cvm.tencentcloudapi.com"),
            ("Content-Type", "application/json; charset=utf-8"),
            ("X-TC-Action", "DescribeInstances"),
        ],
        body: BODY,
    };
    const SIGNATURE: &str = "10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f";

    fn authorization() -> Authorization<'static> {
        let mut signature = [0; 32];
        hex::decode_to_slice(SIGNATURE, &mut signature).expect("64 digits");
        Authorization {
            secret_id: "AKID********************************",
            date: "2019-02-25",
            service: "cvm",
            signed_headers: "content-type;host;x-tc-action",
            signature,
        }
    }

    #[test]
    fn the_canonical_request_is_the_documented_one() {
        let text = canonical_request(&REQUEST, authorization().signed_headers).expect("headers");
        assert_eq!(
            hex::encode(Sha256::digest(text)),
            "7019a55be8395899b900fb5564e4200d984910f34794a27cb3fb7d10ff6a1e84"
        );
    }

    #[test]
    fn the_signing_key_is_the_documented_one() {
        assert_eq!(
            hex::encode(signing_key(KEY, &authorization())),
            "b596b923aad85185e2d1f6659d2a062e0a86731226e021e61bfe06f7ed05f5af"
        );
    }

    #[test]
    fn the_signature_is_the_documented_one() {
        assert_eq!(check(&REQUEST, &authorization(), "1551113065", KEY), Ok(()));
    }

    #[test]
    fn a_signed_header_that_is_missing_is_refused() {
        let request = RawRequest { headers: &REQUEST.headers[..2], ..REQUEST };
        let refusal = check(&request, &authorization(), "1551113065", KEY);
        assert_eq!(refusal, Err(Refusal::MissingHeader("x-tc-action")));
    }
}
