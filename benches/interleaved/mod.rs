//! Compares two functions in interleaved rounds, which share what else the machine does.

use std::{hint::black_box, time::Instant};

/// Prints the ratio of the fastest rounds of two functions, and returns whether it is over its
/// limit.
pub(crate) fn is_over<T, U>(
    (name, most): (&str, f64),
    calls: u32,
    mut one: impl FnMut() -> T,
    mut other: impl FnMut() -> U,
) -> bool {
    let mut fastest = [f64::INFINITY; 2];
    for _ in 0..2_000 {
        fastest[0] = fastest[0].min(seconds(calls, &mut one));
        fastest[1] = fastest[1].min(seconds(calls, &mut other));
    }
    let ratio = fastest[0] / fastest[1];
    let word = if ratio > most { "over" } else { "ok  " };
    println!("{word} {name}: {ratio:.2} (at most {most:.2})");
    ratio > most
}

fn seconds<T>(calls: u32, call: &mut impl FnMut() -> T) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        black_box(call());
    }
    start.elapsed().as_secs_f64()
}
