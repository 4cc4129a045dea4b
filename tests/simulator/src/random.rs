//! Randomness as an argument: every key, id and signature nonce comes from one [`Random`], so a seed makes a run repeat.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use whatsapp_rust::wacore::libsignal::protocol::KeyPair;

use crate::locked::Locked;

/// A shared source of randomness. Cloning shares the stream.
#[derive(Clone)]
pub struct Random(Arc<Locked<StdRng>>);

impl Random {
    /// Seeded by the operating system.
    pub fn from_system() -> Self {
        Self::new(rand::make_rng())
    }

    /// The same stream for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self::new(StdRng::seed_from_u64(seed))
    }

    fn new(rng: StdRng) -> Self {
        Self(Arc::new(Locked::new(rng)))
    }

    /// A generator of its own, so that nobody holds the shared one while they compute.
    pub(crate) fn fork(&self) -> StdRng {
        StdRng::from_rng(&mut *self.0.lock())
    }

    pub(crate) fn key_pair(&self) -> KeyPair {
        KeyPair::generate(&mut self.fork())
    }

    pub(crate) fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.lock().fill_bytes(&mut bytes);
        bytes
    }

    pub(crate) fn number(&self) -> u64 {
        self.0.lock().next_u64()
    }
}

impl std::fmt::Debug for Random {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Random(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_stream() {
        let (first, second) = (Random::seeded(7), Random::seeded(7));
        assert_eq!(first.bytes::<16>(), second.bytes::<16>());
        assert_ne!(first.bytes::<16>(), Random::seeded(8).bytes::<16>());
    }
}
