//! The one place where a WebAssembly engine is made: for serving, checking, benches and tests alike.
//!
//! Instances come from a pool, because a call takes some ten microseconds and mapping memory would be most of it. Guests are
//! interrupted by epochs and not by fuel, which would cost them a fifth more time.

use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use wasmtime::component::Linker;
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::cache::CodeCache;
use crate::call::{Gate, Guest};
use crate::limits::{INSTANCES, Limits, MAX_MEMORY_MIB, MEMORIES, TABLE_ELEMENTS, TABLES};
use crate::ticker::Ticker;
use crate::wasi;

/// How plugins are run.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Where compiled code is kept between runs. `None`: compiled in memory at every start.
    pub cache_dir: Option<PathBuf>,
    /// Instances alive at the same time, over all plugins; 1 to 1000.
    pub concurrency: u32,
    /// How long a call waits for an instance before the answer is `plugin_busy`.
    pub queue_deadline: Duration,
    /// How long a call may take in wall time, whatever the guest is doing.
    pub call_deadline: Duration,
    /// The largest component that is loaded, in MiB.
    pub max_wasm_mib: u32,
    /// The most that a plugin may ask for.
    pub limits: Limits,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            cache_dir: None,
            concurrency: 64,
            queue_deadline: Duration::from_secs(2),
            call_deadline: Duration::from_secs(2),
            max_wasm_mib: 10,
            limits: Limits {
                cpu_ms: 500,
                memory_mib: MAX_MEMORY_MIB,
                answer_kib: 4096,
                log_kib: 64,
            },
        }
    }
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// An option that cannot be met.
    #[error("{option} must be between {min} and {max}")]
    Option {
        /// Its name.
        option: &'static str,
        /// The least it may be.
        min: u32,
        /// The most it may be.
        max: u32,
    },
    /// The WebAssembly engine refuses this machine or this configuration.
    #[error("the WebAssembly engine cannot start on this machine")]
    Wasmtime(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The thread that interrupts guests cannot be started.
    #[error("the thread that interrupts plugins cannot be started")]
    Ticker(#[source] io::Error),
}

/// A WebAssembly engine with its bounds. Clones share it.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) wasmtime: wasmtime::Engine,
    pub(crate) linker: Linker<Guest>,
    pub(crate) gate: Gate,
    pub(crate) cache: CodeCache,
    pub(crate) max_wasm_mib: u32,
    pub(crate) limits: Limits,
}

impl Engine {
    /// Reserves the pool and starts the ticker.
    ///
    /// # Errors
    /// When an option is out of range or the machine cannot provide what it asks for.
    pub fn new(options: EngineOptions) -> Result<Self, EngineError> {
        within("concurrency", options.concurrency, 1, 1000)?;
        within("memory_mib", options.limits.memory_mib, 1, MAX_MEMORY_MIB)?;
        within("cpu_ms", options.limits.cpu_ms, 1, 60_000)?;
        within("answer_kib", options.limits.answer_kib, 1, 65_536)?;
        let refused = |error: wasmtime::Error| EngineError::Wasmtime(error.into());
        let wasmtime = wasmtime::Engine::new(&config(options.concurrency)).map_err(refused)?;
        let mut linker = Linker::new(&wasmtime);
        for (_, link) in wasi::LINKED {
            link(&mut linker).map_err(refused)?;
        }
        let gate = Gate {
            slots: Semaphore::new(options.concurrency as usize),
            queue_deadline: options.queue_deadline,
            call_deadline: options.call_deadline,
            ticker: Ticker::start(wasmtime.weak()).map_err(EngineError::Ticker)?,
        };
        let cache = CodeCache::new(&wasmtime, options.cache_dir);
        Ok(Self(Arc::new(Inner {
            wasmtime,
            linker,
            gate,
            cache,
            max_wasm_mib: options.max_wasm_mib,
            limits: options.limits,
        })))
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("limits", &self.0.limits)
            .finish_non_exhaustive()
    }
}

const fn within(option: &'static str, value: u32, min: u32, max: u32) -> Result<(), EngineError> {
    if min <= value && value <= max {
        Ok(())
    } else {
        Err(EngineError::Option { option, min, max })
    }
}

fn config(concurrency: u32) -> Config {
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(concurrency)))
        // A slot is as large as the largest memory and not 4 GiB, so the pool also fits where address space is limited.
        .memory_reservation(u64::from(MAX_MEMORY_MIB) << 20)
        .memory_guard_size(64 * 1024)
        .memory_init_cow(true)
        .epoch_interruption(true)
        .cranelift_opt_level(OptLevel::Speed)
        .wasm_backtrace_max_frames(NonZeroUsize::new(20));
    config
}

/// Memory that stays with a slot between two calls is wiped and not unmapped. How much of it is dirty only the kernel can say
/// (Linux 6.7 and later); without that, wiping more than a little is slower than mapping anew.
fn pool(concurrency: u32) -> PoolingAllocationConfig {
    let keep = if PoolingAllocationConfig::is_pagemap_scan_available() {
        1024 * 1024
    } else {
        128 * 1024
    };
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(concurrency)
        .total_core_instances(concurrency * INSTANCES)
        .total_memories(concurrency * MEMORIES)
        .total_tables(concurrency * TABLES)
        .total_stacks(concurrency)
        .max_memory_size((MAX_MEMORY_MIB as usize) << 20)
        .max_core_instances_per_component(INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .table_elements(TABLE_ELEMENTS as usize)
        .linear_memory_keep_resident(keep)
        .table_keep_resident(keep)
        .async_stack_keep_resident(keep)
        .pagemap_scan(Enabled::Auto);
    pool
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_out_of_range_is_named_with_its_range() {
        for concurrency in [0, 1001] {
            let error = Engine::new(EngineOptions {
                concurrency,
                ..EngineOptions::default()
            })
            .unwrap_err();
            assert_eq!(error.to_string(), "concurrency must be between 1 and 1000");
        }
        let limits = Limits {
            memory_mib: 65,
            ..Limits::default()
        };
        let error = Engine::new(EngineOptions {
            limits,
            ..EngineOptions::default()
        })
        .unwrap_err();
        assert_eq!(error.to_string(), "memory_mib must be between 1 and 64");
    }

    #[test]
    fn code_compiled_by_one_engine_is_loaded_by_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let wasm = wat::parse_str("(component)").unwrap();
        let options = EngineOptions {
            cache_dir: Some(dir.path().to_owned()),
            ..EngineOptions::default()
        };
        for concurrency in [1, 8] {
            let engine = Engine::new(EngineOptions {
                concurrency,
                ..options.clone()
            })
            .unwrap();
            engine.inner().cache.component(&engine.inner().wasmtime, &wasm).unwrap();
        }
        let kept = std::fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(kept, 2, "one file of code and its fingerprint");
    }
}
