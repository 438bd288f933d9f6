//! tencentcloud-sign-sdk, which only signs.

use std::hint::black_box;

use tencentcloud_sign_sdk::{Tc3Signer, sha256_hex};

use crate::{HOST, PAYLOAD, SECRET_ID, SECRET_KEY, Work, unix_seconds};

pub fn works() -> [(&'static str, Work); 1] {
    let signer = signer();
    let work = move || _ = black_box(sign(&signer, black_box(PAYLOAD), unix_seconds()));
    [("tencentcloud-sign-sdk/signature", Box::new(work))]
}

fn signer() -> Tc3Signer {
    Tc3Signer::new(SECRET_ID.into(), SECRET_KEY.into(), "tcss".into(), false)
}

fn sign(signer: &Tc3Signer, payload: &str, time: i64) -> String {
    const NAMES: &str = "content-type;host";
    let headers = format!("content-type:application/json; charset=utf-8\nhost:{HOST}\n");
    let signed = signer.sign("POST", "/", "", &headers, NAMES, &sha256_hex(payload), time);
    signer.create_authorization_header(&signed, NAMES)
}

pub fn authorization(time: i64) -> String {
    sign(&signer(), PAYLOAD, time)
}
