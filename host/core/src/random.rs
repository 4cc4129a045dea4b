//! Chance as an argument: whoever needs random bytes is given a [`Random`].
//!
//! The operating system's source is read in this file alone. [`SeededRandom`] makes tests repeatable and must never mint a key.

use std::fmt;
use std::sync::Mutex;

/// A source of random bytes.
pub trait Random: Send + Sync + fmt::Debug {
    /// Fills `bytes` completely.
    fn fill(&self, bytes: &mut [u8]);
}

/// `N` random bytes.
pub fn array<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    bytes
}

/// A uniform number in `0..bound`; 0 when `bound` is 0. Without modulo bias: values past the last whole multiple are drawn again.
pub fn below(random: &dyn Random, bound: u64) -> u64 {
    if bound == 0 {
        return 0;
    }
    let whole = u64::MAX - u64::MAX % bound;
    loop {
        let drawn = u64::from_le_bytes(array(random));
        if drawn < whole {
            return drawn % bound;
        }
    }
}

/// The operating system's random source, fit for keys.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    /// # Panics
    /// When the operating system refuses to give random bytes. No key, nonce or id can be made then, so nothing can go on.
    fn fill(&self, bytes: &mut [u8]) {
        #[expect(
            clippy::panic,
            reason = "without the system's randomness no key, nonce or id can be made"
        )]
        if let Err(error) = getrandom::fill(bytes) {
            panic!("the operating system gives no random bytes: {error}");
        }
    }
}

/// Repeatable bytes from a seed (SplitMix64), for tests. Predictable: never use it for keys.
#[derive(Debug)]
pub struct SeededRandom(Mutex<u64>);

impl SeededRandom {
    /// The same seed gives the same bytes.
    pub const fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for chunk in bytes.chunks_mut(8) {
            *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = *state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence_and_another_seed_another() {
        let (a, b, c) = (SeededRandom::new(1), SeededRandom::new(1), SeededRandom::new(2));
        let first = array::<20>(&a);
        assert_eq!(first, array::<20>(&b));
        assert_ne!(first, array::<20>(&c));
        assert_ne!(first, array::<20>(&a));
    }

    #[test]
    fn a_bounded_draw_reaches_every_value_and_none_beyond() {
        let random = SeededRandom::new(7);
        let mut seen = [0u32; 7];
        for _ in 0..7000 {
            seen[usize::try_from(below(&random, 7)).unwrap()] += 1;
        }
        assert!(seen.iter().all(|&n| n > 800), "{seen:?}");
        assert_eq!(below(&random, 0), 0);
    }

    #[test]
    fn the_system_source_does_not_repeat_itself() {
        assert_ne!(array::<32>(&OsRandom), array::<32>(&OsRandom));
    }
}
