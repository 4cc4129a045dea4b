//! TTS providers: which voices one has, and how it turns text into sound.

use switchboard_core::problem::Problem;

use crate::call::Occasion;
use crate::contract::effects::Outcome;
use crate::contract::tts_provider::{Audio, Catalog, GuestIndices, Speech, Step, TextLimit, VoicesStep};
use crate::effects::{Answered, Effects, Question, Turn, ask};
use crate::fault::Fault;
use crate::plugin::{CallContext, Plugin};

/// Voices in one catalog.
const MOST_VOICES: usize = 5000;
/// Samples a second.
const RATES: std::ops::RangeInclusive<u32> = 8_000..=48_000;

/// A loaded tts-provider.
pub struct Provider {
    pub(crate) plugin: Plugin,
    exports: GuestIndices,
}

/// A sound, as a provider gives it.
#[derive(Debug, Clone, PartialEq)]
pub enum Sound {
    /// A file of any common form.
    File(Bytes),
    /// Samples of one channel.
    Samples {
        /// Samples a second, 8000 to 48000.
        rate: u32,
        /// The samples.
        samples: Vec<i16>,
    },
    /// Samples of one channel as bytes, little-endian.
    Raw {
        /// Samples a second, 8000 to 48000.
        rate: u32,
        /// Where they are.
        bytes: Bytes,
    },
}

/// Where the bytes of a sound are.
#[derive(Debug, Clone, PartialEq)]
pub enum Bytes {
    /// Here.
    Here(Vec<u8>),
    /// In the body of what was fetched, as an outcome.
    Body(Box<Outcome>),
    /// In Base64 inside the JSON that was fetched, at this JSON Pointer.
    Base64 {
        /// What was fetched.
        body: Box<Outcome>,
        /// RFC 6901.
        pointer: String,
    },
}

impl Provider {
    pub(crate) const fn new(plugin: Plugin, exports: GuestIndices) -> Self {
        Self { plugin, exports }
    }

    /// Whose provider it is.
    pub const fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    /// The voices there are.
    ///
    /// # Errors
    /// The plugin's own problem, or what went wrong with the plugin.
    pub async fn catalog(&self, context: &CallContext, effects: &dyn Effects) -> Result<Catalog, Problem> {
        let voices = Voices {
            provider: self,
            context,
        };
        let answered = ask(&voices, effects).await?;
        self.plugin.did_well();
        Ok(answered.answer)
    }

    /// The sound of a text.
    ///
    /// # Errors
    /// The plugin's own problem, or what went wrong with the plugin.
    pub async fn speak(&self, context: &CallContext, speech: &Speech, effects: &dyn Effects) -> Result<Sound, Problem> {
        let speaking = Speaking {
            provider: self,
            context,
            speech,
        };
        let Answered { answer, outcomes } = ask(&speaking, effects).await?;
        let sound = sound(answer, outcomes).map_err(|fault| self.plugin.failed(fault))?;
        self.plugin.did_well();
        Ok(sound)
    }

    /// One step of [`speak`](Self::speak), for a history of outcomes that is given.
    pub(crate) async fn step(
        &self,
        context: &CallContext,
        speech: &Speech,
        outcomes: &[Outcome],
    ) -> Result<Turn<Step>, Problem> {
        let speaking = Speaking {
            provider: self,
            context,
            speech,
        };
        let turn = speaking.put(outcomes).await?;
        if let Turn::Done(step) = &turn {
            sound(step.clone(), outcomes.to_vec()).map_err(|fault| self.plugin.failed(fault))?;
        }
        Ok(turn)
    }

    /// One step of [`catalog`](Self::catalog), for a history of outcomes that is given.
    pub(crate) async fn catalog_step(
        &self,
        context: &CallContext,
        outcomes: &[Outcome],
    ) -> Result<Turn<Catalog>, Problem> {
        let voices = Voices {
            provider: self,
            context,
        };
        voices.put(outcomes).await
    }
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider")
            .field("plugin", &self.plugin)
            .finish_non_exhaustive()
    }
}

struct Voices<'a> {
    provider: &'a Provider,
    context: &'a CallContext,
}

impl Question for Voices<'_> {
    type Answer = Catalog;

    fn plugin(&self) -> &Plugin {
        &self.provider.plugin
    }

    async fn put(&self, outcomes: &[Outcome]) -> Result<Turn<Catalog>, Problem> {
        let Provider { plugin, exports } = self.provider;
        let told = plugin.context(self.context);
        let answer = plugin.call(Occasion::of(self.context), |mut store, instance| async move {
            let guest = exports.load(&mut store, &instance)?;
            guest.call_voices(&mut store, &told, outcomes).await
        });
        plugin.settle(answer.await, |step| match step {
            VoicesStep::Do(effects) => Turn::effects(effects),
            VoicesStep::Catalog(catalog) => checked(catalog).map(Turn::Done),
        })
    }
}

struct Speaking<'a> {
    provider: &'a Provider,
    context: &'a CallContext,
    speech: &'a Speech,
}

