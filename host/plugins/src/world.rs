//! The three worlds a plugin can be made for.

use std::fmt;

/// The version of the contract that this host speaks; a patch of it adds no types.
pub(crate) const VERSION: &str = "1.0";

/// Interfaces that hold types alone: a component imports them to name what it exports.
pub(crate) const TYPES: [&str; 4] = [
    "switchboard:plugin/types",
    "switchboard:plugin/http",
    "switchboard:plugin/content",
    "switchboard:plugin/effects",
];

/// What a plugin is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum World {
    /// Turns the body of a send into contents.
    MessageHandler,
    /// Speaks somebody else's HTTP API.
    Dialect,
    /// Turns text into sound.
    TtsProvider,
}

impl World {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::MessageHandler, Self::Dialect, Self::TtsProvider];

    /// The name, such as `message-handler`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MessageHandler => "message-handler",
            Self::Dialect => "dialect",
            Self::TtsProvider => "tts-provider",
        }
    }

    /// From a manifest, which names the version too: `message-handler@1.0`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (name, version) = text.split_once('@')?;
        let world = Self::ALL.into_iter().find(|world| world.name() == name)?;
        (version == VERSION).then_some(world)
    }

    /// Those there are, for a sentence.
    pub(crate) fn offered() -> String {
        let names: Vec<_> = Self::ALL.iter().map(ToString::to_string).collect();
        names.join(", ")
    }

    /// The interface that a component of this world exports, without its version.
    pub(crate) fn interface(self) -> String {
        format!("switchboard:plugin/{}", self.name())
    }
}

/// With its version, as a manifest names it.
impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{VERSION}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_is_named_with_its_version() {
        for world in World::ALL {
            assert_eq!(World::parse(&world.to_string()), Some(world));
        }
        for other in [
            "message-handler",
            "message-handler@0.1",
            "message-handler@1",
            "handler@1.0",
            "",
        ] {
            assert_eq!(World::parse(other), None, "{other}");
        }
    }
}
