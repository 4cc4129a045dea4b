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
use tokio::task::spawn_blocking;

use crate::effects::Carrier;
use crate::service::Service;

/// The largest JSON that is read in passing, on a thread that others wait for.
const MOST_IN_PASSING: usize = 256 * 1024;

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
            Sound::File(at) => SpokenSound::File(bytes(at, &carrier).await?),
            Sound::Raw { rate, bytes: at } => SpokenSound::Samples {
                rate,
                bytes: bytes(at, &carrier).await?,
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

async fn bytes(at: plugins::Bytes, carrier: &Carrier<'_>) -> Result<Bytes, Problem> {
    match at {
        plugins::Bytes::Here(bytes) => Ok(bytes.into()),
        plugins::Bytes::Body(outcome) => carrier.whole(body(*outcome)?),
        plugins::Bytes::Base64 { body: outcome, pointer } => unpacked(carrier.whole(body(*outcome)?)?, pointer).await,
    }
}

/// The bytes in Base64 at `pointer` in some JSON. What is large is read where that holds up nothing else.
async fn unpacked(json: Bytes, pointer: String) -> Result<Bytes, Problem> {
    let is_large = MOST_IN_PASSING < json.len();
    let unpack = move || {
        let json: Value = serde_json::from_slice(&json).ok()?;
        let text = json.pointer(&pointer)?.as_str()?;
        BASE64_STANDARD.decode(text).ok().map(Bytes::from)
    };
    let unpacked = if is_large {
        spawn_blocking(unpack).await.map_err(Problem::internal)?
    } else {
        unpack()
    };
    unpacked.ok_or_else(no_sound)
}

/// The body of a good answer. Of any other it is no sound, whatever the plugin thinks.
fn body(outcome: Outcome) -> Result<Body, Problem> {
    match outcome {
        Outcome::Fetched(response) if (200..300).contains(&response.status) => Ok(response.body),
        _ => Err(no_sound()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_sound_is_unpacked_however_large_it_is() {
        for size in [1, 1000, 2 * MOST_IN_PASSING] {
            let json = json!({"audio": [{"data": BASE64_STANDARD.encode(vec![7; size])}]}).to_string();
            let sound = unpacked(json.into(), "/audio/0/data".to_owned()).await.unwrap();
            assert_eq!((sound.len(), sound[size - 1]), (size, 7));
        }
    }

    #[tokio::test]
    async fn what_holds_no_sound_is_said_to_hold_none_however_large_it_is() {
        let filler = "x".repeat(MOST_IN_PASSING);
        for json in [
            "not JSON".to_owned(),
            filler.clone(),
            json!({"audio": 1}).to_string(),
            json!({"other": filler}).to_string(),
            json!({"audio": format!("{filler}!")}).to_string(),
        ] {
            let problem = unpacked(json.into(), "/audio".to_owned()).await.unwrap_err();
            assert_eq!(problem.message(), "The speech service answered without a sound.");
        }
    }
}