impl Question for Speaking<'_> {
    type Answer = Step;

    fn plugin(&self) -> &Plugin {
        &self.provider.plugin
    }

    async fn put(&self, outcomes: &[Outcome]) -> Result<Turn<Step>, Problem> {
        let Provider { plugin, exports } = self.provider;
        let told = plugin.context(self.context);
        let answer = plugin.call(Occasion::of(self.context), |mut store, instance| async move {
            let guest = exports.load(&mut store, &instance)?;
            guest.call_next(&mut store, &told, self.speech, outcomes).await
        });
        plugin.settle(answer.await, |step| match step {
            Step::Do(effects) => Turn::effects(effects),
            done => Ok(Turn::Done(done)),
        })
    }
}

fn checked(catalog: Catalog) -> Result<Catalog, Fault> {
    let fault = |fault: String| Err(Fault::Contract(format!("a catalog {fault}")));
    let (slowest, fastest) = catalog.speeds;
    if !(slowest > 0.0 && slowest <= fastest && fastest <= 10.0) {
        return fault("whose speeds are not a range within 0 to 10".to_owned());
    }
    let (TextLimit::Characters(limit) | TextLimit::Bytes(limit)) = catalog.limit;
    if limit < 16 {
        return fault(format!("that takes texts up to {limit}; at least 16 must be possible"));
    }
    if catalog.voices.len() > MOST_VOICES {
        return fault(format!("of {} voices; {MOST_VOICES} are allowed", catalog.voices.len()));
    }
    match catalog
        .voices
        .iter()
        .find(|voice| voice.id.is_empty() || voice.id.len() > 200)
    {
        Some(_) => fault("with a voice whose id is not 1 to 200 bytes".to_owned()),
        None => Ok(catalog),
    }
}

fn sound(step: Step, mut outcomes: Vec<Outcome>) -> Result<Sound, Fault> {
    let mut fetched = |place: u32| {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        match outcomes.get(place) {
            Some(Outcome::Fetched(_)) => Ok(Box::new(outcomes.swap_remove(place))),
            _ => Err(Fault::Contract(format!(
                "a sound in the outcome {place}, which holds none"
            ))),
        }
    };
    let rated = |rate: u32| {
        if RATES.contains(&rate) {
            Ok(rate)
        } else {
            Err(Fault::Contract(format!("samples at {rate} Hz")))
        }
    };
    Ok(match step {
        Step::Audio(Audio::Bytes(bytes)) => Sound::File(Bytes::Here(bytes)),
        Step::Audio(Audio::Outcome(place)) => Sound::File(Bytes::Body(fetched(place)?)),
        Step::Audio(Audio::Base64Of(of)) => Sound::File(Bytes::Base64 {
            body: fetched(of.outcome)?,
            pointer: of.pointer,
        }),
        Step::Pcm(pcm) => Sound::Samples {
            rate: rated(pcm.rate)?,
            samples: pcm.samples,
        },
        Step::PcmOutcome(pcm) => Sound::Raw {
            rate: rated(pcm.rate)?,
            bytes: Bytes::Body(fetched(pcm.outcome)?),
        },
        Step::Do(_) => return Err(Fault::Contract("effects where a sound should be".to_owned())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::http::{Body, Response};
    use crate::contract::tts_provider::{Base64Of, Pcm, PcmOutcome};

    fn fetched() -> Outcome {
        Outcome::Fetched(Response {
            status: 200,
            headers: vec![],
            body: Body::Empty,
        })
    }

    #[test]
    fn a_sound_is_where_the_plugin_says_or_it_is_a_broken_contract() {
        let of = |step| sound(step, vec![Outcome::Done, fetched()]);
        let base64 = |outcome| {
            Step::Audio(Audio::Base64Of(Base64Of {
                outcome,
                pointer: "/audioContent".into(),
            }))
        };
        assert!(matches!(
            of(Step::Audio(Audio::Outcome(1))),
            Ok(Sound::File(Bytes::Body(_)))
        ));
        assert!(matches!(of(base64(1)), Ok(Sound::File(Bytes::Base64 { .. }))));
        for step in [
            Step::Audio(Audio::Outcome(0)),
            Step::Audio(Audio::Outcome(u32::MAX)),
            base64(7),
            Step::Pcm(Pcm {
                rate: 7_999,
                samples: vec![],
            }),
            Step::PcmOutcome(PcmOutcome {
                rate: 48_001,
                outcome: 1,
            }),
            Step::Do(vec![]),
        ] {
            assert!(matches!(of(step.clone()), Err(Fault::Contract(_))), "{step:?}");
        }
    }

    #[test]
    fn a_catalog_that_cannot_be_is_a_broken_contract() {
        let catalog = |limit, speeds| {
            checked(Catalog {
                voices: vec![],
                limit,
                speeds,
                credential: None,
            })
        };
        assert!(catalog(TextLimit::Characters(4096), (0.25, 4.0)).is_ok());
        for (limit, speeds) in [
            (TextLimit::Bytes(15), (0.5, 2.0)),
            (TextLimit::Bytes(5000), (2.0, 0.5)),
            (TextLimit::Bytes(5000), (0.0, 1.0)),
            (TextLimit::Bytes(5000), (f32::NAN, 1.0)),
            (TextLimit::Bytes(5000), (0.5, f32::INFINITY)),
        ] {
            assert!(catalog(limit, speeds).is_err(), "{limit:?} {speeds:?}");
        }
    }
}
