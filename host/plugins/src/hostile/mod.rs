//! Guests that do what no honest plugin does, against the bounds of the whole crate. Each must end in a problem that names it,
//! in bounded time and memory, and the next call must not notice.

mod answers;
mod guests;
mod steps;
mod worlds;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use switchboard_core::problem::{Code, Problem};

use crate::contract::content::Content;
use crate::contract::effects::{Effect, Outcome};
use crate::effects::{Effects, NoEffects};
use crate::engine::{Engine, EngineOptions};
use crate::limits::Limits;
use crate::load::PluginSource;
use crate::plugin::{Origin, Plugin};
use crate::plugins::Plugins;
use crate::testing::{CaughtLog, GuestText, context, engine, guest, honest, load, source};

/// Longer than any bound here, far shorter than for ever.
const SOON: Duration = Duration::from_secs(20);

async fn send(plugins: &Plugins, kind: &str) -> Result<Vec<Content>, Problem> {
    tokio::time::timeout(SOON, plugins.handle(&context(), kind, &json!({}), &NoEffects))
        .await
        .unwrap()
}

/// The problem of a guest whose `next` is `body`.
async fn problem_of(text: GuestText, next: &str) -> Problem {
    let plugins = load(engine(), text.component(next), "").await.unwrap();
    send(&plugins, "x").await.unwrap_err()
}

/// What the log is told, without whose fault it is.
fn cause(problem: &Problem) -> String {
    let chain = problem.cause_chain().unwrap_or_default();
    let (plugin, fault) = chain.split_once(": ").unwrap();
    assert!(plugin.starts_with("plugin ") && plugin.ends_with(" 1.0.0"), "{chain}");
    fault.to_owned()
}

const SPIN: &str = "(loop br 0) unreachable";
