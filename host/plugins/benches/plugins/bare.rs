//! The baseline: wasmtime without any of our bounds, with all of WASI, calling the same component.

use serde_json::{Map, Value};
use switchboard_core::clock::UnixMillis;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::ours;
use contract::switchboard::plugin::types::Context;
use contract::{MessageHandlerPlugin, MessageHandlerPluginPre};

mod contract {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "message-handler-plugin",
        exports: { default: async },
    });
}

/// The messages plugin, linked.
pub(crate) struct Bare(MessageHandlerPluginPre<State>);

pub(crate) struct State {
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
    /// As wasmtime comes.
    pub(crate) fn on_demand() -> Self {
        Self::new(&Config::new())
    }

    /// With a pool, as it comes.
    pub(crate) fn pooled() -> Self {
        Self::new(&pooling(PoolingAllocationConfig::new()))
    }

    /// With a pool, and compiled for any processor of this architecture.
    pub(crate) fn portable() -> Self {
        Self::new(pooling(PoolingAllocationConfig::new()).target(&architecture()).unwrap())
    }

    /// With every choice that makes ours fast, and none of our bounds.
    pub(crate) fn tuned() -> Self {
        const KEEP: usize = 1024 * 1024;
        let mut pool = PoolingAllocationConfig::new();
        pool.max_memory_size(64 << 20)
            .linear_memory_keep_resident(KEEP)
            .table_keep_resident(KEEP)
            .async_stack_keep_resident(KEEP)
            .pagemap_scan(Enabled::Auto);
        let mut config = pooling(pool);
        config.memory_reservation(64 << 20).memory_guard_size(64 * 1024);
        Self::new(config.target(&architecture()).unwrap())
    }

    fn new(config: &Config) -> Self {
        let engine = wasmtime::Engine::new(config).unwrap();
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
        let component = Component::new(&engine, ours::bundled("messages").wasm).unwrap();
        Self(MessageHandlerPluginPre::new(linker.instantiate_pre(&component).unwrap()).unwrap())
    }

    pub(crate) async fn instance(&self) -> (Store<State>, MessageHandlerPlugin) {
        let state = State {
            wasi: WasiCtx::builder().build(),
            table: ResourceTable::new(),
        };
        let mut store = Store::new(self.0.engine(), state);
        let instance = self.0.instantiate_async(&mut store).await.unwrap();
        (store, instance)
    }

    /// What every host must do: instantiate, call, drop.
    pub(crate) async fn call(&self, body: &String) {
        let (mut store, instance) = self.instance().await;
        call(&instance, &mut store, body).await;
    }
}

fn pooling(pool: PoolingAllocationConfig) -> Config {
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

fn architecture() -> String {
    target_lexicon::HOST.to_string()
}

/// A call of an instance that is there.
pub(crate) async fn call(instance: &MessageHandlerPlugin, store: &mut Store<State>, body: &String) {
    let UnixMillis(accepted_at) = ours::context().accepted_at;
    let context = Context {
        request_id: ours::context().request_id.to_string(),
        accepted_at_ms: u64::try_from(accepted_at).unwrap(),
        config: Value::Object(Map::new()).to_string(),
    };
    let handler = instance.switchboard_plugin_message_handler();
    handler
        .call_next(store, &context, ours::KIND, body, &[])
        .await
        .unwrap()
        .unwrap();
}
