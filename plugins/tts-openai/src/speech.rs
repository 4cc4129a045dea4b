//! The request for speech, and the sound in its answer.

use serde_json::{Map, Value};

use crate::bindings::exports::switchboard::plugin::tts_provider::{Audio, Outcome, PcmOutcome, Problem, Speech, Step};
use crate::bindings::switchboard::plugin::http::{Body, Data, Response};
use crate::config::Config;
use crate::failure;

const PATH: &str = "/v1/audio/speech";

/// The format that has no header.
const PCM: &str = "pcm";

pub(crate) fn next(config: &Config, speech: &Speech, outcomes: &[Outcome]) -> Result<Step, Problem> {
    match outcomes {
        [] => Ok(Step::Do(vec![config.fetch(PATH, Some(body(config, speech)), true)])),
        [outcome] => {
            must_be_sound(failure::answer(config, outcome)?)?;
            Ok(sound(config))
        }
        _ => Err(Problem::Internal("there are more outcomes than effects".to_owned())),
    }
}

fn body(config: &Config, speech: &Speech) -> String {
    let mut fields = Map::new();
    fields.insert("model".to_owned(), config.model.as_str().into());
    fields.insert("input".to_owned(), speech.text.as_str().into());
    fields.insert("voice".to_owned(), speech.voice.as_str().into());
    fields.insert("response_format".to_owned(), config.response_format.as_str().into());
    if let Some(instructions) = &config.instructions {
        fields.insert("instructions".to_owned(), instructions.as_str().into());
    }
    // Some services refuse a speed altogether, and none needs to be told to speak as it does.
    if speech.speed != 1.0 {
        fields.insert("speed".to_owned(), shortest(speech.speed));
    }
    fields.extend(config.extra.clone());
    Value::Object(fields).to_string()
}

/// 0.9 as 0.9, and not as the 0.8999999761581421 that it is nearest to in single precision.
fn shortest(speed: f32) -> Value {
    serde_json::from_str(&speed.to_string()).unwrap_or(Value::Null)
}

/// Some services, and more of the proxies before them, answer 200 with the words for a failure.
fn must_be_sound(answer: &Response) -> Result<(), Problem> {
    let words = |mime: &str| mime.starts_with("text/") || mime.starts_with("application/json");
    match &answer.body {
        Body::Whole(Data::Blob(blob)) if blob.size > 0 && !words(&blob.mime) => Ok(()),
        Body::Whole(Data::Bytes(bytes)) if !bytes.is_empty() => Ok(()),
        _ => Err(failure::upstream(
            answer.status,
            "The speech service answered without any sound.",
        )),
    }
}

fn sound(config: &Config) -> Step {
    if config.response_format == PCM {
        Step::PcmOutcome(PcmOutcome {
            rate: config.pcm_rate,
            outcome: 0,
        })
    } else {
        Step::Audio(Audio::Outcome(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::switchboard::plugin::effects::Effect;
    use crate::bindings::switchboard::plugin::types::Blob;
    use crate::config::tests::config;
    use serde_json::json;

    fn speech(speed: f32) -> Speech {
        Speech {
            text: "Hello".to_owned(),
            voice: "nova".to_owned(),
            speed,
            language: None,
        }
    }

    fn asked(config: &Config, speech: &Speech) -> Value {
        let Ok(Step::Do(effects)) = next(config, speech, &[]) else {
            panic!("nothing is asked for")
        };
        match effects.as_slice() {
            [Effect::Fetch(fetch)] => match &fetch.request.body {
                Body::Whole(Data::Text(json)) if fetch.keep => serde_json::from_str(json).unwrap(),
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
    fn a_request_holds_what_is_needed_and_nothing_a_service_may_not_know() {
        assert_eq!(
            asked(&config(json!({})), &speech(1.0)),
            json!({"model": "gpt-4o-mini-tts", "input": "Hello", "voice": "nova", "response_format": "wav"})
        );
    }

    #[test]
    fn what_the_operator_sets_goes_into_the_request() {
        let kokoro = config(
            json!({"model": "kokoro", "instructions": "Slowly.", "extra": {"stream": false, "model": "kokoro-2"}}),
        );
        let asked = asked(&kokoro, &speech(0.9));
        assert_eq!(asked["stream"], false);
        assert_eq!(asked["model"], "kokoro-2");
        assert_eq!(asked["instructions"], "Slowly.");
        assert_eq!(asked["speed"], 0.9);
    }

    #[test]
    fn the_sound_stays_where_it_is() {
        let sound = answered("audio/wav", 48_044);
        assert_eq!(
            next(&config(json!({})), &speech(1.0), std::slice::from_ref(&sound)),
            Ok(Step::Audio(Audio::Outcome(0)))
        );
        let pcm = config(json!({"response_format": "pcm"}));
        let expected = PcmOutcome {
            rate: 24_000,
            outcome: 0,
        };
        assert_eq!(next(&pcm, &speech(1.0), &[sound]), Ok(Step::PcmOutcome(expected)));
    }

    #[test]
    fn words_and_silence_are_no_sound() {
        for outcome in [
            answered("application/json", 90),
            answered("text/html; charset=utf-8", 90),
            answered("audio/wav", 0),
        ] {
            let answer = next(&config(json!({})), &speech(1.0), &[outcome]);
            assert!(matches!(answer, Err(Problem::Upstream(problem)) if problem.status == 200));
        }
    }
}
