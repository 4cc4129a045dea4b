//! Dialects and tts-providers that do what no honest one does: what is special about their worlds must hold against strangers, too.

use serde_json::json;
use switchboard_core::problem::{Code, Problem};

use super::SPIN;
use crate::contract::dialect::{Asked, Request};
use crate::contract::http::{Body, Method, Response};
use crate::contract::tts_provider::{Catalog, Speech};
use crate::dialect::Dialect;
use crate::effects::NoEffects;
use crate::load::PluginSource;
use crate::plugin::Origin;
use crate::plugins::Plugins;
use crate::provider::Sound;
use crate::routes::Found;
use crate::testing::{GuestText, context, engine, source_of};

fn dialect(id: &str, wasm: Vec<u8>) -> PluginSource {
    source_of("dialect", id, wasm, "")
}

fn with_routes(id: &str, paths: &[&str]) -> PluginSource {
    dialect(id, GuestText::default().dialect(paths, "unreachable", "unreachable"))
}

async fn refusal(sources: Vec<PluginSource>) -> String {
    Plugins::load(engine(), sources).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_route_of_the_hosts_is_refused_and_one_of_names_alone_does_not_get_at_them() {
    for path in [
        "/api",
        "/api/messages/send",
        "/healthz",
        "/metrics",
        "/openapi.json",
        "/assets/{*rest}",
        "/{*all}",
        "/%61pi/sessions",
        "/./api",
        "//api",
    ] {
        let refusal = refusal(vec![with_routes("greedy", &["/fine", path])]).await;
        assert!(
            refusal.starts_with("plugin greedy cannot be loaded: its route "),
            "{path}: {refusal}"
        );
    }
    let plugins = Plugins::load(
        engine(),
        vec![with_routes("wide", &["/{a}", "/{a}/{b}", "/{a}/{b}/{*rest}"])],
    )
    .await
    .unwrap();
    for (path, is_its) in [
        ("/apis", true),
        ("/v1/messages", true),
        ("/api", false),
        ("/api/", false),
        ("/api/sessions", false),
        ("/api/messages/send", false),
        ("/metrics", false),
    ] {
        assert_eq!(plugins.find(Some(Method::Get), path).is_some(), is_its, "{path}");
    }
}

#[tokio::test]
async fn of_two_that_claim_one_route_the_later_is_refused_and_a_bundled_one_stands_back() {
    let first = with_routes("first", &["/v1/{number}"]);
    assert_eq!(
        refusal(vec![first.clone(), with_routes("later", &["/fine", "/v1/{other}"])]).await,
        "plugin later cannot be loaded: its route /v1/{other} is already served by the plugin first"
    );
    let shipped = PluginSource {
        origin: Origin::Bundled,
        ..with_routes("shipped", &["/v1/{other}", "/shipped"])
    };
    let plugins = Plugins::load(engine(), vec![shipped, first]).await.unwrap();
    let ids: Vec<_> = plugins
        .dialects()
        .iter()
        .map(|dialect| dialect.plugin.id.clone())
        .collect();
    assert_eq!(ids, ["first"]);
    assert!(plugins.find(Some(Method::Get), "/shipped").is_none(), "half a dialect");
}

/// A dialect with one route, and the host it is in.
async fn loaded(wasm: Vec<u8>) -> std::sync::Arc<Dialect> {
    let plugins = Plugins::load(engine(), vec![dialect("guest", wasm)]).await.unwrap();
    match plugins.find(Some(Method::Get), "/x") {
        Some(Found::Route { dialect, .. }) => dialect,
        other => panic!("{other:?}"),
    }
}

fn request() -> Request {
    Request {
        method: Method::Get,
        base_url: "https://chat.example.com".to_owned(),
        route: "/x".to_owned(),
        path: "/x".to_owned(),
        params: vec![],
        query: vec![],
        headers: vec![],
        body: Body::Empty,
        caller: None,
    }
}

async fn answered(dialect: &Dialect) -> Result<Response, Problem> {
    dialect.answer(&context(), &request(), &NoEffects, Ok).await
}

async fn worded(dialect: &Dialect) -> Result<Response, Problem> {
    let asked = Asked {
        method: None,
        path: "/x".to_owned(),
    };
    let problem = Problem::new(Code::UNAUTHORIZED, "No.").cause("the seal key".to_owned());
    dialect.render(&context(), &asked, &problem, Ok).await
}

#[tokio::test]
async fn a_dialect_whose_answers_cannot_be_made_is_at_fault_for_it() {
    let dialect = answering(200, 0, 0).await;
    let request = request();
    for _ in 0..10 {
        let made: Result<(), _> = dialect
            .answer(&context(), &request, &NoEffects, |_| {
                Err("a blob that there is not".to_owned())
            })
            .await;
        let problem = made.unwrap_err();
        assert_eq!(problem.code(), &Code::PLUGIN_TRAP);
        assert!(
            problem
                .cause_chain()
                .unwrap()
                .ends_with("broke its contract: a blob that there is not")
        );
    }
    assert_eq!(answered(&dialect).await.unwrap_err().code(), &Code::PLUGIN_SET_ASIDE);
}

#[tokio::test]
async fn a_dialect_that_spins_or_crashes_is_stopped_also_when_it_words_a_problem() {
    for (body, code) in [
        (SPIN, Code::PLUGIN_TIMEOUT),
        ("unreachable", Code::PLUGIN_TRAP),
        ("(call $f (i32.const 0))", Code::PLUGIN_TRAP),
        ("(i32.const -4)", Code::PLUGIN_TRAP),
    ] {
        let dialect = loaded(GuestText::default().dialect(&["/x"], body, body)).await;
        assert_eq!(answered(&dialect).await.unwrap_err().code(), &code, "{body}");
        assert_eq!(worded(&dialect).await.unwrap_err().code(), &code, "{body}");
    }
}

/// A dialect whose every answer has this status, so many headers and a text of this length.
async fn answering(status: u32, headers: u32, length: u32) -> std::sync::Arc<Dialect> {
    let mut text = GuestText {
        pages: 64,
        ..GuestText::default()
    };
    let [next, words] = text.respond(status, headers, [0, length]);
    let (next, words) = (format!("(i32.const {next})"), format!("(i32.const {words})"));
    loaded(text.dialect(&["/x"], &next, &words)).await
}

#[tokio::test]
async fn an_answer_that_is_none_in_http_or_too_large_is_a_broken_contract() {
    let good = answering(404, 64, 10).await;
    let response = answered(&good).await.unwrap();
    assert_eq!((response.status, response.headers.len()), (404, 64));
    assert_eq!(worded(&good).await.unwrap().status, 404);
    for (status, headers, length) in [
        (0, 0, 0),
        (100, 0, 0),
        (101, 0, 0),
        (199, 0, 0),
        (600, 0, 0),
        (700, 0, 0),
        (65_535, 0, 0),
        (400, 65, 0),
        (400, 5000, 0),
        (400, 100_000, 0),
        (400, 0, 2 << 20),
        (400, 0, u32::MAX),
    ] {
        let dialect = answering(status, headers, length).await;
        for answer in [answered(&dialect).await, worded(&dialect).await] {
            let problem = answer.unwrap_err();
            assert_eq!(problem.code(), &Code::PLUGIN_TRAP, "{status} {headers} {length}");
        }
    }
    // A problem is never worded as a success.
    let cheerful = answering(200, 0, 0).await;
    assert!(answered(&cheerful).await.is_ok());
    assert_eq!(worded(&cheerful).await.unwrap_err().code(), &Code::PLUGIN_TRAP);
}

/// What a provider offers and says, whose functions have these bodies.
async fn spoken(wasm: Vec<u8>) -> (Result<Catalog, Problem>, Result<Sound, Problem>) {
    let source = source_of("tts-provider", "guest", wasm, "");
    let plugins = Plugins::load(engine(), vec![source]).await.unwrap();
    let provider = plugins.providers().remove(0);
    let speech = Speech {
        text: "Hello.".to_owned(),
        voice: "nova".to_owned(),
        speed: 1.0,
        language: None,
    };
    (
        provider.catalog(&context(), &NoEffects).await,
        provider.speak(&context(), &speech, &NoEffects).await,
    )
}

#[tokio::test]
async fn a_provider_that_spins_or_crashes_is_stopped() {
    for (body, code) in [(SPIN, Code::PLUGIN_TIMEOUT), ("unreachable", Code::PLUGIN_TRAP)] {
        let (catalog, sound) = spoken(GuestText::default().tts_provider(body, body)).await;
        assert_eq!(catalog.unwrap_err().code(), &code);
        assert_eq!(sound.unwrap_err().code(), &code);
    }
}

#[tokio::test]
async fn a_catalog_without_end_is_not_taken_in() {
    for (count, is_taken) in [(5000, true), (5001, false), (50_000, false)] {
        let mut text = GuestText {
            pages: 64,
            ..GuestText::default()
        };
        let catalog = text.catalog(count);
        let (catalog, _) = spoken(text.tts_provider(&format!("(i32.const {catalog})"), "unreachable")).await;
        assert_eq!(catalog.is_ok(), is_taken, "{count}: {:?}", catalog.err());
    }
    // A million of them would not fit: the length is a lie.
    let mut text = GuestText::default();
    let catalog = text.words(&[
        0,
        1,
        1024,
        1_000_000,
        0,
        4096,
        1_f32.to_bits(),
        1_f32.to_bits(),
        0,
        0,
        0,
    ]);
    let (catalog, _) = spoken(text.tts_provider(&format!("(i32.const {catalog})"), "unreachable")).await;
    assert_eq!(catalog.unwrap_err().code(), &Code::PLUGIN_TRAP);
}

#[tokio::test]
async fn a_sound_that_is_none_is_a_broken_contract() {
    const AUDIO: u32 = 1;
    const PCM: u32 = 2;
    const PCM_OUTCOME: u32 = 3;
    for (case, payload) in [
        (AUDIO, &[1, 0][..]),
        (AUDIO, &[1, u32::MAX]),
        (AUDIO, &[2, 7, 0, 0]),
        (AUDIO, &[0, 0, u32::MAX]),
        (PCM, &[0, 0, 0]),
        (PCM, &[1, 0, 0]),
        (PCM, &[u32::MAX, 0, 0]),
        (PCM, &[48_000, 0, u32::MAX]),
        (PCM_OUTCOME, &[16_000, 0]),
        (4, &[]),
    ] {
        let mut text = GuestText::default();
        let answer = text.spoken(case, payload);
        let (_, sound) = spoken(text.tts_provider("unreachable", &format!("(i32.const {answer})"))).await;
        assert_eq!(sound.unwrap_err().code(), &Code::PLUGIN_TRAP, "{case} {payload:?}");
    }
    let mut text = GuestText::default();
    let answer = text.spoken(PCM, &[48_000, 1024, 2]);
    let (_, sound) = spoken(text.tts_provider("unreachable", &format!("(i32.const {answer})"))).await;
    assert!(matches!(sound, Ok(Sound::Samples { rate: 48_000, samples }) if samples.len() == 2));
}

#[tokio::test]
async fn a_plugin_of_one_world_is_none_of_another() {
    let handler = GuestText::default().component("unreachable");
    for world in ["dialect", "tts-provider"] {
        let refusal = refusal(vec![source_of(world, "guest", handler.clone(), "")]).await;
        assert!(
            refusal.contains(&format!("it does not export switchboard:plugin/{world}@1.0;")),
            "{refusal}"
        );
    }
    let plugins = Plugins::load(engine(), vec![with_routes("guest", &["/x"])])
        .await
        .unwrap();
    let problem = plugins
        .handle(&context(), "x", &json!({}), &NoEffects)
        .await
        .unwrap_err();
    assert_eq!(problem.code(), &Code::UNKNOWN_TYPE);
}
