//! Speech from OpenAI, and from every service that speaks its API.
//!
//! Both functions take one fetch: first they ask for it, then they make of its outcome what the host wants.

mod config;
mod failure;
mod speech;
mod voices;

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "tts-provider-plugin",
        additional_derives: [PartialEq],
    });
}

use bindings::exports::switchboard::plugin::tts_provider::{
    Context, Guest, Outcome, Problem, Speech, Step, VoicesStep,
};
use config::Config;

/// The component.
#[derive(Debug)]
pub struct TtsOpenai;

impl Guest for TtsOpenai {
    fn voices(context: Context, outcomes: Vec<Outcome>) -> Result<VoicesStep, Problem> {
        voices::next(&Config::read(&context.config)?, &outcomes)
    }

    fn next(context: Context, speech: Speech, outcomes: Vec<Outcome>) -> Result<Step, Problem> {
        speech::next(&Config::read(&context.config)?, &speech, &outcomes)
    }
}

/// Only in the component: natively these symbols do not link, and the tests need none of them.
#[cfg(target_family = "wasm")]
#[expect(
    unsafe_code,
    reason = "the component model's calling convention, generated from wit/"
)]
mod export {
    use super::{TtsOpenai, bindings};

    bindings::export!(TtsOpenai with_types_in bindings);
}
