//! Why a plugin is not loaded, in sentences for the person who installed it.

use std::mem;

use crate::fault::Fault;
use crate::foreign::shown;

/// A plugin that was refused. The text names it and says what to change.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", shown(&format!("plugin {plugin} cannot be loaded: {reason}")))]
pub struct LoadError {
    /// Its id, or how its folder is called when that cannot be one.
    pub plugin: String,
    /// What is wrong with it.
    pub reason: Refusal,
}

impl LoadError {
    /// Of two that claim the same the later one is at fault, whichever of them was looked at first.
    pub(crate) fn laid_to(mut self, id: &str) -> Self {
        match &mut self.reason {
            Refusal::KindTaken { by, .. } | Refusal::RouteTaken { by, .. } if by == id => {
                mem::swap(by, &mut self.plugin);
            }
            _ => {}
        }
        self
    }
}

/// What is wrong with a plugin.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refusal {
    /// plugin.toml is not TOML, lacks a field, has one too many or one of the wrong type.
    #[error("its plugin.toml is wrong: {0}")]
    Manifest(String),
    /// It is made for another world or another version of it.
    #[error("it needs the world {wanted}; this host offers {offered}")]
    World {
        /// What the manifest says.
        wanted: String,
        /// What there is.
        offered: String,
    },
    /// The operator sets something that the plugin does not have.
    #[error("[grants.{id}] config sets {key}, which its plugin.toml does not have; it has {known}")]
    Setting {
        /// The plugin's id.
        id: String,
        /// What is set.
        key: String,
        /// What can be, joined by commas, or `nothing to set`.
        known: String,
    },
    /// The operator sets something to what it cannot be.
    #[error("[grants.{id}] config sets {key} to something else than {expected}, which it is in its plugin.toml")]
    SettingType {
        /// The plugin's id.
        id: String,
        /// Its name.
        key: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The operator sets something to what its schema does not allow.
    #[error("[grants.{id}] config is not what its plugin.toml allows: {sentence}")]
    SettingValue {
        /// The plugin's id.
        id: String,
        /// Which, and what is allowed.
        sentence: String,
    },
    /// It does not offer what its manifest claims.
    #[error("its plugin.toml claims the {what} {claimed}, where its component offers {offered}")]
    Claims {
        /// `kinds` or `routes`.
        what: &'static str,
        /// Those that are claimed and not offered.
        claimed: String,
        /// Those that are offered and not claimed.
        offered: String,
    },
    /// The operator pins the component by its fingerprint, and this is another.
    #[error("its component has the SHA-256 {found}, and the configuration pins {pinned}")]
    Pinned {
        /// What the component has.
        found: String,
        /// What the configuration says.
        pinned: String,
    },
    /// It asks for more than the operator allows.
    #[error("it asks for {limit} = {asked}; this host allows 1 to {most}")]
    Limit {
        /// The name of the limit.
        limit: &'static str,
        /// What the manifest says.
        asked: u32,
        /// What the host's configuration allows.
        most: u32,
    },
    /// The file is larger than is allowed.
    #[error("the component has {size_bytes} bytes; this host allows {most_mib} MiB")]
    TooLarge {
        /// Its size.
        size_bytes: usize,
        /// What the host's configuration allows.
        most_mib: u32,
    },
    /// The file is no component at all.
    #[error("the file {0}")]
    NotAComponent(&'static str),
    /// The file is damaged, or uses what this host does not support.
    #[error("the component is not valid: {0}")]
    Invalid(String),
    /// It imports what is not linked. Nothing outside is reachable from a plugin, so this is final.
    #[error(
        "it imports {strangers}, which no plugin may use; allowed are wasi:io, wasi:cli, wasi:clocks and wasi:random, version 0.2"
    )]
    Imports {
        /// All of them, joined by commas.
        strangers: String,
    },
    /// It does not export what its world promises.
    #[error("it does not export {wanted}; it exports {found}")]
    Exports {
        /// The interface.
        wanted: String,
        /// What it exports instead.
        found: String,
    },
    /// It exports the interface with other types.
    #[error("its exports do not have the types of the world: {0}")]
    Types(String),
    /// It could not even say what it offers.
    #[error("asked for its {what}, it failed: {fault}")]
    Asked {
        /// `kinds` or `routes`.
        what: &'static str,
        /// How.
        fault: String,
    },
    /// Nothing was free to ask it what it offers.
    #[error("it could not be asked for its {what}: {fault}")]
    Busy {
        /// `kinds` or `routes`.
        what: &'static str,
        /// For how long.
        fault: String,
    },
    /// The number of its kinds is not allowed.
    #[error("{0}")]
    Kinds(String),
    /// A route it offers is not usable.
    #[error("{0}")]
    Routes(String),
    /// Two plugins claim the same route.
    #[error("its route {route} is already served by the plugin {by}")]
    RouteTaken {
        /// The path.
        route: String,
        /// The plugin that was loaded first.
        by: String,
    },
    /// A kind it offers is not usable.
    #[error("its kind {kind:?} {fault}")]
    Kind {
        /// The name of the kind.
        kind: String,
        /// What is wrong with it.
        fault: String,
    },
    /// Two plugins claim the same kind.
    #[error("its kind {kind} is already handled by the plugin {by}")]
    KindTaken {
        /// The name of the kind.
        kind: String,
        /// The plugin that was loaded first.
        by: String,
    },
    /// Its files are not what they must be.
    #[error("{0}")]
    Files(String),
    /// Its files cannot be read now.
    #[error("{0}")]
    Unreadable(String),
    /// Its manifest has another id than it goes by.
    #[error("its plugin.toml says id = {found:?}; the id must be the name of its folder")]
    OtherId {
        /// What the manifest says.
        found: String,
    },
    /// Two plugins have the same id.
    #[error("another plugin has the same id")]
    IdTaken,
    /// Working on it made the host panic, whatever is in it.
    #[error("{what} made the host fail; please report this with the plugin and what stands on standard error")]
    Panicked {
        /// The work.
        what: &'static str,
    },
    /// There can be no thread to load it on, for the system's reason.
    #[error("there is no thread to load it on: {0}")]
    NoThread(String),
    /// The host is stopping.
    #[error("the host is stopping")]
    Stopping,
}

impl Refusal {
    /// For a plugin that did not say what it offers.
    pub(crate) fn asked(what: &'static str, fault: &Fault) -> Self {
        let is_busy = matches!(fault, Fault::Busy(_));
        let fault = fault.to_string();
        if is_busy {
            Self::Busy { what, fault }
        } else {
            Self::Asked { what, fault }
        }
    }

    /// Whether it has to do with this moment and not with the plugin: the same files may be taken at the next attempt.
    pub const fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Busy { .. } | Self::Unreadable(_) | Self::NoThread(_) | Self::Stopping
        )
    }
}
