//! The plugins that speak, against servers on loopback that answer as the providers do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use switchboard_core::config::{GrantConfig, Grants};
use switchboard_core::ids::RequestId;
use switchboard_core::problem::Problem;
use switchboard_plugins::{Engine, EngineOptions, PluginSource, Plugins};
use switchboard_service::{Service, SpeechRequest, SpokenSound};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::fake::{self, FakeLines, SOON, store};

/// A recording, as a provider may send it.
const WAV: &[u8] = b"RIFF\x24\0\0\0WAVEfmt ";
const KEY: &str = "sk-0123456789";

/// What a provider does with a request: its status, headers and body; `None` to say nothing at all.
type Answer = fn(&str) -> Option<(u16, &'static str, Vec<u8>)>;

/// A provider's server, and what it was asked.
struct Provider {
    base_url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Provider {
    async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&asked);
        tokio::spawn(async move {
            // Connections that are to stay silent.
            let mut silent = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                let mut some = [0; 4096];
                while !is_whole(&request) {
                    let n = stream.read(&mut some).await.unwrap_or(0);
                    if n == 0 {
                        break;
                    }
                    request.extend_from_slice(&some[..n]);
                }
                let request = String::from_utf8_lossy(&request).into_owned();
                let answered = answer(&request);
                heard.lock().unwrap().push(request);
                let Some((status, headers, body)) = answered else {
                    silent.push(stream);
                    continue;
                };
                let head = format!(
                    "HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
            }
        });
        Self { base_url, asked }
    }

    fn asked(&self) -> String {
        self.asked.lock().unwrap().join("\n---\n")
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

/// A service whose plugin of this name speaks with that server, with the operator's leave and a key.
async fn service(id: &'static str, credential: &str, base_url: &str) -> (Service, tempfile::TempDir) {
    service_granting(id, id, credential, base_url).await
}

/// The same where leave and key are of the plugin `of`.
async fn service_granting(
    of: &str,
    id: &'static str,
    credential: &str,
    base_url: &str,
) -> (Service, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let settings = json!({"base_url": base_url}).as_object().cloned().unwrap();
    let plugin = bundled::plugins().iter().find(|plugin| plugin.id == id).unwrap();
    let source = PluginSource {
        settings,
        ..PluginSource::bundled(plugin.id, plugin.manifest, plugin.wasm)
    };
    let plugins = Plugins::load(Engine::new(EngineOptions::default()).unwrap(), vec![source])
        .await
        .unwrap();
    let grant = GrantConfig {
        allow: vec![base_url.to_owned()],
        private: true,
        credentials: [(credential.to_owned(), KEY.to_owned().into())].into(),
        ..GrantConfig::default()
    };
    let options = switchboard_service::ServiceOptions {
        plugins,
        grants: Grants::from([(of.to_owned(), grant)]),
        ..fake::options(store(&folder).await, Arc::<FakeLines>::default(), SOON).await
    };
    (Service::start(options).await.unwrap(), folder)
}

fn request_id() -> RequestId {
    "speech".parse().unwrap()
}

async fn speak(service: &Service, provider: &str, voice: &str) -> Result<SpokenSound, Problem> {
    let request = SpeechRequest {
        provider: provider.to_owned(),
        voice: voice.to_owned(),
        text: "Hello there.".to_owned(),
        speed: 1.25,
        language: None,
    };
    service.speak(request, request_id()).await
}

#[tokio::test]
async fn a_text_goes_to_openai_with_its_key_and_comes_back_as_sound() {
    let provider = Provider::start(|_| Some((200, "content-type: audio/wav\r\n", WAV.to_vec()))).await;
    let (service, _folder) = service("tts-openai", "openai", &provider.base_url).await;
    let sound = speak(&service, "tts-openai", "nova").await.unwrap();
    assert_eq!(sound, SpokenSound::File(WAV.into()));
    let asked = provider.asked();
    assert!(asked.starts_with("POST /v1/audio/speech HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains(&format!("authorization: Bearer {KEY}\r\n")), "{asked}");
    let body: Value = serde_json::from_str(asked.rsplit("\r\n").next().unwrap()).unwrap();
    assert_eq!(
        (&body["input"], &body["voice"], &body["speed"]),
        (&json!("Hello there."), &json!("nova"), &json!(1.25))
    );
}

#[tokio::test]
async fn elevenlabs_is_asked_for_its_voices_once_by_however_many_and_speaks_with_one_of_them() {
    let provider = Provider::start(|request| {
        let voices = json!({"voices": [{"voice_id": "21m00Tcm4TlvDq8ikWAM", "name": "Rachel"}], "has_more": false});
        Some(match request.starts_with("GET /v2/voices") {
            true => (
                200,
                "content-type: application/json\r\n",
                voices.to_string().into_bytes(),
            ),
            false => (200, "content-type: audio/pcm\r\n", vec![1, 0, 2, 0]),
        })
    })
    .await;
    let (service, _folder) = service("tts-elevenlabs", "elevenlabs", &provider.base_url).await;
    let at_once = (0..64).map(|_| service.voices(request_id()));
    let later = async || vec![service.voices(request_id()).await];
    for voices in [join_all(at_once).await, later().await].concat() {
        assert_eq!(
            (voices.voices[0].name.as_str(), voices.voices[0].available),
            ("Rachel", true)
        );
    }
    let sound = speak(&service, "tts-elevenlabs", "21m00Tcm4TlvDq8ikWAM").await.unwrap();
    let bytes = vec![1, 0, 2, 0].into();
    assert_eq!(sound, SpokenSound::Samples { rate: 16_000, bytes });
    let asked = provider.asked();
    assert_eq!(asked.matches("GET /v2/voices").count(), 1, "{asked}");
    assert_eq!(asked.matches(&format!("xi-api-key: {KEY}\r\n")).count(), 2, "{asked}");
}

#[tokio::test]
async fn what_goes_wrong_at_a_provider_is_told_plainly_and_never_with_the_key() {
    let cases: [(Answer, &str, &str); 4] = [
        (
            |request| {
                // As some do: the key is repeated in the refusal.
                let key = request.split("Bearer ").nth(1)?.split("\r\n").next()?.to_owned();
                let body = json!({"error": {"message": format!("Incorrect API key provided: {key}"), "code": "invalid_api_key"}});
                Some((401, "", body.to_string().into_bytes()))
            },
            "upstream_failed",
            "openai",
        ),
        (
            |_| {
                Some((
                    429,
                    "retry-after: 7\r\n",
                    br#"{"error": {"code": "rate_limit_exceeded"}}"#.to_vec(),
                ))
            },
            "upstream_failed",
            "",
        ),
        (|_| Some((500, "", b"<html>oops".to_vec())), "upstream_failed", "500"),
        (
            |_| Some((200, "content-type: audio/wav\r\n", Vec::new())),
            "upstream_failed",
            "sound",
        ),
    ];
    for (answer, code, word) in cases {
        let provider = Provider::start(answer).await;
        let (service, _folder) = service("tts-openai", "openai", &provider.base_url).await;
        let problem = speak(&service, "tts-openai", "nova").await.unwrap_err();
        assert_eq!(problem.code().name(), code, "{problem}");
        assert!(problem.message().contains(word), "{problem}");
        let everything = format!("{problem:?} {}", problem.cause_chain().unwrap_or_default());
        assert!(!everything.contains(KEY), "{everything}");
    }
}

#[tokio::test]
async fn a_provider_that_says_when_to_come_again_is_heard() {
    let provider = Provider::start(|_| Some((429, "retry-after: 7\r\n", b"{}".to_vec()))).await;
    let (service, _folder) = service("tts-openai", "openai", &provider.base_url).await;
    let problem = speak(&service, "tts-openai", "nova").await.unwrap_err();
    assert_eq!(problem.retry_delay(), Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_provider_that_is_not_there_or_says_nothing_is_given_up() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let silent = Provider::start(|_| None).await;
    for base_url in [gone, silent.base_url.clone()] {
        let (service, _folder) = service("tts-openai", "openai", &base_url).await;
        // The deadline of a fetch, at once.
        tokio::time::pause();
        let problem = speak(&service, "tts-openai", "nova").await.unwrap_err();
        tokio::time::resume();
        assert_eq!(problem.code().name(), "upstream_failed", "{problem}");
    }
}

#[tokio::test]
async fn without_a_grant_nothing_is_fetched_and_without_a_key_no_voice_is_used() {
    let provider = Provider::start(|_| Some((200, "", WAV.to_vec()))).await;
    let (granted, _folder) = service("tts-openai", "openai", "https://api.openai.com").await;
    let problem = speak(&granted, "nobody", "nova").await.unwrap_err();
    assert_eq!(
        (problem.code().name(), problem.field_name()),
        ("invalid_field", Some("provider"))
    );
    let (keyless, _folder) = service("tts-openai", "another", &provider.base_url).await;
    let problem = speak(&keyless, "tts-openai", "nova").await.unwrap_err();
    assert_eq!(
        (problem.code().name(), problem.field_name()),
        ("voice_unavailable", Some("voice"))
    );
    assert_eq!(provider.asked(), "");
}

#[tokio::test]
async fn what_is_granted_to_one_plugin_is_no_other_ones() {
    let provider = Provider::start(|_| Some((200, "", WAV.to_vec()))).await;
    let (openai, _folder) = service_granting("tts-elevenlabs", "tts-openai", "openai", &provider.base_url).await;
    let problem = speak(&openai, "tts-openai", "nova").await.unwrap_err();
    assert_eq!(problem.code().name(), "voice_unavailable");
    let (elevenlabs, _folder) =
        service_granting("tts-openai", "tts-elevenlabs", "elevenlabs", &provider.base_url).await;
    let voices = elevenlabs.voices(request_id()).await;
    assert!(voices.voices.is_empty() && !voices.providers[0].available);
    assert_eq!(provider.asked(), "");
}
