use super::Refusal;

const SIGNED_HEADERS: [&str; 2] = ["content-type;host", "content-type;host;x-tc-action"];

/// The parts of an Authorization header.
pub(super) struct Authorization<'a> {
    pub(super) secret_id: &'a str,
    pub(super) date: &'a str,
    pub(super) service: &'a str,
    pub(super) signed_headers: &'a str,
    pub(super) signature: [u8; 32],
}

impl<'a> Authorization<'a> {
    pub(super) fn parse(value: &'a str) -> Result<Self, Refusal> {
        let rest = after(value, "TC3-HMAC-SHA256 Credential=", "expected TC3-HMAC-SHA256")?;
        let (credential, rest) = part(rest)?;
        let (signed_headers, rest) =
            part(after(rest, "SignedHeaders=", "expected SignedHeaders after Credential")?)?;
        let digits = after(rest, "Signature=", "expected Signature after SignedHeaders")?;
        let (secret_id, date, service) = credential_parts(credential)?;
        let signature = signature_bytes(digits)?;
        Ok(Self { secret_id, date, service, signed_headers, signature })
    }

    pub(super) fn check_signed_headers(&self) -> Result<(), Refusal> {
        let known = SIGNED_HEADERS.contains(&self.signed_headers);
        if known { Ok(()) } else { Err(Refusal::SignedHeaders) }
    }
}

fn after<'a>(text: &'a str, start: &str, problem: &'static str) -> Result<&'a str, Refusal> {
    text.strip_prefix(start).ok_or(Refusal::Authorization(problem))
}

fn part(text: &str) -> Result<(&str, &str), Refusal> {
    text.split_once(", ").ok_or(Refusal::Authorization("expected three parts joined by \", \""))
}

fn credential_parts(credential: &str) -> Result<(&str, &str, &str), Refusal> {
    let mut parts = credential.split('/');
    let scoped = (parts.next(), parts.next(), parts.next(), parts.next(), parts.next());
    let (Some(id), Some(date), Some(service), Some("tc3_request"), None) = scoped else {
        return Err(Refusal::Authorization("expected SecretId/date/service/tc3_request"));
    };
    Ok((id, date, service))
}

fn signature_bytes(digits: &str) -> Result<[u8; 32], Refusal> {
    let mut bytes = [0; 32];
    let lower = digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    match hex::decode_to_slice(digits, &mut bytes) {
        Ok(()) if lower => Ok(bytes),
        _ => Err(Refusal::Authorization("expected a Signature of 64 lower-case hex digits")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "TC3-HMAC-SHA256 Credential=AKIDEXAMPLE/2023-11-14/tcss/tc3_request, \
                        SignedHeaders=content-type;host, \
                        Signature=00000000000000000000000000000000000000000000000000000000000000ff";

    #[track_caller]
    fn refused(value: &str, problem: &'static str) {
        assert_eq!(Authorization::parse(value).err(), Some(Refusal::Authorization(problem)));
    }

    #[test]
    fn the_documented_form_is_read_into_its_parts() {
        let parts = Authorization::parse(GOOD).expect("good");
        let texts = (parts.secret_id, parts.date, parts.service, parts.signed_headers);
        assert_eq!(texts, ("AKIDEXAMPLE", "2023-11-14", "tcss", "content-type;host"));
        assert_eq!(parts.signature[31], 0xff);
    }

    #[test]
    fn another_algorithm_is_refused() {
        refused(&GOOD.replace("TC3-", "TC2-"), "expected TC3-HMAC-SHA256");
    }

    #[test]
    fn a_comma_without_a_blank_is_refused() {
        refused(&GOOD.replace(", ", ","), "expected three parts joined by \", \"");
    }

    #[test]
    fn another_order_is_refused() {
        let value = GOOD.replace("SignedHeaders", "Headers");
        refused(&value, "expected SignedHeaders after Credential");
    }

    #[test]
    fn a_missing_signature_is_refused() {
        refused(&GOOD.replace("Signature=", "Sig="), "expected Signature after SignedHeaders");
    }

    #[test]
    fn another_ending_of_the_scope_is_refused() {
        let value = GOOD.replace("tc3_request", "tc4_request");
        refused(&value, "expected SecretId/date/service/tc3_request");
    }

    #[test]
    fn an_upper_case_signature_is_refused() {
        let value = GOOD.replace("ff", "FF");
        refused(&value, "expected a Signature of 64 lower-case hex digits");
    }

    #[test]
    fn a_short_signature_is_refused() {
        let value = GOOD.replace("ff", "f");
        refused(&value, "expected a Signature of 64 lower-case hex digits");
    }
}
