//! The request for speech, and the sound in its answer.

use serde_json::{Map, Value, json};

use crate::bindings::exports::switchboard::plugin::tts_provider::{Audio, Outcome, PcmOutcome, Problem, Speech, Step};
use crate::bindings::switchboard::plugin::http::{Body, Data, Response};
use crate::config::Config;
use crate::failure;
use crate::format::Format;

pub(crate) fn next(config: &Config, speech: &Speech, outcomes: &[Outcome]) -> Result<Step, Problem> {
    match outcomes {
        [] => {
            let voice = &speech.voice;
            // The id is part of the path, and a path has characters of its own.
            if voice.is_empty() || !voice.bytes().all(|b| b.is_ascii_alphanumeric()) {
                return Err(failure::voice_unknown());
            }
            let format = config.output_format.name();
            let path = format!("/v1/text-to-speech/{voice}?output_format={format}");
            Ok(Step::Do(vec![config.post(&path, body(config, speech))]))
        }
        [outcome] => {
            must_be_sound(failure::answer(outcome)?)?;
            Ok(match config.output_format {
                Format::Pcm(rate) => Step::PcmOutcome(PcmOutcome { rate, outcome: 0 }),
                Format::File(_) => Step::Audio(Audio::Outcome(0)),
            })
        }
        _ => Err(Problem::Internal("there are more outcomes than effects".to_owned())),
    }
}

fn body(config: &Config, speech: &Speech) -> String {
    let mut fields = Map::new();
    fields.insert("text".to_owned(), speech.text.as_str().into());
    fields.insert("model_id".to_owned(), config.model.as_str().into());
    if let Some(language) = speech.language.as_deref().filter(|_| takes_language(&config.model)) {
        let base = language.split('-').next().unwrap_or(language);
        fields.insert("language_code".to_owned(), base.to_ascii_lowercase().into());
    }
    let mut settings = config.voice_settings.clone();
    // Settings of a request take the place of the voice's own, so none are sent without need.
    if speech.speed != 1.0 {
        settings.insert("speed".to_owned(), shortest(speech.speed));
    }
    if !settings.is_empty() {
        fields.insert("voice_settings".to_owned(), settings.into());
    }
    json!(fields).to_string()
}

/// Whether the model can be told a language. The older ones are said to answer 400 when they are.
fn takes_language(model: &str) -> bool {
    model.ends_with("_v2_5") || model.starts_with("eleven_v3")
}

/// 0.9 as 0.9, and not as the 0.8999999761581421 that it is nearest to in single precision.
fn shortest(speed: f32) -> Value {
    serde_json::from_str(&speed.to_string()).unwrap_or(Value::Null)
}

/// A proxy before the service may answer 200 with the words for a failure.
fn must_be_sound(answer: &Response) -> Result<(), Problem> {
    let words = |mime: &str| mime.starts_with("text/") || mime.starts_with("application/json");
    match &answer.body {
        Body::Whole(Data::Blob(blob)) if blob.size > 0 && !words(&blob.mime) => Ok(()),
        Body::Whole(Data::Bytes(bytes)) if !bytes.is_empty() => Ok(()),
        _ => Err(failure::upstream(
            answer.status,
            "ElevenLabs answered without any sound.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::switchboard::plugin::effects::Effect;
    use crate::bindings::switchboard::plugin::types::Blob;
    use crate::config::tests::config;

    fn speech(speed: f32, language: Option<&str>) -> Speech {
        Speech {
            text: "Hello".to_owned(),
            voice: "21m00Tcm4TlvDq8ikWAM".to_owned(),
            speed,
            language: language.map(str::to_owned),
        }
    }

    fn asked(config: &Config, speech: &Speech) -> (String, Value) {
        let Ok(Step::Do(effects)) = next(config, speech, &[]) else {
            panic!("nothing is asked for")
        };
        match effects.as_slice() {
            [Effect::Fetch(fetch)] => match &fetch.request.body {
                Body::Whole(Data::Text(json)) if fetch.keep => {
                    (fetch.request.url.clone(), serde_json::from_str(json).unwrap())
                }
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    fn answered(mime: &str, size: u64) -> Outcome {
        let blob = Blob {
            id: "b".to_owned(),
            mime: mime.to_owned(),
            size,
        };
        Outcome::Fetched(Response {
            status: 200,
            headers: vec![],
            body: Body::Whole(Data::Blob(blob)),
        })
    }

    #[test]
    fn a_request_leaves_everything_to_the_voice_that_nobody_asked_for() {
        let (url, body) = asked(&config(json!({})), &speech(1.0, None));
        assert_eq!(
            url,
            "https://api.elevenlabs.io/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM?output_format=pcm_16000"
        );
        assert_eq!(body, json!({"text": "Hello", "model_id": "eleven_flash_v2_5"}));
    }

    #[test]
    fn speed_and_settings_go_together() {
        let (_, body) = asked(
            &config(json!({"voice_settings": {"stability": 0.5}})),
            &speech(0.9, None),
        );
        assert_eq!(body["voice_settings"], json!({"stability": 0.5, "speed": 0.9}));
    }

    #[test]
    fn a_language_is_told_to_the_models_that_take_one() {
        let code = |model: &str| {
            let config = config(json!({"model": model}));
            asked(&config, &speech(1.0, Some("pt-BR"))).1["language_code"].clone()
        };
        assert_eq!(code("eleven_flash_v2_5"), "pt");
        assert_eq!(code("eleven_v3"), "pt");
        assert_eq!(code("eleven_multilingual_v2"), Value::Null);
    }

    #[test]
    fn a_voice_that_would_lead_elsewhere_is_unknown() {
        for voice in ["", "..", "../user", "a b", "a?x=1", "%2e%2e"] {
            let speech = Speech {
                voice: voice.to_owned(),
                ..speech(1.0, None)
            };
            let answer = next(&config(json!({})), &speech, &[]);
            assert!(
                matches!(answer, Err(Problem::InvalidField(problem)) if problem.field == "voice"),
                "{voice}"
            );
        }
    }

    #[test]
    fn samples_and_files_are_told_apart() {
        let sound = [answered("audio/pcm", 32_000)];
        let expected = PcmOutcome {
            rate: 16_000,
            outcome: 0,
        };
        assert_eq!(
            next(&config(json!({})), &speech(1.0, None), &sound),
            Ok(Step::PcmOutcome(expected))
        );
        let mp3 = config(json!({"output_format": "mp3_44100_64"}));
        assert_eq!(
            next(&mp3, &speech(1.0, None), &sound),
            Ok(Step::Audio(Audio::Outcome(0)))
        );
    }

    #[test]
    fn words_and_silence_are_no_sound() {
        for outcome in [
            answered("application/json", 90),
            answered("text/html", 90),
            answered("audio/pcm", 0),
        ] {
            let answer = next(&config(json!({})), &speech(1.0, None), &[outcome]);
            assert!(matches!(answer, Err(Problem::Upstream(problem)) if problem.status == 200));
        }
    }
}
