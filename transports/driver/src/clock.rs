//! The clocks of the machine, and sleeping.

use std::{
    sync::OnceLock,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tcss_export_core::{
    Mono, Now, Wall,
    signing::{CredentialScope, Timestamp},
};

/// Reads both clocks.
///
/// Monotonic time counts from one origin in the process, so all clients can share a
/// [`Budget`](crate::Budget).
pub fn now() -> Now {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let mono = Mono::from_origin(ORIGIN.get_or_init(Instant::now).elapsed());
    Now { wall: Wall::from_unix_millis(unix_millis(SystemTime::now())), mono }
}

/// Pauses the thread. A wake-up of the future that runs on it ends the pause early.
pub fn sleep(duration: Duration) {
    thread::park_timeout(duration);
}

/// Formats a time for messages about a wrong clock: `2023-11-14 16:30 UTC`.
pub fn utc(time: Wall) -> String {
    let seconds = time.unix_seconds();
    // A signature accepts the same years.
    let Ok(timestamp) = Timestamp::new(seconds) else { return format!("{seconds} s after 1970") };
    let (hour, minute) = (seconds / 3600 % 24, seconds / 60 % 60);
    format!("{} {hour:02}:{minute:02} UTC", CredentialScope::new(timestamp, "").date())
}

fn unix_millis(time: SystemTime) -> i64 {
    let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => millis(since),
        Err(before) => -millis(before.duration()),
    }
}
