//! Waits and single exchanges of both clients in virtual time: pace, credentials, limits, and many
//! jobs at once.

mod limits;
mod many;
mod single;

use std::time::Duration;

use tcss_export_core::{Credentials, Endpoint, JobId, Mono, Now, Session, Wall};

const RUNNING: &str = r#"{"Response":{"ExportStatus":"RUNNING","RequestId":"r-1"}}"#;
const SUCCESS: &str =
    r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://h.example/"}}"#;
const BAD_TOKEN: &str =
    r#"{"Response":{"Error":{"Code":"AuthFailure.TokenFailure","Message":"m"}}}"#;

fn session() -> Session {
    Session::new(Endpoint::international())
}

fn credentials(id: &str) -> Credentials {
    Credentials::new(id, "EXAMPLEKEY").unwrap()
}

fn job(id: impl Into<String>) -> JobId {
    JobId::new(id).unwrap()
}

/// Returns both clocks at this time since 2023-11-14T16:30:00Z.
fn clocks(since: Duration) -> Now {
    let wall = Wall::from_unix_millis(1_699_979_400_000 + since.as_millis() as i64);
    Now { wall, mono: Mono::from_origin(since) }
}
