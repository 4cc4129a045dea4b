//! What a plugin claims in its manifest, for whoever reads that before anything is run: its kinds, or its routes. Where it claims any, the
//! component must offer just those.

use std::collections::BTreeSet;

use crate::load_error::Refusal;
use crate::world::World;

/// The claims of a manifest.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    what: &'static str,
    claimed: Option<BTreeSet<String>>,
}

impl Claims {
    /// Takes what is written: `kinds` of a message-handler, or `routes` of a dialect such as `POST /{version}/{phone}/messages`.
    pub(super) fn check(
        world: World,
        kinds: Option<Vec<String>>,
        routes: Option<Vec<String>>,
    ) -> Result<Self, Refusal> {
        if kinds.is_some() && world != World::MessageHandler {
            return Err(Refusal::Manifest("kinds are for message-handlers".to_owned()));
        }
        if routes.is_some() && world != World::Dialect {
            return Err(Refusal::Manifest("routes are for dialects".to_owned()));
        }
        let what = if world == World::Dialect { "routes" } else { "kinds" };
        let claimed = kinds.or(routes).map(|claimed| claimed.into_iter().collect());
        Ok(Self { what, claimed })
    }

    /// Compares them with what the component offers.
    pub(crate) fn hold(&self, offered: impl IntoIterator<Item = String>) -> Result<(), Refusal> {
        let Some(claimed) = &self.claimed else { return Ok(()) };
        let offered: BTreeSet<_> = offered.into_iter().collect();
        if *claimed == offered {
            return Ok(());
        }
        let joined = |of: &BTreeSet<String>, without: &BTreeSet<String>| {
            let of: Vec<_> = of.difference(without).map(String::as_str).collect();
            if of.is_empty() {
                "nothing else".to_owned()
            } else {
                of.join(", ")
            }
        };
        Err(Refusal::Claims {
            what: self.what,
            claimed: joined(claimed, &offered),
            offered: joined(&offered, claimed),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(kinds: &[&str]) -> Claims {
        let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        Claims::check(World::MessageHandler, Some(kinds), None).unwrap()
    }

    fn held(claims: &Claims, offered: &[&str]) -> String {
        let held = claims.hold(offered.iter().map(|kind| (*kind).to_owned()));
        held.err().map(|refusal| refusal.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_component_offers_what_is_claimed_and_nothing_else() {
        assert_eq!(held(&claims(&["a", "b"]), &["b", "a"]), "");
        assert_eq!(
            held(&claims(&["a", "b"]), &["b", "c", "d"]),
            "its plugin.toml claims the kinds a, where its component offers c, d"
        );
        assert_eq!(
            held(&claims(&["a"]), &["a", "b"]),
            "its plugin.toml claims the kinds nothing else, where its component offers b"
        );
        assert_eq!(held(&Claims::default(), &["a"]), "", "who claims nothing says nothing");
    }

    #[test]
    fn kinds_and_routes_are_each_for_their_world() {
        for (world, kinds, routes) in [
            (World::Dialect, true, false),
            (World::TtsProvider, true, false),
            (World::MessageHandler, false, true),
            (World::TtsProvider, false, true),
        ] {
            let claimed = |there: bool| there.then(Vec::new);
            assert!(Claims::check(world, claimed(kinds), claimed(routes)).is_err());
        }
    }
}
