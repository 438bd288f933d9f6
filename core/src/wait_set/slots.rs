use alloc::{boxed::Box, vec::Vec};

use crate::{time::Mono, waiter::Waiter};

/// Names a wait of a set; it is never used again for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaitKey {
    slot: u32,
    generation: u32,
}

/// The waits of a set, each found by its key at once; a key that was given back finds nothing.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    /// Boxed, so that neither spare room nor a place that is free costs as much as a wait.
    wait: Option<Box<Wait>>,
}

#[derive(Debug)]
pub(super) struct Wait {
    pub(super) waiter: Waiter,
    /// For which moment its poll stands in the queue; what stands there for another is stale.
    pub(super) scheduled: Option<Mono>,
}

impl Slots {
    pub(super) fn add(&mut self, waiter: Waiter) -> WaitKey {
        let wait = Some(Box::new(Wait { waiter, scheduled: None }));
        if let Some(slot) = self.free.pop()
            && let Some(place) = self.slots.get_mut(slot as usize)
        {
            place.wait = wait;
            return WaitKey { slot, generation: place.generation };
        }
        let slot = u32::try_from(self.slots.len()).expect("memory ends before 4 G waits");
        self.slots.push(Slot { generation: 0, wait });
        WaitKey { slot, generation: 0 }
    }

    pub(super) fn remove(&mut self, key: WaitKey) -> Option<Box<Wait>> {
        let slot = self.slots.get_mut(key.slot as usize);
        let slot = slot.filter(|slot| slot.generation == key.generation)?;
        let wait = slot.wait.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(key.slot);
        Some(wait)
    }

    pub(super) fn get(&self, key: WaitKey) -> Option<&Wait> {
        let slot = self.slots.get(key.slot as usize)?;
        slot.wait.as_deref().filter(|_| slot.generation == key.generation)
    }

    pub(super) fn get_mut(&mut self, key: WaitKey) -> Option<&mut Wait> {
        let slot = self.slots.get_mut(key.slot as usize)?;
        slot.wait.as_deref_mut().filter(|_| slot.generation == key.generation)
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}
