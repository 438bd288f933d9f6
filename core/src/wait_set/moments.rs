use alloc::collections::BinaryHeap;
use core::cmp::Reverse;

use super::WaitKey;
use crate::time::Mono;

/// Moments at which something is to be done, the earliest first, and of equal ones the one that
/// was noted first.
///
/// What a wait leaves behind when it moves on stays until it comes to the front or is swept out.
#[derive(Debug, Default)]
pub(super) struct Moments {
    heap: BinaryHeap<Reverse<(Mono, u64, WaitKey)>>,
    noted: u64,
}

impl Moments {
    pub(super) fn note(&mut self, at: Mono, key: WaitKey) {
        self.noted += 1;
        self.heap.push(Reverse((at, self.noted, key)));
    }

    pub(super) fn first(&self) -> Option<(Mono, WaitKey)> {
        self.heap.peek().map(|Reverse((at, _, key))| (*at, *key))
    }

    pub(super) fn pop(&mut self) {
        self.heap.pop();
    }

    /// Sweeps once there are more than three moments a wait, so that each costs a constant share
    /// of a sweep.
    pub(super) fn sweep(&mut self, waits: usize, is_of_use: impl Fn(Mono, WaitKey) -> bool) {
        if self.heap.len() > 3 * waits + 64 {
            self.heap.retain(|Reverse((at, _, key))| is_of_use(*at, *key));
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }
}
