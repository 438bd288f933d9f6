use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{CredentialScope, HexDigest, StringToSign, string_to_sign::TERMINATOR};
use crate::credentials::Credentials;

/// The key of one UTC date and one service, derived from a secret key and reusable that day.
///
/// It is secret, so it has no text form and is zeroized on drop.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// Derives the key of a scope.
    pub fn derive(credentials: &Credentials, scope: &CredentialScope<'_>) -> Self {
        let [.., secret_signing] = derive_keys(credentials.secret_key(), scope);
        Self(keyed(&*secret_signing))
    }

    /// Signs the string to sign.
    pub fn sign(&self, string_to_sign: &StringToSign<'_>) -> Signature {
        let mut mac = self.0.clone();
        string_to_sign.pieces().iter().for_each(|piece| mac.update(piece));
        Signature(HexDigest::from_raw(mac.finalize().into_bytes().into()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// A signature of 64 lower-case hexadecimal digits, which `Debug` does not show.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(HexDigest);

impl Signature {
    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub(super) const fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(..)")
    }
}

type Key = Zeroizing<[u8; 32]>;

/// Derives SecretDate, SecretService and SecretSigning of the service's documents.
fn derive_keys(secret_key: &str, scope: &CredentialScope<'_>) -> [Key; 3] {
    let prefixed = Zeroizing::new(["TC3", secret_key].concat());
    let secret_date = hmac(prefixed.as_bytes(), scope.date().as_bytes());
    let secret_service = hmac(&*secret_date, scope.service().as_bytes());
    let secret_signing = hmac(&*secret_service, TERMINATOR.as_bytes());
    [secret_date, secret_service, secret_signing]
}

fn hmac(key: &[u8], text: &[u8]) -> Key {
    Zeroizing::new(keyed(key).chain_update(text).finalize().into_bytes().into())
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String};

    use super::*;
    use crate::signing::Timestamp;

    fn scope(timestamp: i64, service: &str) -> CredentialScope<'_> {
        CredentialScope::new(Timestamp::new(timestamp).unwrap(), service)
    }

    fn derived(secret_key: &str, scope: &CredentialScope<'_>) -> [String; 3] {
        derive_keys(secret_key, scope).map(|key| hex::encode(*key))
    }

    // The intermediate keys that the service's signature page prints, with its key mask taken
    // literally.
    #[test]
    fn derived_keys_are_those_of_the_services_page() {
        let mask = "*".repeat(32);
        assert_eq!(
            derived(&mask, &scope(1_551_113_065, "cvm")),
            [
                "da98fb70dcf6b112dc21038d1eeeb3a95c74b4dcb12c1131f864f6066bd02be0",
                "8d70cbefb03939f929db64d32dc2ba89b1095620119fe3e050e2b18c5bd2752f",
                "b596b923aad85185e2d1f6659d2a062e0a86731226e021e61bfe06f7ed05f5af",
            ]
        );
    }

    // Made by an independent script from the example key of the service's international page.
    #[test]
    fn derived_keys_are_those_of_an_independent_script() {
        let key = ["Gu5t9xGARNpq86cd98joQYCN3", "EXAMPLE"].concat();
        assert_eq!(
            derived(&key, &scope(1_551_113_065, "cvm")),
            [
                "d1308c81fe71cfd4e06437bbc067b2b8a3d2d8c0e375d547f15c41d5214b395a",
                "3c7cb7c7795393edc14fd2e0e6434a518564b4504b88e94f5d11bf59ba3e7050",
                "ac658d5dde49e9bfdd14e04e062f66b05d9f637d44b8a8d845327d4a77f666b1",
            ]
        );
        for (timestamp, expected) in [
            (1_551_113_065, "c5e7abf5fa86bab6790c1af3bd9990f1b1dee173195dbcd3ab1e1cf59590dd47"),
            (1_700_000_000, "4b63abdea88be53c13835fb9f9ebc186f928217f672300688d70d4f346bef44c"),
        ] {
            assert_eq!(derived(&key, &scope(timestamp, "tcss"))[2], expected);
        }
    }

    #[test]
    fn every_vector_gives_its_signing_key() {
        let vectors = include_str!("../../../tests/vectors/tc3-vectors.jsonl");
        for line in vectors.lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| row[name].as_str().unwrap();
            let scope = scope(row["timestamp"].as_i64().unwrap(), text("service"));
            let key = &derived(text("secret_key"), &scope)[2];
            assert_eq!(key, text("signing_key"), "signing key of {}", text("id"));
        }
    }

    #[test]
    fn debug_hides_key_and_signature() {
        let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").unwrap();
        let timestamp = Timestamp::new(0).unwrap();
        let text = StringToSign::new(timestamp, "tcss", HexDigest::of(b""));
        let key = SigningKey::derive(&credentials, &text.scope());
        assert_eq!(format!("{key:?} {:?}", key.sign(&text)), "SigningKey(..) Signature(..)");
    }
}
