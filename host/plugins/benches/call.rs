//! What one call of the bundled text handler costs, and what loading it costs.
//!
//! Beside each other in one run, in turns, so that a busy machine is busy for all: the same logic as a native function, an instance
//! that is used again, the same compiled for any processor of this architecture (as ours are) and not for the one at hand, bare
//! wasmtime doing what every host must do (instantiate, call, drop), and [`Plugins::handle`], which adds the schema check, the queue,
//! the two deadlines and every bound. Trust the ratios.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench stops at the first surprise and prints what it found"
)]

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Deserialize;
use serde_json::{Value, json};
use switchboard_core::clock::UnixMillis;
use switchboard_core::content::{Content, Text};
use switchboard_plugins::effects::NoEffects;
use switchboard_plugins::{CallContext, Engine, EngineOptions, PluginSource, Plugins};
use tokio::time::Instant;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use contract::switchboard::plugin::types::Context;
use contract::{MessageHandlerPlugin, MessageHandlerPluginPre};

mod contract {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "message-handler-plugin",
        exports: { default: async },
    });
}

/// Rounds in which every candidate has its turn.
const ROUNDS: usize = 40;
/// Calls of one candidate in one round.
const CALLS: usize = 500;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        calls().await;
        loads().await;
    });
}

async fn calls() {
    let body = json!({"text": "Hello from Switchboard 👋 ".repeat(10), "previewUrl": true});
    let written = body.to_string();
    let plugins = Plugins::load(Engine::new(EngineOptions::default()).unwrap(), vec![messages()])
        .await
        .unwrap();
    let on_demand = Bare::new(&Config::new());
    let mut pool = Config::new();
    pool.allocation_strategy(InstanceAllocationStrategy::Pooling(PoolingAllocationConfig::new()));
    let pooled = Bare::new(&pool);
    let portable = Bare::new(pool.target(&target_lexicon::HOST.to_string()).unwrap());
    let (mut store, reused) = pooled.instance().await;
    let (mut portable_store, portable) = portable.instance().await;

    let [
        mut native_us,
        mut reused_us,
        mut portable_us,
        mut pooled_us,
        mut on_demand_us,
        mut ours_us,
    ] = [(); 6].map(|()| histogram());
    for _ in 0..ROUNDS {
        for _ in 0..CALLS {
            let at = Instant::now();
            std::hint::black_box(native(&written));
            note(&mut native_us, at);
        }
        for _ in 0..CALLS {
            let at = Instant::now();
            answer(&reused, &mut store, &written).await;
            note(&mut reused_us, at);
        }
        for _ in 0..CALLS {
            let at = Instant::now();
            answer(&portable, &mut portable_store, &written).await;
            note(&mut portable_us, at);
        }
        for (bare, spent) in [(&pooled, &mut pooled_us), (&on_demand, &mut on_demand_us)] {
            for _ in 0..CALLS {
                let at = Instant::now();
                let (mut store, instance) = bare.instance().await;
                answer(&instance, &mut store, &written).await;
                drop(store);
                note(spent, at);
            }
        }
        for _ in 0..CALLS {
            let at = Instant::now();
            assert_eq!(
                plugins
                    .handle(&context(), "text", &body, &NoEffects)
                    .await
                    .unwrap()
                    .len(),
                1
            );
            note(&mut ours_us, at);
        }
    }
    println!(
        "one call, {} of each      p50 us   p99 us   p50 against handle",
        ROUNDS * CALLS
    );
    for (name, spent) in [
        ("native function", &native_us),
        ("wasmtime, instance used again", &reused_us),
        ("the same, for any processor", &portable_us),
        ("wasmtime, fresh, plain pool", &pooled_us),
        ("wasmtime, fresh, no pool", &on_demand_us),
        ("Plugins::handle, fresh", &ours_us),
    ] {
        let ratio = spent.value_at_quantile(0.5) as f64 / ours_us.value_at_quantile(0.5) as f64;
        println!(
            "{name:32} {:>8.2} {:>8.2} {ratio:>10.3}",
            us(spent, 0.5),
            us(spent, 0.99)
        );
    }
}

async fn loads() {
    let dir = tempfile::tempdir().unwrap();
    let options = EngineOptions {
        cache_dir: Some(dir.path().join("code")),
        ..EngineOptions::default()
    };
    let (mut compiled, mut cached) = (histogram(), histogram());
    for _ in 0..20 {
        let _ = std::fs::remove_dir_all(dir.path().join("code"));
        for spent in [&mut compiled, &mut cached] {
            let engine = Engine::new(options.clone()).unwrap();
            let at = Instant::now();
            Plugins::load(engine, vec![messages()]).await.unwrap();
            note(spent, at);
        }
    }
    println!("\nload of one plugin, 20 of each      p50 ms");
    for (name, spent) in [("compiled", &compiled), ("from the cache", &cached)] {
        println!("{name:32} {:>9.3}", us(spent, 0.5) / 1000.0);
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new(3).unwrap()
}

fn note(spent: &mut Histogram<u64>, since: Instant) {
    let nanos = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
    spent.record(nanos).unwrap();
}

fn us(spent: &Histogram<u64>, quantile: f64) -> f64 {
    Duration::from_nanos(spent.value_at_quantile(quantile)).as_secs_f64() * 1e6
}

fn messages() -> PluginSource {
    let messages = bundled::plugins()
        .iter()
        .find(|plugin| plugin.id == "messages")
        .unwrap();
    PluginSource::bundled(messages.id, messages.manifest, messages.wasm)
}

fn context() -> CallContext {
    CallContext {
        request_id: "bench".parse().unwrap(),
        accepted_at: UnixMillis(1_795_421_730_250),
    }
}

/// The logic of the plugin, here.
fn native(written: &str) -> Content {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        text: String,
        preview_url: bool,
    }
    let Body { text, preview_url } = serde_json::from_str(written).unwrap();
    Content::Text(Text {
        body: text,
        preview_url,
    })
}

/// wasmtime as its own documentation sets it up, with all of WASI and none of our bounds.
struct Bare(MessageHandlerPluginPre<State>);

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl Bare {
    fn new(config: &Config) -> Self {
        let engine = wasmtime::Engine::new(config).unwrap();
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
        let component = Component::new(&engine, messages().wasm).unwrap();
        Self(MessageHandlerPluginPre::new(linker.instantiate_pre(&component).unwrap()).unwrap())
    }

    async fn instance(&self) -> (Store<State>, MessageHandlerPlugin) {
        let state = State {
            wasi: WasiCtx::builder().build(),
            table: ResourceTable::new(),
        };
        let mut store = Store::new(self.0.engine(), state);
        let instance = self.0.instantiate_async(&mut store).await.unwrap();
        (store, instance)
    }
}

async fn answer(instance: &MessageHandlerPlugin, store: &mut Store<State>, written: &String) {
    let context = Context {
        request_id: "bench".to_owned(),
        accepted_at_ms: 1_795_421_730_250,
        config: Value::Object(Default::default()).to_string(),
    };
    let handler = instance.switchboard_plugin_message_handler();
    handler
        .call_next(store, &context, "text", written, &[])
        .await
        .unwrap()
        .unwrap();
}
