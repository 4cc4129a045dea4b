//! How much one call of a plugin may use, and the part of it that WebAssembly asks for while it runs: memory and tables.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use wasmtime::{ResourceLimiter, StoreLimits, StoreLimitsBuilder};

/// Memories a component may have, all within one limit. Tools that put a component together out of parts leave empty ones in it.
pub(crate) const MEMORIES: u32 = 4;
/// Tables a component may have.
pub(crate) const TABLES: u32 = 4;
/// Elements in one table.
pub(crate) const TABLE_ELEMENTS: u32 = 20_000;
/// Core instances inside a component.
pub(crate) const INSTANCES: u32 = 16;
/// Handles to what the host keeps for a guest, such as its streams.
pub(crate) const HANDLES: usize = 1000;
/// The most that any plugin may be given, in MiB: the room that is reserved for each memory.
pub(crate) const MAX_MEMORY_MIB: u32 = 64;

/// What one call may use. In the engine's options these are the most that a plugin may ask for; a plugin that asks for nothing
/// gets [`Limits::default`], or less if that is all there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time in which the guest really runs, in milliseconds; waiting for a processor does not count.
    pub cpu_ms: u32,
    /// All linear memories together, in MiB; at most 64.
    pub memory_mib: u32,
    /// All bytes of one answer together, in KiB.
    pub answer_kib: u32,
    /// What is kept of standard output and standard error together, in KiB.
    pub log_kib: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu_ms: 50,
            memory_mib: 32,
            answer_kib: 1024,
            log_kib: 16,
        }
    }
}

impl Limits {
    /// Every limit by its name in plugin.toml.
    pub(crate) const fn named(&self) -> [(&'static str, u32); 4] {
        [
            ("cpu_ms", self.cpu_ms),
            ("memory_mib", self.memory_mib),
            ("answer_kib", self.answer_kib),
            ("log_kib", self.log_kib),
        ]
    }

    pub(crate) const fn cpu(&self) -> Duration {
        Duration::from_millis(self.cpu_ms as u64)
    }

    pub(crate) const fn memory_bytes(&self) -> usize {
        self.memory_mib as usize * 1024 * 1024
    }

    pub(crate) const fn answer_bytes(&self) -> usize {
        self.answer_kib as usize * 1024
    }

    pub(crate) const fn log_bytes(&self) -> usize {
        self.log_kib as usize * 1024
    }
}

/// Answers a guest that asks for more memory or a larger table, and remembers that it had to refuse.
#[derive(Debug)]
pub(crate) struct Limiter {
    limits: StoreLimits,
    refused: Refused,
    /// What all memories of this call may have together, in bytes.
    memory_bytes: usize,
    /// What they have.
    memory: usize,
    most: Most,
}

/// The most that any call has used of something.
#[derive(Debug, Clone, Default)]
pub(crate) struct Most(Arc<AtomicU64>);

impl Most {
    /// A call has used so much.
    pub(crate) fn note(&self, used: u64) {
        self.0.fetch_max(used, Ordering::Relaxed);
    }

    /// What it is; it begins anew.
    pub(crate) fn take(&self) -> u64 {
        self.0.swap(0, Ordering::Relaxed)
    }
}

/// Whether more was asked for than is allowed. Outlives the store, because a guest that is refused usually traps next.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refused(Arc<AtomicBool>);

impl Refused {
    pub(crate) fn happened(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Limiter {
    pub(crate) fn new(limits: &Limits, refused: Refused, most: Most) -> Self {
        let memory_bytes = limits.memory_bytes();
        let limits = StoreLimitsBuilder::new()
            .memories(MEMORIES as usize)
            .table_elements(TABLE_ELEMENTS as usize)
            .tables(TABLES as usize)
            .instances(INSTANCES as usize)
            .build();
        Self {
            limits,
            refused,
            memory_bytes,
            memory: 0,
            most,
        }
    }

    fn note(&self, allowed: bool) -> bool {
        if !allowed {
            self.refused.0.store(true, Ordering::Relaxed);
        }
        allowed
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let memory = self.memory + desired.saturating_sub(current);
        let allowed = memory <= self.memory_bytes && self.limits.memory_growing(current, desired, maximum)?;
        if allowed {
            self.memory = memory;
            self.most.note(memory as u64);
        }
        Ok(self.note(allowed))
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let allowed = self.limits.table_growing(current, desired, maximum)?;
        Ok(self.note(allowed))
    }

    fn instances(&self) -> usize {
        self.limits.instances()
    }

    fn tables(&self) -> usize {
        self.limits.tables()
    }

    fn memories(&self) -> usize {
        self.limits.memories()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_growth_is_remembered_and_an_allowed_one_is_not() {
        let (refused, most) = (Refused::default(), Most::default());
        let mut limiter = Limiter::new(
            &Limits {
                memory_mib: 1,
                ..Limits::default()
            },
            refused.clone(),
            most.clone(),
        );
        assert!(limiter.memory_growing(0, 1 << 19, None).unwrap());
        assert!(limiter.memory_growing(1 << 19, 1 << 20, None).unwrap());
        assert!(!refused.happened());
        assert!(!limiter.memory_growing(1 << 20, (1 << 20) + 1, None).unwrap());
        assert!(refused.happened());
        assert_eq!((most.take(), most.take()), (1 << 20, 0));
    }

    #[test]
    fn what_one_memory_has_another_cannot_have() {
        let refused = Refused::default();
        let limits = Limits {
            memory_mib: 1,
            ..Limits::default()
        };
        let mut limiter = Limiter::new(&limits, refused.clone(), Most::default());
        assert!(limiter.memory_growing(0, 3 << 18, None).unwrap());
        assert!(limiter.memory_growing(0, 1 << 18, None).unwrap());
        assert!(!limiter.memory_growing(1 << 18, 1 << 19, None).unwrap());
        assert!(refused.happened());
    }

    #[test]
    fn a_table_stops_at_its_last_element() {
        let refused = Refused::default();
        let mut limiter = Limiter::new(&Limits::default(), refused.clone(), Most::default());
        assert!(limiter.table_growing(0, TABLE_ELEMENTS as usize, None).unwrap());
        assert!(!limiter.table_growing(0, TABLE_ELEMENTS as usize + 1, None).unwrap());
        assert!(refused.happened());
    }
}
