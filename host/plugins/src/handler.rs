//! Message-handlers: which kinds one offers, and how a body becomes contents.

use std::sync::Arc;

use serde_json::Value;
use switchboard_core::problem::Problem;

use crate::aside::aside;
use crate::call::Occasion;
use crate::contract::content::Content;
use crate::contract::effects::Outcome;
use crate::contract::message_handler::{GuestIndices, Step};
use crate::effects::{Effects, Question, Turn, ask, checked_content, counted};
use crate::fault::Fault;
use crate::kind::{Kind, check_all};
use crate::load_error::Refusal;
use crate::plugin::{CallContext, Plugin};
use crate::schema::BodySchema;

/// Contents in one answer.
const MAX_CONTENTS: usize = 8;

/// A loaded message-handler.
#[derive(Debug)]
pub(crate) struct Handler {
    pub(crate) plugin: Plugin,
    exports: Exports,
    pub(crate) kinds: Vec<Offer>,
}

struct Exports(GuestIndices);

impl std::fmt::Debug for Exports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Exports")
    }
}

/// One kind, with its schema ready to be used.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) kind: Arc<Kind>,
    schema: Arc<BodySchema>,
}

impl Handler {
    /// Asks the plugin for its kinds and checks them.
    pub(crate) async fn new(plugin: Plugin, exports: GuestIndices) -> Result<Self, Refusal> {
        let asked = &exports;
        let kinds = plugin.call(Occasion::load(), |mut store, instance| async move {
            let guest = asked.load(&mut store, &instance)?;
            guest.call_kinds(&mut store).await
        });
        let kinds = kinds.await.map_err(|fault| Refusal::asked("kinds", &fault))?;
        plugin.claims.hold(kinds.iter().map(|kind| kind.name.clone()))?;
        let id = plugin.id.clone();
        // Schemas may be large.
        let checked = aside("checking its kinds", move || check_all(kinds, &id)).await??;
        let kinds = checked
            .into_iter()
            .map(|(kind, schema)| Offer {
                kind: Arc::new(kind),
                schema: Arc::new(schema),
            })
            .collect();
        Ok(Self {
            plugin,
            exports: Exports(exports),
            kinds,
        })
    }

    /// Turns the body of a send, without its envelope, into contents.
    pub(crate) async fn handle(
        &self,
        context: &CallContext,
        kind: &str,
        body: &Value,
        effects: &dyn Effects,
    ) -> Result<Vec<Content>, Problem> {
        let handling = self.handling(context, kind, body).await?;
        let answered = ask(&handling, effects).await?;
        self.plugin.did_well();
        Ok(answered.answer)
    }

    /// A body that its schema accepts, ready to be put to the plugin.
    pub(crate) async fn handling<'a>(
        &'a self,
        context: &'a CallContext,
        kind: &'a str,
        body: &Value,
    ) -> Result<Handling<'a>, Problem> {
        let text = body.to_string();
        if let Some(offer) = self.kinds.iter().find(|offer| offer.kind.name == kind) {
            offer.schema.check_request(body, text.len()).await?;
        }
        Ok(Handling {
            handler: self,
            context,
            kind,
            body: text,
        })
    }
}

/// One body on its way through a message-handler.
#[derive(Debug)]
pub(crate) struct Handling<'a> {
    handler: &'a Handler,
    context: &'a CallContext,
    kind: &'a str,
    body: String,
}

impl Question for Handling<'_> {
    type Answer = Vec<Content>;

    fn plugin(&self) -> &Plugin {
        &self.handler.plugin
    }

    async fn put(&self, outcomes: &[Outcome]) -> Result<Turn<Vec<Content>>, Problem> {
        let (plugin, exports) = (&self.handler.plugin, &self.handler.exports.0);
        let told = plugin.context(self.context);
        let answer = plugin.call(Occasion::of(self.context), |mut store, instance| async move {
            let guest = exports.load(&mut store, &instance)?;
            guest
                .call_next(&mut store, &told, self.kind, &self.body, outcomes)
                .await
        });
        plugin.settle(answer.await, |step| match step {
            Step::Do(effects) => Turn::effects(effects),
            Step::Send(contents) => checked(contents).map(Turn::Done),
        })
    }
}

fn checked(contents: Vec<Content>) -> Result<Vec<Content>, Fault> {
    counted("contents", contents.len(), MAX_CONTENTS)?;
    contents.iter().try_for_each(checked_content)?;
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::content::Text;
    use crate::contract::types::Open;

    fn text() -> Content {
        Content::Text(Text {
            body: "hi".into(),
            preview_url: true,
        })
    }

    #[test]
    fn one_to_eight_contents_pass_and_no_other_number() {
        for count in 0..12 {
            assert_eq!(
                checked(vec![text(); count]).is_ok(),
                (1..=8).contains(&count),
                "{count}"
            );
        }
    }

    #[test]
    fn an_open_content_has_a_name_and_an_object_and_imitates_no_type() {
        for (name, json, is_ok) in [
            ("hologram", "{}", true),
            ("hologram", "[]", false),
            ("hologram", "", false),
            ("Hologram", "{}", false),
            ("", "{}", false),
            ("text", "{}", false),
            ("interactive", "{}", false),
        ] {
            let open = Content::Other(Open {
                name: name.into(),
                json: json.into(),
            });
            assert_eq!(checked(vec![open]).is_ok(), is_ok, "{name} {json}");
        }
    }
}
