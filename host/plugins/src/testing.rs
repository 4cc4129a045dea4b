//! What the tests of this crate share: an engine, guests written by hand in WebAssembly text, and a log to look into.

mod guest;
mod worlds;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Map;
use switchboard_core::clock::UnixMillis;
use tracing_subscriber::fmt::MakeWriter;

use crate::engine::{Engine, EngineOptions};
use crate::load::PluginSource;
use crate::load_error::LoadError;
use crate::plugin::{CallContext, Origin};
use crate::plugins::Plugins;

pub(crate) use guest::GuestText;

/// A small pool, and no waiting.
pub(crate) fn engine() -> Engine {
    Engine::new(EngineOptions {
        concurrency: 4,
        ..EngineOptions::default()
    })
    .unwrap()
}

pub(crate) fn context() -> CallContext {
    CallContext {
        request_id: "test".parse().unwrap(),
        accepted_at: UnixMillis(1_795_421_730_250),
    }
}

/// Loads one guest under the id `guest`, with `more` in its manifest.
pub(crate) async fn load(engine: Engine, wasm: Vec<u8>, more: &str) -> Result<Plugins, LoadError> {
    Plugins::load(engine, vec![source("guest", wasm, more)]).await
}

pub(crate) fn source(id: &str, wasm: Vec<u8>, more: &str) -> PluginSource {
    source_of("message-handler", id, wasm, more)
}

/// A plugin of any world.
pub(crate) fn source_of(world: &str, id: &str, wasm: Vec<u8>, more: &str) -> PluginSource {
    let manifest = format!("id = {id:?}\nversion = \"1.0.0\"\nworld = \"{world}@1.0\"\n{more}");
    PluginSource {
        id: id.to_owned(),
        manifest_toml: manifest.into(),
        wasm: wasm.into(),
        origin: Origin::Folder,
        settings: Map::new(),
        sha256: None,
        is_enabled: true,
    }
}

/// A guest that offers the kind `x` and answers with `next`.
pub(crate) fn guest(next: &str) -> Vec<u8> {
    GuestText::default().component(next)
}

/// A guest that offers this kind and answers with a text.
pub(crate) fn honest(kind: &'static str) -> Vec<u8> {
    let mut text = GuestText {
        kind,
        ..GuestText::default()
    };
    let words = text.string("hi");
    let answer = text.send(1, words);
    text.component(&format!("(i32.const {answer})"))
}

/// Collects what is logged on this thread.
#[derive(Debug, Clone, Default)]
pub(crate) struct CaughtLog(Arc<Mutex<Vec<u8>>>);

impl CaughtLog {
    pub(crate) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        let subscriber = tracing_subscriber::fmt()
            .with_writer(self.clone())
            .with_ansi(false)
            .with_max_level(tracing::Level::DEBUG)
            .finish();
        tracing::subscriber::with_default(subscriber, work)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap()
    }
}

impl io::Write for CaughtLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for CaughtLog {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
