//! The voices: those the operator lists, those the service lists, or else OpenAI's, which has no list to fetch.

use serde_json::Value;

use crate::bindings::exports::switchboard::plugin::tts_provider::{
    Catalog, Outcome, Problem, TextLimit, Voice, VoicesStep,
};
use crate::bindings::switchboard::plugin::http::{Body, Data, Response};
use crate::config::{Config, NamedVoice};
use crate::failure;

/// The voices of OpenAI's API reference. The models tts-1 and tts-1-hd are said to lack ballad, cedar, marin and verse.
const OPENAI: [&str; 13] = [
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse",
];

pub(crate) fn next(config: &Config, outcomes: &[Outcome]) -> Result<VoicesStep, Problem> {
    let voices = match (&config.voices, &config.voices_path, outcomes) {
        (Some(voices), _, _) => voices.iter().cloned().map(NamedVoice::into_voice).collect(),
        (None, None, _) => OPENAI.map(|id| NamedVoice::Id(id.to_owned()).into_voice()).into(),
        (None, Some(path), []) => return Ok(VoicesStep::Do(vec![config.fetch(path, None, false)])),
        (None, Some(_), [outcome, ..]) => listed(failure::answer(config, outcome)?)?,
    };
    Ok(VoicesStep::Catalog(Catalog {
        voices,
        limit: TextLimit::Characters(config.max_characters),
        speeds: config.speeds,
        credential: Some(config.credential.clone()).filter(|name| !name.is_empty()),
    }))
}

/// What a service lists, bare or as `voices` or `data`.
fn listed(answer: &Response) -> Result<Vec<Voice>, Problem> {
    let body: Value = match &answer.body {
        Body::Whole(Data::Text(text)) => serde_json::from_str(text).unwrap_or_default(),
        _ => Value::Null,
    };
    let lists = [&body, &body["voices"], &body["data"]];
    let entries = lists.into_iter().find_map(Value::as_array);
    let voices: Vec<_> = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| serde_json::from_value(entry.clone()).ok())
        .map(NamedVoice::into_voice)
        .collect();
    if voices.is_empty() {
        return Err(failure::upstream(
            answer.status,
            "The speech service answered the question for its voices with no list of them.",
        ));
    }
    Ok(voices)
}

impl NamedVoice {
    fn into_voice(self) -> Voice {
        match self {
            Self::Id(id) => Voice {
                name: capitalised(&id),
                id,
                language: None,
                gender: None,
                description: None,
            },
            Self::Described {
                id,
                name,
                language,
                gender,
                description,
            } => Voice {
                name: name.unwrap_or_else(|| capitalised(&id)),
                id,
                language,
                gender,
                description,
            },
        }
    }
}

/// `Nova` for `nova`; what is no plain word, such as `af_bella`, stays as it is.
fn capitalised(id: &str) -> String {
    let mut characters = id.chars();
    match characters.next() {
        Some(first) if id.bytes().all(|b| b.is_ascii_lowercase()) => {
            std::iter::once(first.to_ascii_uppercase()).chain(characters).collect()
        }
        _ => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::config;
    use serde_json::json;

    fn catalog(config: &Config, outcomes: &[Outcome]) -> Catalog {
        match next(config, outcomes) {
            Ok(VoicesStep::Catalog(catalog)) => catalog,
            other => panic!("{other:?}"),
        }
    }

    fn answered(body: &Value) -> Outcome {
        Outcome::Fetched(Response {
            status: 200,
            headers: vec![],
            body: Body::Whole(Data::Text(body.to_string())),
        })
    }

    #[test]
    fn openais_voices_need_no_request() {
        let catalog = catalog(&config(json!({})), &[]);
        let ids: Vec<_> = catalog.voices.iter().map(|voice| voice.id.as_str()).collect();
        for id in ["alloy", "nova", "coral"] {
            assert!(ids.contains(&id));
        }
        assert_eq!((ids.len(), catalog.voices[0].name.as_str()), (13, "Alloy"));
        assert_eq!(catalog.limit, TextLimit::Characters(4096));
        assert_eq!(catalog.speeds, (0.25, 4.0));
    }

    #[test]
    fn the_operators_list_goes_before_everything() {
        let config = config(json!({
            "voices": ["austin", {"id": "hannah", "name": "Hannah", "language": "en-US", "gender": "female"}],
            "voices_path": "/v1/audio/voices",
            "speeds": [0.5, 2],
            "max_characters": 200,
        }));
        let catalog = catalog(&config, &[]);
        assert_eq!(catalog.voices[0].name, "Austin");
        assert_eq!(catalog.voices[1].language.as_deref(), Some("en-US"));
        assert_eq!(
            (catalog.limit, catalog.speeds),
            (TextLimit::Characters(200), (0.5, 2.0))
        );
    }

    #[test]
    fn a_service_may_list_its_voices_in_any_of_the_usual_shapes() {
        let config = config(json!({"voices_path": "/v1/audio/voices"}));
        assert!(matches!(next(&config, &[]), Ok(VoicesStep::Do(effects)) if effects.len() == 1));
        for body in [
            json!({"voices": ["af_bella", "af_sky"]}),
            json!({"voices": [{"id": "af_bella", "name": "Bella"}, {"id": "af_sky"}, 7]}),
            json!({"data": [{"voice_id": "af_bella"}, {"voice_id": "af_sky"}]}),
            json!(["af_bella", "af_sky"]),
        ] {
            let ids: Vec<_> = catalog(&config, &[answered(&body)])
                .voices
                .into_iter()
                .map(|voice| voice.id)
                .collect();
            assert_eq!(ids, ["af_bella", "af_sky"], "{body}");
        }
        let plain = catalog(&config, &[answered(&json!(["af_bella", "nova"]))]).voices;
        assert_eq!([plain[0].name.as_str(), plain[1].name.as_str()], ["af_bella", "Nova"]);
    }

    #[test]
    fn an_answer_without_voices_is_a_failure_of_the_service() {
        let config = config(json!({"voices_path": "/v1/audio/voices"}));
        for body in [json!({"voices": []}), json!("hello"), json!(null)] {
            assert!(
                matches!(next(&config, &[answered(&body)]), Err(Problem::Upstream(_))),
                "{body}"
            );
        }
    }
}
