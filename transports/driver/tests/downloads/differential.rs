//! Both loops do the same, whatever goes wrong.

use tcss_export_core::TransportErrorKind;

use crate::{
    folder::{Folder, read},
    server::{File, Piece, Reply},
    world::{BOTH, Loop, World, source},
};

/// Numbers that look random and are the same each time (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }
}

/// A server whose file changes at times and whose answers go wrong as often as not.
fn unreliable(seed: u64) -> World {
    let mut numbers = Numbers(seed);
    let mut file = File::new("id,status\r\n1,PASSED\r\n2,FAILED\r\n");
    World::new(move |request| {
        if numbers.below(8) == 0 {
            file = File::new("id,status\r\n3,PASSED\r\n").with_etag("\"v2\"");
        }
        let reply = file.answer(request);
        let at = numbers.below(32);
        match numbers.below(10) {
            0 => Reply::unsent(TransportErrorKind::Connection),
            1 => Reply::of(500, "<html>"),
            2 => reply.cut(at, Piece::Silence),
            3 => reply.with("x-cos-hash-crc64ecma", "1"),
            4 => Reply::expired(),
            5 | 6 => reply.broken(at),
            7 => Reply::of(200, file.bytes.clone()),
            _ => reply.in_pieces(1 + at),
        }
    })
}

/// Downloads twice, the second time with what the first has left; tells all that can be seen.
fn told(each: Loop, seed: u64) -> String {
    let folder = Folder::new();
    let world = unreliable(seed);
    let ends = [(); 2].map(|()| {
        let (events, end) = each.told(&world, source(), folder.at("a.csv"));
        let end = end.map_err(|failure| failure.to_string());
        let names = folder.names();
        let bytes: Vec<_> = names.iter().map(|name| read(folder.at(name))).collect();
        // The names of folders differ.
        format!("{events:?} {end:?} {names:?} {bytes:?}")
            .replace(&*folder.path().to_string_lossy(), "")
    });
    format!("{ends:?} {:?} {:?}", world.ranges(), world.elapsed())
}

#[test]
fn both_loops_tell_the_same_and_leave_the_same_bytes() {
    for seed in 0..100 {
        let [one, other] = BOTH.map(|each| told(each, seed));
        assert_eq!(one, other, "seed {seed}");
    }
}
