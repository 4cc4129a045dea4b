//! The one place where a WebAssembly engine is made: for serving, checking, benches and tests alike.
//!
//! Instances come from a pool, because a call takes some ten microseconds and mapping memory would be most of it. Guests are
//! interrupted by epochs and not by fuel, which would cost them a fifth more time. They are compiled for what every processor of
//! this architecture can do, so that compiled code can move to another machine, in an image or in a data folder; `benches/plugins/call.rs`
//! shows that this one's extensions would not make a call faster.

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::sync::Semaphore;
use wasmtime::component::Linker;
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::cache::{CodeCache, PrecompileError};
use crate::call::{Gate, Guest, Lane};
use crate::limits::{INSTANCES, Limits, MAX_MEMORY_MIB, MEMORIES, TABLE_ELEMENTS, TABLES};
use crate::ticker::Ticker;
use crate::wasi;

/// How plugins are run.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Where compiled code came with the program; only read. It is run as it is, so nobody may be able to write there who cannot
    /// replace the program too; code that is anybody else's to write is not used.
    pub precompiled_dir: Option<PathBuf>,
    /// Where code is kept that was compiled here. `None`: compiled in memory at every start.
    pub cache_dir: Option<PathBuf>,
    /// Instances alive at the same time, over all plugins; 1 to 1000. One plugin has at most half of them, and at most as many as have
    /// 256 MiB together.
    pub concurrency: u32,
    /// How long a call waits for an instance before the answer is `plugin_busy`.
    pub queue_deadline: Duration,
    /// How long a call may take in wall time, whatever the guest is doing.
    pub call_deadline: Duration,
    /// The largest component that is loaded, in MiB.
    pub max_wasm_mib: u32,
    /// Whether the instructions of guests are counted, which costs them a fifth more time: for the tools of their authors.
    pub counts_instructions: bool,
    /// The most that a plugin may ask for.
    pub limits: Limits,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            precompiled_dir: None,
            cache_dir: None,
            concurrency: 64,
            queue_deadline: Duration::from_secs(2),
            call_deadline: Duration::from_secs(2),
            max_wasm_mib: 10,
            counts_instructions: false,
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
        let config = config(options.concurrency, options.counts_instructions).map_err(refused)?;
        let wasmtime = wasmtime::Engine::new(&config).map_err(refused)?;
        let mut linker = Linker::new(&wasmtime);
        for (_, link) in wasi::LINKED {
            link(&mut linker).map_err(refused)?;
        }
        let gate = Gate {
            concurrency: options.concurrency,
            slots: Semaphore::new(options.concurrency as usize),
            queue_deadline: options.queue_deadline,
            call_deadline: options.call_deadline,
            ticker: Ticker::start(wasmtime.weak()).map_err(EngineError::Ticker)?,
            lane: Lane::new(available_parallelism().map_or(1, NonZeroUsize::get)),
            counts_instructions: options.counts_instructions,
        };
        let cache = CodeCache::new(&wasmtime, options.precompiled_dir, options.cache_dir);
        Ok(Self(Arc::new(Inner {
            wasmtime,
            linker,
            gate,
            cache,
            max_wasm_mib: options.max_wasm_mib,
            limits: options.limits,
        })))
    }

    /// Compiles a component into a folder that is to be shipped, for engines that have it as their
    /// [`precompiled_dir`](EngineOptions::precompiled_dir), and returns the file. Takes a moment: not for an async task.
    ///
    /// # Errors
    /// When it is no valid component, cannot be written, or would not be used there.
    pub fn precompile(&self, wasm: &[u8], folder: &Path) -> Result<PathBuf, PrecompileError> {
        self.0.cache.precompile(&self.0.wasmtime, wasm, folder)
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

fn config(concurrency: u32, counts_instructions: bool) -> wasmtime::Result<Config> {
    let mut config = Config::new();
    config
        // Named, it stands for the architecture alone; not named, for the very processor that is found here.
        .target(&target_lexicon::HOST.to_string())?
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(concurrency)))
        // A slot is as large as the largest memory and not 4 GiB, so the pool also fits where address space is limited.
        .memory_reservation(u64::from(MAX_MEMORY_MIB) << 20)
        .memory_guard_size(64 * 1024)
        .memory_init_cow(true)
        .epoch_interruption(true)
        .consume_fuel(counts_instructions)
        .cranelift_opt_level(OptLevel::Speed)
        .wasm_backtrace_max_frames(NonZeroUsize::new(20))
        // For debuggers alone: the engine finds its way through guests without. To have it registered reads all of it, at every load.
        .native_unwind_info(false);
    Ok(config)
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
    use crate::cache::Code;
    use crate::plugin::Origin;

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
        let code = Code {
            plugin: "empty",
            origin: Origin::Folder,
            wasm: &wasm,
            fingerprint: "empty",
        };
        for concurrency in [1, 8] {
            let engine = Engine::new(EngineOptions {
                concurrency,
                ..options.clone()
            })
            .unwrap();
            engine.inner().cache.component(&engine.inner().wasmtime, &code).unwrap();
        }
        let kept = std::fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(kept, 2, "one file of code and its checksum");
    }

    /// Counting bits and rounding vectors take one instruction each where the processor has it, and several elsewhere.
    #[cfg(target_arch = "x86_64")]
    #[test]
    fn code_is_compiled_for_the_architecture_and_not_for_the_processor_at_hand() {
        const POPCNT: [u8; 3] = [0xf3, 0x0f, 0xb8];
        let wasm = wat::parse_str(
            r#"(component (core module
                (func (export "count") (param i32) (result i32) local.get 0 i32.popcnt)
                (func (export "round") (param v128) (result v128) local.get 0 f32x4.ceil i8x16.popcnt)))"#,
        );
        let wasm = wasm.unwrap();
        let counts = |config: &Config| {
            let code = wasmtime::Engine::new(config)
                .unwrap()
                .precompile_component(&wasm)
                .unwrap();
            code.windows(POPCNT.len()).any(|bytes| bytes == POPCNT)
        };
        assert!(!counts(&config(1, false).unwrap()));
        assert_eq!(counts(&Config::new()), std::is_x86_feature_detected!("popcnt"));
    }
}
