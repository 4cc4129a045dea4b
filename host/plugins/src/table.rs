//! Who serves what: every kind, route and voice of the plugins that are loaded and enabled, computed anew whenever one of them changes.
//!
//! What an operator added goes before what was shipped. A bundled handler of a kind that an added one took over stands behind it and
//! serves when that one is set aside. Among plugins of the same origin nobody goes before another, so a kind or a route that two of
//! them claim is refused to the second.

use std::collections::HashMap;
use std::sync::Arc;

use crate::dialect::Dialect;
use crate::handler::Handler;
use crate::kind::Kind;
use crate::load::Loaded;
use crate::load_error::{LoadError, Refusal};
use crate::plugin::Origin;
use crate::provider::Provider;
use crate::routes::Routes;

/// One plugin that was put in, whether it could be loaded or not.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) origin: Origin,
    pub(crate) is_enabled: bool,
    /// What serves: the last version that could be loaded.
    pub(crate) loaded: Option<Loaded>,
    /// Why the last attempt failed.
    pub(crate) error: Option<Arc<LoadError>>,
}

impl Entry {
    /// Whether an added plugin of its name is there in its place.
    pub(crate) fn is_replaced(&self, others: &[Self]) -> bool {
        let mut others = others.iter();
        others.any(|other| other.origin < self.origin && other.id == self.id && other.loaded.is_some())
    }
}

/// Everything that is served.
#[derive(Default)]
pub(crate) struct Table {
    /// In their order: added ones first, then by id.
    pub(crate) entries: Vec<Entry>,
    /// In the order of their plugins.
    pub(crate) kinds: Vec<Arc<Kind>>,
    /// For each kind those that handle it, the first before the others.
    pub(crate) handlers: HashMap<String, Vec<Arc<Handler>>>,
    pub(crate) dialects: Vec<Arc<Dialect>>,
    pub(crate) routes: Routes,
    pub(crate) providers: Vec<Arc<Provider>>,
}

impl Table {
    /// The table of these plugins.
    ///
    /// # Errors
    /// The first that claims what another of the same origin has.
    pub(crate) fn of(mut entries: Vec<Entry>) -> Result<Self, LoadError> {
        entries.sort_by(|a, b| (a.origin, &a.id).cmp(&(b.origin, &b.id)));
        let mut table = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for entry in &entries {
            let Some(loaded) = entry.loaded.as_ref().filter(|_| entry.is_enabled) else {
                continue;
            };
            // An added plugin stands in the place of the bundled one of its name.
            if seen.contains(&entry.id.as_str()) {
                continue;
            }
            seen.push(&entry.id);
            table.add(loaded).map_err(|reason| LoadError {
                plugin: entry.id.clone(),
                reason,
            })?;
        }
        table.entries = entries;
        Ok(table)
    }

    fn add(&mut self, loaded: &Loaded) -> Result<(), Refusal> {
        match loaded {
            Loaded::Handler(handler) => self.add_handler(handler),
            Loaded::Dialect(dialect) => match self.routes.add(dialect) {
                // All of it stands back: half a dialect would answer some calls in other words than the rest.
                Err(Refusal::RouteTaken { by, .. })
                    if dialect.plugin.origin == Origin::Bundled && self.is_added(&by) =>
                {
                    Ok(())
                }
                added => added.map(|()| self.dialects.push(Arc::clone(dialect))),
            },
            Loaded::Provider(provider) => {
                self.providers.push(Arc::clone(provider));
                Ok(())
            }
        }
    }

    fn add_handler(&mut self, handler: &Arc<Handler>) -> Result<(), Refusal> {
        for offer in &handler.kinds {
            let name = &offer.kind.name;
            let others = self.handlers.entry(name.clone()).or_default();
            match others.first() {
                Some(other) if other.plugin.origin == handler.plugin.origin => {
                    return Err(Refusal::KindTaken {
                        kind: name.clone(),
                        by: other.plugin.id.clone(),
                    });
                }
                Some(_) => {}
                None => self.kinds.push(Arc::clone(&offer.kind)),
            }
            others.push(Arc::clone(handler));
        }
        Ok(())
    }

    fn is_added(&self, id: &str) -> bool {
        let mut dialects = self.dialects.iter();
        dialects.any(|dialect| dialect.plugin.id == id && dialect.plugin.origin == Origin::Folder)
    }
}
