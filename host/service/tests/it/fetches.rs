//! What plugins fetch, against servers on loopback: how much of it, and how many at once.

use std::time::Duration;

use futures::future::join_all;
use switchboard_core::clock::UnixMillis;
use switchboard_plugins::CallContext;
use switchboard_plugins::contract::effects::{Effect, Fetch, Outcome};
use switchboard_plugins::contract::http::{Body, Data, Method, Part, Request};
use switchboard_plugins::contract::types::{self, Blob};
use switchboard_plugins::effects::Effects as _;
use switchboard_service::{Carrier, Service};

use crate::fake::{Provider, service};

fn context() -> CallContext {
    CallContext {
        request_id: "fetches".parse().unwrap(),
        accepted_at: UnixMillis(1_795_421_730_250),
    }
}

/// A fetch of this, with this body.
fn post(url: String, body: Body) -> Fetch {
    Fetch {
        request: Request {
            method: Method::Post,
            url,
            headers: Vec::new(),
            body,
        },
        credential: None,
        keep: false,
        timeout_ms: None,
    }
}

/// What becomes of it when the one plugin of the service asks.
async fn fetched(service: &Service, carrier: &Carrier<'_>, fetch: Fetch) -> Outcome {
    let providers = service.plugins().providers();
    carrier.carry_out(providers[0].plugin(), Effect::Fetch(fetch)).await
}

/// The code of a failure, and its sentence.
fn failure(outcome: Outcome) -> (String, String) {
    match outcome {
        Outcome::Failed(types::Problem::Other(problem)) => (problem.code, problem.message),
        Outcome::Failed(types::Problem::NotSupported(sentence)) => ("not_supported".to_owned(), sentence),
        Outcome::Failed(types::Problem::InvalidField(at)) => (at.field, at.message),
        other => panic!("{other:?}"),
    }
}

/// A form of so many parts that are all the same blob.
fn form(blob: &Blob, parts: usize) -> Body {
    let part = Part {
        name: "file".to_owned(),
        filename: None,
        mime: None,
        data: Data::Blob(blob.clone()),
    };
    Body::Form(vec![part; parts])
}

#[tokio::test]
async fn a_form_is_refused_for_its_parts_its_origin_or_its_size_before_it_is_made() {
    let provider = Provider::start(|_| Some((200, "", Vec::new()))).await;
    let (service, _folder) = service("tts-openai", "openai", &provider.base_url).await;
    let context = context();
    let carrier = Carrier::for_caller(&service, &context, None);
    let Body::Whole(Data::Blob(blob)) = carrier.body(vec![b'x'; 1 << 20].into(), None) else {
        panic!("what is large is a blob")
    };
    let at = |path: &str| format!("{}{path}", provider.base_url);
    let elsewhere = "https://elsewhere.example/".to_owned();
    for (url, parts, expected) in [
        (at("/"), 7000, ("body", "A form must have at most 64 parts.")),
        (elsewhere.clone(), 65, ("body", "A form must have at most 64 parts.")),
        (
            elsewhere,
            64,
            ("forbidden", "https://elsewhere.example is not granted to this plugin."),
        ),
        (
            at("/"),
            64,
            ("invalid_field", "The request's body is larger than 16777216 bytes."),
        ),
    ] {
        let outcome = fetched(&service, &carrier, post(url, form(&blob, parts))).await;
        let (code, sentence) = failure(outcome);
        assert_eq!((code.as_str(), sentence.as_str()), expected);
    }
    assert_eq!(provider.asked(), "");
    let outcome = fetched(&service, &carrier, post(at("/"), form(&blob, 1))).await;
    assert!(matches!(outcome, Outcome::Fetched(_)), "{outcome:?}");
    let asked = provider.asked();
    assert!(
        asked.contains("form-data; name=\"file\"\r\n\r\nxxx"),
        "{}",
        &asked[..500]
    );
}

#[tokio::test]
async fn of_what_is_fetched_for_one_request_so_much_is_kept_and_no_more() {
    let provider = Provider::start(|request| {
        let bytes = if request.starts_with("POST /large") {
            12 << 20
        } else {
            4
        };
        Some((200, "", vec![b'x'; bytes]))
    })
    .await;
    let (service, _folder) = service("tts-openai", "openai", &provider.base_url).await;
    let context = context();
    let carrier = Carrier::for_caller(&service, &context, None);
    let fetch = |path: &str, keep| Fetch {
        keep,
        ..post(format!("{}{path}", provider.base_url), Body::Empty)
    };
    for keep in [true, false] {
        let outcome = fetched(&service, &carrier, fetch("/large", keep)).await;
        assert!(
            matches!(&outcome, Outcome::Fetched(response) if matches!(response.body, Body::Whole(Data::Blob(_)))),
            "{keep}"
        );
    }
    for keep in [true, false] {
        let (code, sentence) = failure(fetched(&service, &carrier, fetch("/large", keep)).await);
        assert!(code == "not_supported" && sentence.contains("32 MiB"), "{sentence}");
        // What is small still is kept, or handed over.
        let outcome = fetched(&service, &carrier, fetch("/small", keep)).await;
        assert!(matches!(outcome, Outcome::Fetched(_)), "{outcome:?}");
    }
    let another = Carrier::for_caller(&service, &context, None);
    let outcome = fetched(&service, &another, fetch("/large", true)).await;
    assert!(matches!(outcome, Outcome::Fetched(_)), "another request has its own");
}

#[tokio::test]
async fn a_fetch_that_finds_no_place_in_its_time_is_not_sent_and_may_be_tried_again() {
    let silent = Provider::start(|_| None).await;
    let (service, _folder) = service("tts-openai", "openai", &silent.base_url).await;
    let context = context();
    let carrier = Carrier::for_caller(&service, &context, None);
    let fetch = |path: &str, timeout: Duration| Fetch {
        timeout_ms: Some(timeout.as_millis().try_into().unwrap()),
        ..post(format!("{}{path}", silent.base_url), Body::Empty)
    };
    let under_way = (0..16).map(|_| fetched(&service, &carrier, fetch("/first", Duration::from_secs(20))));
    let late = fetched(&service, &carrier, fetch("/late", Duration::from_millis(50)));
    let outcome = tokio::select! {
        biased;
        _ = join_all(under_way) => panic!("nobody answers"),
        outcome = late => outcome,
    };
    let Outcome::Failed(types::Problem::Other(problem)) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!((problem.status, problem.code.as_str()), (503, "unavailable"));
    assert_eq!(problem.details, "{\"retryAfterMs\":1000}");
    assert!(!silent.asked().contains("/late"), "{}", silent.asked());
    // Those places are free again.
    let (code, sentence) = failure(fetched(&service, &carrier, fetch("/then", Duration::from_millis(50))).await);
    assert_eq!(
        (code.as_str(), sentence.as_str()),
        ("upstream_failed", "No answer within 50ms.")
    );
}
