//! Every voice there is.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use serde::Serialize;
use switchboard_core::ids::RequestId;
use switchboard_core::problem::{Code, Problem};
use switchboard_plugins::contract::tts_provider::Catalog;
use switchboard_plugins::{CallContext, Provider};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::catalogs::Offer;
use crate::effects::Carrier;
use crate::service::Service;

/// Speeds that every provider understands, as they are offered to a person.
const SPEEDS: [SpeedView; 4] = [
    SpeedView {
        value: "0.75",
        label: "Slow",
    },
    SpeedView {
        value: "1.00",
        label: "Normal",
    },
    SpeedView {
        value: "1.25",
        label: "Fast",
    },
    SpeedView {
        value: "1.50",
        label: "Very fast",
    },
];

/// How long a provider may take to say its voices.
const PATIENCE: Duration = Duration::from_secs(10);

/// The voices of all providers.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VoicesView {
    /// Always true.
    pub success: bool,
    /// The voices, by provider.
    pub voices: Vec<VoiceView>,
    /// Speeds to choose from. A send takes any number from 0.25 to 4.
    pub speeds: Vec<SpeedView>,
    /// The providers themselves, also those that say nothing of their voices.
    pub providers: Vec<ProviderView>,
}

/// One voice.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VoiceView {
    /// What stands in `voice` of a send.
    #[schema(example = "nova")]
    pub id: String,
    /// For a person.
    #[schema(example = "Nova")]
    pub name: String,
    /// Whose voice it is.
    #[schema(example = "tts-openai")]
    pub provider: String,
    /// The language that it speaks, as a BCP 47 tag; null when it speaks whatever it is given.
    pub language: Option<String>,
    /// As the provider says it.
    pub gender: Option<String>,
    /// A few words of the provider's.
    pub description: Option<String>,
    /// Whether it can be used at this moment.
    pub available: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A speed to choose.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct SpeedView {
    /// What stands in `speed` of a send.
    #[schema(example = "1.00")]
    pub value: &'static str,
    /// For a person.
    #[schema(example = "Normal")]
    pub label: &'static str,
}

/// One provider.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderView {
    /// The id of the plugin.
    #[schema(example = "tts-openai")]
    pub id: String,
    /// Whether it can be used at this moment.
    pub available: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

fn silent() -> Problem {
    let seconds = PATIENCE.as_secs();
    let sentence = format!("The provider did not say its voices within {seconds} seconds.");
    Problem::new(Code::UPSTREAM_FAILED, sentence)
}

impl Service {
    /// The voices of every provider. One that does not answer within ten seconds is told as unavailable, and is not waited for again for
    /// a minute.
    pub async fn voices(&self, request_id: RequestId) -> VoicesView {
        let context = CallContext {
            request_id,
            accepted_at: self.parts.clock.now(),
        };
        let providers = self.parts.plugins.providers();
        let offers = join_all(providers.iter().map(|provider| self.offer(provider, &context))).await;
        let mut view = VoicesView {
            success: true,
            voices: Vec::new(),
            speeds: SPEEDS.to_vec(),
            providers: Vec::new(),
        };
        for (provider, offer) in providers.iter().zip(offers) {
            let id = provider.plugin().id().to_owned();
            let reason = match &offer {
                Err(sentence) => Some(sentence.clone()),
                Ok(catalog) => self.missing_credential(provider, catalog.credential.as_deref()),
            };
            let available = reason.is_none();
            if let Ok(catalog) = offer {
                view.voices.extend(catalog.voices.iter().map(|voice| VoiceView {
                    id: voice.id.clone(),
                    name: voice.name.clone(),
                    provider: id.clone(),
                    language: voice.language.clone(),
                    gender: voice.gender.clone(),
                    description: voice.description.clone(),
                    available,
                    reason: reason.clone(),
                }));
            }
            view.providers.push(ProviderView { id, available, reason });
        }
        view
    }

    /// What a provider offers, as it is remembered or as it says.
    async fn offer(&self, provider: &Arc<Provider>, context: &CallContext) -> Offer {
        let key = format!("{} {}", provider.plugin().name(), provider.plugin().sha256());
        let accepted_at = context.accepted_at;
        let (service, provider, context) = (self.clone(), Arc::clone(provider), context.clone());
        let ask = async move {
            let carrier = Carrier::for_plugin(&service, &context);
            let offer = timeout(PATIENCE, provider.catalog(&context, &carrier)).await;
            let offer = offer.unwrap_or_else(|_| Err(silent()));
            offer.map(Arc::new).map_err(|problem| {
                let (plugin, cause) = (provider.plugin().name(), problem.cause_chain());
                tracing::warn!(request_id = %context.request_id, plugin, code = %problem.code(), cause, "a provider does not say its voices");
                problem.message().to_owned()
            })
        };
        self.parts.catalogs.get(&key, accepted_at, ask).await
    }

    fn missing_credential(&self, provider: &Provider, needed: Option<&str>) -> Option<String> {
        self.parts.grants.lacks(provider.plugin(), needed?)
    }

    /// A provider that can be used, and what it offers.
    ///
    /// # Errors
    /// `voice_unavailable` with the reason; `invalid_field` when there is none of this name.
    pub(super) async fn provider(
        &self,
        id: &str,
        context: &CallContext,
    ) -> Result<(Arc<Provider>, Arc<Catalog>), Problem> {
        let unavailable = |sentence: String| Problem::new(Code::VOICE_UNAVAILABLE, sentence).field("voice");
        let providers = self.parts.plugins.providers();
        let Some(provider) = providers.iter().find(|provider| provider.plugin().id() == id) else {
            let known: Vec<_> = providers.iter().map(|provider| provider.plugin().id()).collect();
            let sentence = format!("provider must be one of: {}.", known.join(", "));
            return Err(Problem::invalid_field("provider", sentence));
        };
        let catalog = self.offer(provider, context).await.map_err(unavailable)?;
        match self.missing_credential(provider, catalog.credential.as_deref()) {
            Some(reason) => Err(unavailable(reason)),
            None => Ok((Arc::clone(provider), catalog)),
        }
    }
}
