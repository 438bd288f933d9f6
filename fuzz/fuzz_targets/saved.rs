//! Reading any saved wait or recording never panics, nor does a resumed wait. Another save loses
//! nothing.
//!
//! Each line of the input is a saved wait or a line of a recording.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tcss_export_core::{
    Credentials, Endpoint, Mono, Now, Session, TransportErrorKind, Wall,
    wait::{Replay, SavedWait, Step, TranscriptLine, Waiter},
};

fuzz_target!(|input: &[u8]| {
    let lines = input.split(|byte| *byte == b'\n').take(50);
    lines.clone().filter_map(|line| serde_json::from_slice(line).ok()).for_each(resume);
    replay(lines.filter_map(|line| serde_json::from_slice(line).ok()));
});

fn replay(mut lines: impl Iterator<Item = TranscriptLine>) {
    let Some(mut replay) = lines.next().and_then(|line| Replay::begin(line).ok()) else { return };
    for line in lines {
        if replay.next(line).is_err() {
            return;
        }
    }
}

fn now(seconds: u64) -> Now {
    let mono = Mono::from_origin(Duration::from_secs(seconds));
    Now { wall: Wall::from_unix_seconds(1_699_979_400 + seconds as i64), mono }
}

fn resume(saved: SavedWait) {
    let endpoint: Result<Endpoint, _> = saved.site().parse();
    let Ok(endpoint) = endpoint else { return };
    let mut session = Session::new(endpoint);
    let text = serde_json::to_string(&saved).expect("text and numbers");
    let Ok(mut waiter) = Waiter::resume(saved, now(0), &mut session) else { return };
    let again = serde_json::to_string(&waiter.save(now(0), &session)).expect("text and numbers");
    let twice: SavedWait = serde_json::from_str(&again).expect("a save can be read");
    assert_eq!(serde_json::to_string(&twice).expect("text and numbers"), again, "from {text}");
    drive(&mut waiter, &mut session);
}

/// Answers each poll, and lets an hour pass in between.
fn drive(waiter: &mut Waiter, session: &mut Session) {
    let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").expect("made up");
    for hour in 0..100 {
        let now = now(hour * 3_600);
        match waiter.step(now.mono) {
            Step::Done(_) => return,
            Step::WaitUntil(_) => {}
            Step::Poll { .. } => {
                if waiter.start(now, session, &credentials).is_ok() {
                    waiter.answer(now, session, Err(TransportErrorKind::Timeout));
                }
            }
        }
    }
}
