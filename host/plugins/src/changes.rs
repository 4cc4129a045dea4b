//! Plugins that come, change and go while others, or they themselves, are at work.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tokio::sync::Notify;

use crate::contract::content::Content;
use crate::contract::effects::{Effect, Outcome};
use crate::effects::Effects;
use crate::engine::{Engine, EngineOptions};
use crate::load::PluginSource;
use crate::plugin::{CallContext, Origin, Plugin};
use crate::plugins::{PluginStatus, Plugins};
use crate::testing::{GuestText, context, engine, guest, load, source};

/// A guest that has something done first and then says these words.
fn saying(words: &str) -> Vec<u8> {
    let mut text = GuestText::default();
    let (step, words) = (text.act(1), text.string(words));
    let answer = text.send(1, words);
    text.component(&format!(
        "(if (result i32) (local.get $outcomes) (then (i32.const {answer})) (else (i32.const {step})))"
    ))
}

/// Is as slow as a test wants: says when it was asked, and goes on when it is told to.
#[derive(Default)]
struct Slow {
    asked: Notify,
    go_on: Notify,
}

#[async_trait]
impl Effects for Slow {
    async fn carry_out(&self, _plugin: &Plugin, _effect: Effect) -> Outcome {
        self.asked.notify_one();
        self.go_on.notified().await;
        Outcome::Done
    }
}

async fn said(plugins: &Plugins, context: &CallContext, effects: &Slow) -> String {
    let contents = plugins.handle(context, "x", &json!({}), effects).await.unwrap();
    match &contents[..] {
        [Content::Text(text)] => text.body.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_call_under_way_ends_on_the_version_that_it_began_with_also_when_that_is_gone() {
    let (slow, context) = (Slow::default(), context());
    let plugins = load(engine(), saying("one"), "").await.unwrap();
    let at_once = || {
        let effects = Slow::default();
        effects.go_on.notify_one();
        effects
    };
    let replaced = async {
        slow.asked.notified().await;
        plugins.put(source("guest", saying("two"), "")).await.unwrap();
        assert_eq!(said(&plugins, &context, &at_once()).await, "two");
        slow.go_on.notify_one();
    };
    let (under_way, ()) = tokio::join!(said(&plugins, &context, &slow), replaced);
    assert_eq!(under_way, "one");

    let removed = async {
        slow.asked.notified().await;
        plugins.remove("guest").await.unwrap();
        assert!(plugins.kinds().is_empty());
        slow.go_on.notify_one();
    };
    let (under_way, ()) = tokio::join!(said(&plugins, &context, &slow), removed);
    assert_eq!(under_way, "two");
}

#[tokio::test]
async fn nobody_waits_for_the_loading_of_another() {
    let plugins = load(engine(), guest("unreachable"), "").await.unwrap();
    let loading = plugins.put(source("other", saying("hi"), ""));
    tokio::pin!(loading);
    // It has begun, and its turn to go on comes after what stands beside it.
    tokio::select! {
        biased;
        loaded = &mut loading => panic!("it was loaded first: {loaded:?}"),
        is_there = plugins.enable("guest", false) => assert!(is_there.unwrap()),
    }
    // The kind is free now, so the other gets it.
    loading.await.unwrap();
    assert_eq!(plugins.kinds()[0].plugin_id, "other");
}

fn of_kind(kind: &'static str) -> Vec<u8> {
    let text = GuestText {
        kind,
        ..GuestText::default()
    };
    text.component("unreachable")
}

#[tokio::test]
async fn one_kind_or_one_id_for_two_plugins_is_refused() {
    let error = Plugins::load(
        engine(),
        vec![source("a", of_kind("x"), ""), source("b", of_kind("x"), "")],
    )
    .await
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "plugin b cannot be loaded: its kind x is already handled by the plugin a"
    );
    let error = Plugins::load(
        engine(),
        vec![source("a", of_kind("x"), ""), source("a", of_kind("y"), "")],
    )
    .await
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "plugin a cannot be loaded: another plugin has the same id"
    );
}

#[tokio::test]
async fn a_bundled_plugin_that_its_grant_does_not_fit_is_no_fault_while_an_added_one_has_its_place() {
    let plugins = Plugins::new(engine());
    let bundled = PluginSource {
        origin: Origin::Bundled,
        sha256: Some("0".repeat(64)),
        ..source("a", guest("unreachable"), "")
    };
    plugins.put(bundled).await.unwrap_err();
    let shown = || {
        let states = plugins.states();
        let shown = states.iter().map(|state| (state.status, state.error.is_some()));
        shown.collect::<Vec<_>>()
    };
    assert_eq!(shown(), [(PluginStatus::Failed, true)]);
    plugins.put(source("a", guest("unreachable"), "")).await.unwrap();
    assert_eq!(shown(), [(PluginStatus::Ready, false), (PluginStatus::Replaced, false)]);
    assert_eq!(plugins.kinds().len(), 1);
    plugins.remove("a").await.unwrap();
    assert_eq!(shown(), [(PluginStatus::Failed, true)], "the grant is for it again");
    assert_eq!(plugins.kinds().len(), 0);
}

#[tokio::test]
async fn a_plugin_that_finds_every_instance_taken_when_it_is_loaded_is_not_at_fault() {
    let options = EngineOptions {
        concurrency: 1,
        queue_deadline: Duration::ZERO,
        ..EngineOptions::default()
    };
    let engine = Engine::new(options).unwrap();
    let taken = engine.inner().gate.slots.acquire().await.unwrap();
    let plugins = Plugins::new(engine.clone());
    let error = plugins.put(source("a", guest("unreachable"), "")).await.unwrap_err();
    assert!(error.reason.may_pass(), "{error}");
    assert!(
        error.to_string().contains("it could not be asked for its kinds: "),
        "{error}"
    );
    drop(taken);
    plugins.put(source("a", guest("unreachable"), "")).await.unwrap();
}
