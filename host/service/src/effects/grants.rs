//! What each plugin may reach and is known by: only what it asks for and the operator grants.

use switchboard_core::config::{GrantConfig, Grants};
use switchboard_core::origin::Origin;
use switchboard_core::problem::{Code, Problem};
use switchboard_egress::fetch::{Credential, CredentialOptions, Grant, GrantOptions};
use switchboard_plugins::{Asked, Plugin};

/// The largest body that a plugin may send.
const MOST_REQUEST_BYTES: usize = 16 * 1024 * 1024;

/// The operator's grants.
#[derive(Debug, Default)]
pub(crate) struct Granted(Grants);

impl Granted {
    pub(crate) const fn new(grants: Grants) -> Self {
        Self(grants)
    }

    /// What the operator says of a plugin.
    pub(crate) fn for_plugin(&self, id: &str) -> Option<&GrantConfig> {
        self.0.get(id)
    }

    /// Whether a plugin has been given a credential that it asks for.
    pub(crate) fn has_credential(&self, plugin: &Plugin, name: &str) -> bool {
        let config = self.0.get(plugin.id());
        plugin.asked().credentials.contains_key(name)
            && config.is_some_and(|config| config.credentials.contains_key(name))
    }

    /// What is missing when a plugin asks for a credential and has not been given it, in a sentence.
    pub(crate) fn lacks(&self, plugin: &Plugin, name: &str) -> Option<String> {
        let id = plugin.id();
        let is_missing = plugin.asked().credentials.contains_key(name) && !self.has_credential(plugin, name);
        is_missing.then(|| {
            format!("The credential {name} of the plugin {id} is not set; the operator sets it in [grants.{id}].")
        })
    }

    /// What a plugin may do: nothing without a grant, and nothing beyond what it asks for.
    ///
    /// # Errors
    /// `not_supported`, with the operator's mistake behind it: it is for the log, and no business of a client.
    pub(super) fn of(&self, plugin: &Plugin) -> Result<Grant, Problem> {
        match self.for_plugin(plugin.id()) {
            None => Ok(Grant::default()),
            Some(config) => grant(plugin, config).map_err(|mistake| {
                let id = plugin.id();
                let sentence = format!("The plugin {id} cannot be used as it is configured here; the log says why.");
                Problem::new(Code::NOT_SUPPORTED, sentence).cause(format!("grants.{id}: {mistake}"))
            }),
        }
    }
}

fn grant(plugin: &Plugin, config: &GrantConfig) -> Result<Grant, String> {
    let credentials = plugin.asked().credentials.iter().filter_map(|(name, asked)| {
        let options = CredentialOptions {
            name: name.clone(),
            header: asked.header.clone(),
            prefix: asked.prefix.clone(),
            secret: config.credentials.get(name)?.clone(),
            origins: asked.origins.iter().cloned().collect(),
        };
        Some(Credential::new(options).map_err(|invalid| format!("{name}: {invalid}")))
    });
    let options = GrantOptions {
        credentials: credentials.collect::<Result<_, _>>()?,
        origins: granted_origins(plugin.asked(), config),
        private: config.private,
        max_request_bytes: MOST_REQUEST_BYTES,
    };
    Grant::new(options).map_err(|invalid| invalid.to_string())
}

/// What is asked for and granted.
pub(crate) fn granted_origins(asked: &Asked, config: &GrantConfig) -> Vec<Origin> {
    let is_asked_for = |origin: &&Origin| asked.origins.iter().any(|asked| asked.covers(origin));
    config.allow.iter().filter(is_asked_for).cloned().collect()
}

/// Everything that is wrong with the secrets that are granted, one line each. What was written is not repeated: a secret may be among it.
pub fn mistakes(grants: &Grants) -> Vec<String> {
    let mut mistakes = Vec::new();
    let anywhere: Vec<Origin> = "https://example.com".parse().into_iter().collect();
    for (id, grant) in grants {
        for (name, secret) in &grant.credentials {
            // The header and the origins are the plugin's to say.
            let options = CredentialOptions {
                name: name.clone(),
                header: "x-credential".to_owned(),
                prefix: String::new(),
                secret: secret.clone(),
                origins: anywhere.clone(),
            };
            if let Err(mistake) = Credential::new(options) {
                mistakes.push(format!("grants.{id}.credentials.{name}: {mistake}"));
            }
        }
    }
    mistakes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_told_with_its_place_and_no_secret() {
        let grant = GrantConfig {
            credentials: [
                ("key".to_owned(), "hunter22\n".to_owned().into()),
                ("pin".to_owned(), "1234".to_owned().into()),
                ("good".to_owned(), "hunter22".to_owned().into()),
            ]
            .into(),
            ..GrantConfig::default()
        };
        let mistakes = mistakes(&Grants::from([("otp".to_owned(), grant)]));
        assert_eq!(mistakes.len(), 2, "{mistakes:?}");
        assert!(mistakes[0].starts_with("grants.otp.credentials.key: "));
        assert!(mistakes[1].starts_with("grants.otp.credentials.pin: "));
        assert!(
            !mistakes.concat().contains("hunter22") && !mistakes.concat().contains("1234"),
            "{mistakes:?}"
        );
    }
}
