//! The voices of the account, over several pages.
//!
//! A plugin is called at most eight times for one answer, and the first call asks for the first page, so there are seven pages;
//! voices beyond them can be used by their id, but are not listed. A page must fit into the 256 KiB that a plugin gets to see.

use serde::Deserialize;

use crate::bindings::exports::switchboard::plugin::tts_provider::{
    Catalog, Outcome, Problem, TextLimit, Voice, VoicesStep,
};
use crate::bindings::switchboard::plugin::http::{Body, Data};
use crate::config::{CREDENTIAL, Config};
use crate::failure;

const MOST_PAGES: usize = 7;

#[derive(Deserialize)]
struct Page {
    voices: Vec<Listed>,
    #[serde(default)]
    has_more: bool,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    voice_id: String,
    name: Option<String>,
    description: Option<String>,
    labels: Option<Labels>,
}

#[derive(Deserialize, Default)]
struct Labels {
    language: Option<String>,
    gender: Option<String>,
    accent: Option<String>,
}

pub(crate) fn next(config: &Config, outcomes: &[Outcome]) -> Result<VoicesStep, Problem> {
    let pages = outcomes.iter().map(page).collect::<Result<Vec<_>, _>>()?;
    let token = match pages.last() {
        None => Some(None),
        Some(page) if page.has_more && pages.len() < MOST_PAGES => page.next_page_token.as_deref().map(Some),
        Some(_) => None,
    };
    if let Some(token) = token {
        let after = token.map(|token| format!("&next_page_token={}", escaped(token)));
        let path = format!("/v2/voices?page_size={}{}", config.page_size, after.unwrap_or_default());
        return Ok(VoicesStep::Do(vec![config.get(&path)]));
    }
    Ok(VoicesStep::Catalog(Catalog {
        voices: pages
            .into_iter()
            .flat_map(|page| page.voices)
            .map(Listed::into_voice)
            .collect(),
        limit: TextLimit::Characters(config.max_characters),
        speeds: config.speeds,
        credential: Some(CREDENTIAL.to_owned()),
    }))
}

fn page(outcome: &Outcome) -> Result<Page, Problem> {
    let answer = failure::answer(outcome)?;
    match &answer.body {
        Body::Whole(Data::Text(text)) => serde_json::from_str(text).map_err(|_| {
            failure::upstream(
                answer.status,
                "ElevenLabs answered the question for its voices with something else.",
            )
        }),
        Body::Whole(Data::Blob(_)) => Err(failure::upstream(
            answer.status,
            "A page of ElevenLabs' list of voices is too large: lower `page_size` in the configuration of this plugin.",
        )),
        _ => Err(failure::upstream(
            answer.status,
            "ElevenLabs answered the question for its voices with nothing.",
        )),
    }
}

/// `text` as a value in a query: everything but the unreserved characters of RFC 3986 in percent form.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

impl Listed {
    fn into_voice(self) -> Voice {
        let Labels {
            language,
            gender,
            accent,
        } = self.labels.unwrap_or_default();
        Voice {
            name: self.name.unwrap_or_else(|| self.voice_id.clone()),
            id: self.voice_id,
            language,
            gender,
            description: self.description.filter(|text| !text.is_empty()).or(accent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::switchboard::plugin::effects::Effect;
    use crate::bindings::switchboard::plugin::http::Response;
    use crate::bindings::switchboard::plugin::types::Blob;
    use crate::config::tests::config;
    use serde_json::{Value, json};

    fn answered(body: Body) -> Outcome {
        Outcome::Fetched(Response {
            status: 200,
            headers: vec![],
            body,
        })
    }

    fn page_of(voice: &str, next_page_token: Option<&str>) -> Outcome {
        let body = json!({
            "voices": [{
                "voice_id": voice,
                "name": "Rachel",
                "labels": {"gender": "female", "accent": "american", "language": "en", "age": "young"},
                "description": null,
                "samples": null,
            }],
            "has_more": next_page_token.is_some(),
            "total_count": 9,
            "next_page_token": next_page_token,
        });
        answered(Body::Whole(Data::Text(body.to_string())))
    }

    fn url(step: Result<VoicesStep, Problem>) -> String {
        match step {
            Ok(VoicesStep::Do(effects)) => match effects.as_slice() {
                [Effect::Fetch(fetch)] if !fetch.keep => fetch.request.url.clone(),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    fn catalog(step: Result<VoicesStep, Problem>) -> Catalog {
        match step {
            Ok(VoicesStep::Catalog(catalog)) => catalog,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn pages_are_read_until_there_are_no_more() {
        let config = config(json!({}));
        assert_eq!(
            url(next(&config, &[])),
            "https://api.elevenlabs.io/v2/voices?page_size=50"
        );
        let first = page_of("a", Some("x/y="));
        assert_eq!(
            url(next(&config, std::slice::from_ref(&first))),
            "https://api.elevenlabs.io/v2/voices?page_size=50&next_page_token=x%2Fy%3D"
        );
        let catalog = catalog(next(&config, &[first, page_of("b", None)]));
        let ids: Vec<_> = catalog.voices.iter().map(|voice| voice.id.as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
        let rachel = &catalog.voices[0];
        assert_eq!(
            (
                rachel.name.as_str(),
                rachel.language.as_deref(),
                rachel.gender.as_deref(),
                rachel.description.as_deref()
            ),
            ("Rachel", Some("en"), Some("female"), Some("american"))
        );
        assert_eq!(
            (catalog.limit, catalog.speeds),
            (TextLimit::Characters(5000), (0.7, 1.2))
        );
    }

    #[test]
    fn a_list_without_end_is_cut_where_the_host_would_stop_asking() {
        let pages: Vec<_> = (0..7).map(|n| page_of(&n.to_string(), Some("more"))).collect();
        assert_eq!(catalog(next(&config(json!({})), &pages)).voices.len(), 7);
    }

    #[test]
    fn an_answer_that_is_no_page_is_told() {
        let blob = Blob {
            id: "b".to_owned(),
            mime: "application/json".to_owned(),
            size: 300_000,
        };
        for (body, said) in [
            (Body::Whole(Data::Text(Value::Null.to_string())), "something else"),
            (Body::Whole(Data::Blob(blob)), "page_size"),
            (Body::Empty, "nothing"),
        ] {
            let answer = next(&config(json!({})), &[answered(body)]);
            assert!(
                matches!(answer, Err(Problem::Upstream(problem)) if problem.message.contains(said)),
                "{said}"
            );
        }
    }
}
