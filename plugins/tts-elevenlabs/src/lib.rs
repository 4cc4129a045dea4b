//! Speech from ElevenLabs, in the voices of the account.

mod config;
mod failure;
mod format;
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
pub struct TtsElevenlabs;

impl Guest for TtsElevenlabs {
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
    use super::{TtsElevenlabs, bindings};

    bindings::export!(TtsElevenlabs with_types_in bindings);
}
