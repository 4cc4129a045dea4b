//! Answers with every sort of sound of switchboard:plugin@1.0.0.

mod bindings {
    wit_bindgen::generate!({
        path: "../../../../../../wit",
        world: "tts-provider-plugin",
    });
}

use bindings::exports::switchboard::plugin::tts_provider::{
    Audio, Base64Of, Catalog, Context, Effect, Guest, Outcome, Pcm, PcmOutcome, Problem, Speech, Step, TextLimit,
    Voice, VoicesStep,
};
use bindings::switchboard::plugin::effects::Fetch;
use bindings::switchboard::plugin::http::{Body, Method, Request};

pub struct Frozen;

impl Guest for Frozen {
    fn voices(context: Context, outcomes: Vec<Outcome>) -> Result<VoicesStep, Problem> {
        if outcomes.is_empty() {
            return Ok(VoicesStep::Do(vec![fetch()]));
        }
        let in_bytes = context.config.contains("bytes");
        Ok(VoicesStep::Catalog(Catalog {
            voices: vec![Voice {
                id: "alloy".to_owned(),
                name: "Alloy".to_owned(),
                language: Some("en-GB".to_owned()),
                gender: Some("female".to_owned()),
                description: Some("Clear.".to_owned()),
            }],
            limit: if in_bytes {
                TextLimit::Bytes(900)
            } else {
                TextLimit::Characters(4096)
            },
            speeds: (0.25, 4.0),
            credential: Some("key".to_owned()),
        }))
    }

    fn next(_context: Context, speech: Speech, outcomes: Vec<Outcome>) -> Result<Step, Problem> {
        match speech.voice.as_str() {
            "bytes" => Ok(Step::Audio(Audio::Bytes(vec![1, 2, 255]))),
            "pcm" => Ok(Step::Pcm(Pcm {
                rate: 16_000,
                samples: vec![i16::MIN, 0, i16::MAX],
            })),
            _ if outcomes.is_empty() => Ok(Step::Do(vec![fetch()])),
            "outcome" => Ok(Step::Audio(Audio::Outcome(0))),
            "base64" => Ok(Step::Audio(Audio::Base64Of(Base64Of {
                outcome: 0,
                pointer: "/audio".to_owned(),
            }))),
            "pcm-outcome" => Ok(Step::PcmOutcome(PcmOutcome {
                rate: 24_000,
                outcome: 0,
            })),
            _ => Err(Problem::Internal(format!("{speech:?}"))),
        }
    }
}

fn fetch() -> Effect {
    Effect::Fetch(Fetch {
        request: Request {
            method: Method::Get,
            url: "https://api.example.com/voices".to_owned(),
            headers: vec![],
            body: Body::Empty,
        },
        credential: None,
        keep: false,
        timeout_ms: None,
    })
}

bindings::export!(Frozen with_types_in bindings);
