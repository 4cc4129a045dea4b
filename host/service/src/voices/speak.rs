//! From a text to the bytes of its sound.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde_json::Value;
use switchboard_core::ids::RequestId;
use switchboard_core::problem::{Code, Problem};
use switchboard_plugins::contract::effects::Outcome;
use switchboard_plugins::contract::http::Body;
use switchboard_plugins::contract::tts_provider::{Speech, TextLimit};
use switchboard_plugins::{self as plugins, CallContext, Sound};

use crate::effects::Carrier;
use crate::service::Service;

/// What is to be said, and by whom.
#[derive(Debug, Clone)]
pub struct SpeechRequest {
    /// The id of the provider.
    pub provider: String,
    /// One of its voices.
    pub voice: String,
    /// The text.
    pub text: String,
    /// 1.0 is as the voice speaks by itself.
    pub speed: f32,
    /// A BCP 47 tag.
    pub language: Option<String>,
}

/// A sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpokenSound {
    /// A file of any common form.
    File(Bytes),
    /// Samples of one channel of 16 bits, little-endian.
    Samples {
        /// Samples a second.
        rate: u32,
        /// The samples.
        bytes: Bytes,
    },
}

impl Service {
    /// Has a provider say something that is within its limit.
    ///
    /// # Errors
    /// `invalid_field`, `voice_unavailable`; what the provider says; `upstream_failed` when its answer holds no sound.
    pub async fn speak(&self, request: SpeechRequest, request_id: RequestId) -> Result<SpokenSound, Problem> {
        let context = CallContext {
            request_id,
            accepted_at: self.parts.clock.now(),
        };
        let (provider, catalog) = self.provider(&request.provider, &context).await?;
        let is_too_long = match catalog.limit {
            TextLimit::Characters(most) => request.text.chars().count() > usize::try_from(most).unwrap_or(usize::MAX),
            TextLimit::Bytes(most) => request.text.len() > usize::try_from(most).unwrap_or(usize::MAX),
        };
        if request.text.trim().is_empty() || is_too_long {
            let sentence = "text must not be empty, nor longer than the provider takes.";
            return Err(Problem::invalid_field("text", sentence));
        }
        let (slowest, fastest) = catalog.speeds;
        let speech = Speech {
            text: request.text,
            voice: request.voice,
            speed: request.speed.clamp(slowest, fastest),
            language: request.language,
        };
        let carrier = Carrier::for_plugin(self, &context);
        let sound = match provider.speak(&context, &speech, &carrier).await? {
            Sound::File(at) => SpokenSound::File(bytes(at, &carrier)?),
            Sound::Raw { rate, bytes: at } => SpokenSound::Samples {
                rate,
                bytes: bytes(at, &carrier)?,
            },
            Sound::Samples { rate, samples } => SpokenSound::Samples {
                rate,
                bytes: samples.into_iter().flat_map(i16::to_le_bytes).collect(),
            },
        };
        let (SpokenSound::File(bytes) | SpokenSound::Samples { bytes, .. }) = &sound;
        if bytes.is_empty() {
            return Err(no_sound());
        }
        Ok(sound)
    }
}

fn no_sound() -> Problem {
    Problem::new(Code::UPSTREAM_FAILED, "The speech service answered without a sound.")
}

fn bytes(at: plugins::Bytes, carrier: &Carrier<'_>) -> Result<Bytes, Problem> {
    match at {
        plugins::Bytes::Here(bytes) => Ok(bytes.into()),
        plugins::Bytes::Body(outcome) => carrier.whole(body(*outcome)?),
        plugins::Bytes::Base64 { body: outcome, pointer } => {
            let json = carrier.whole(body(*outcome)?)?;
            let json: Value = serde_json::from_slice(&json).map_err(|_| no_sound())?;
            let text = json.pointer(&pointer).and_then(Value::as_str).ok_or_else(no_sound)?;
            BASE64_STANDARD.decode(text).map(Bytes::from).map_err(|_| no_sound())
        }
    }
}

/// The body of a good answer. Of any other it is no sound, whatever the plugin thinks.
fn body(outcome: Outcome) -> Result<Body, Problem> {
    match outcome {
        Outcome::Fetched(response) if (200..300).contains(&response.status) => Ok(response.body),
        _ => Err(no_sound()),
    }
}
