//! The clocks of the machine, and sleeping.

use std::{
    sync::OnceLock,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tcss_export_core::{Mono, Now, Wall};

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

fn unix_millis(time: SystemTime) -> i64 {
    let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => millis(since),
        Err(before) => -millis(before.duration()),
    }
}
