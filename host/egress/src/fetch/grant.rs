//! What an operator allows one plugin. Nothing at all unless it is written down.

use switchboard_core::origin::Origin;

use super::credential::Credential;
use super::error::FetchError;

/// What is allowed, as it is written down.
#[derive(Debug, Clone, Default)]
pub struct GrantOptions {
    /// Where the plugin may go.
    pub origins: Vec<Origin>,
    /// Whether some of that may be next door: this machine, or a private network. Each such origin must still be written out.
    pub private: bool,
    /// What the plugin may be known by.
    pub credentials: Vec<Credential>,
    /// The largest body that the plugin may send, in bytes.
    pub max_request_bytes: usize,
}

/// Why a grant means something else than it says. The sentences are for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGrant {
    /// An origin next door without the word for it.
    #[error("{0} is on this machine or in a private network: grant it with private = true, or leave it out")]
    Private(Origin),
    /// Two credentials of one name.
    #[error("two credentials are called {0}")]
    Twice(String),
}

/// What one plugin may fetch. The default is nothing.
#[derive(Debug, Clone, Default)]
pub struct Grant {
    origins: Vec<Origin>,
    credentials: Vec<Credential>,
    max_request_bytes: usize,
}

impl Grant {
    /// Reads a grant.
    ///
    /// # Errors
    /// When it contradicts itself.
    pub fn new(options: GrantOptions) -> Result<Self, InvalidGrant> {
        let GrantOptions {
            origins,
            private,
            credentials,
            max_request_bytes,
        } = options;
        if let Some(near) = origins.iter().find(|origin| origin.is_near() && !private) {
            return Err(InvalidGrant::Private(near.clone()));
        }
        for (i, credential) in credentials.iter().enumerate() {
            if credentials[..i].iter().any(|other| other.name() == credential.name()) {
                return Err(InvalidGrant::Twice(credential.name().to_owned()));
            }
        }
        Ok(Self {
            origins,
            credentials,
            max_request_bytes,
        })
    }

    pub(super) fn check(&self, origin: &Origin) -> Result<(), FetchError> {
        let granted = self.origins.iter().any(|granted| granted.covers(origin));
        granted.then_some(()).ok_or_else(|| FetchError::NotGranted {
            origin: origin.to_string(),
        })
    }

    /// The credential that a request to `origin` names.
    pub(super) fn credential(&self, name: &str, origin: &Origin) -> Result<&Credential, FetchError> {
        let known = self.credentials.iter().find(|credential| credential.name() == name);
        let known = known.ok_or_else(|| FetchError::unknown_credential(name))?;
        known
            .is_for(origin)
            .then_some(known)
            .ok_or_else(|| FetchError::CredentialElsewhere {
                name: known.name().to_owned(),
                origin: origin.to_string(),
            })
    }

    /// All that must never be seen in an answer, whichever request it answers: a server may remember.
    pub(super) fn credentials(&self) -> &[Credential] {
        &self.credentials
    }

    pub(super) const fn max_request_bytes(&self) -> usize {
        self.max_request_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::super::CredentialOptions;
    use super::*;

    fn options(origins: &[&str]) -> GrantOptions {
        GrantOptions {
            origins: origins.iter().map(|origin| origin.parse().unwrap()).collect(),
            ..GrantOptions::default()
        }
    }

    fn credential(name: &str) -> Credential {
        Credential::new(CredentialOptions {
            name: name.to_owned(),
            header: "x-api-key".to_owned(),
            prefix: String::new(),
            secret: "hunter2-hunter2".to_owned().into(),
            origins: vec!["https://api.example.com".parse().unwrap()],
        })
        .unwrap()
    }

    #[test]
    fn nothing_is_granted_by_default() {
        let origin = "https://api.example.com".parse().unwrap();
        let error = Grant::default().check(&origin).unwrap_err();
        assert_eq!(
            error.to_string(),
            "https://api.example.com is not granted to this plugin"
        );
    }

    #[test]
    fn what_is_next_door_is_granted_on_purpose_or_not_at_all() {
        for origin in [
            "http://127.0.0.1:5000",
            "http://localhost",
            "http://piper:5000",
            "https://10.0.0.5",
        ] {
            let mut options = options(&["https://api.example.com", origin]);
            let error = Grant::new(options.clone()).unwrap_err();
            assert_eq!(error, InvalidGrant::Private(origin.parse().unwrap()));
            options.private = true;
            assert!(Grant::new(options).unwrap().check(&origin.parse().unwrap()).is_ok());
        }
    }

    #[test]
    fn private_widens_nothing_but_what_is_written_out() {
        let mut options = options(&["https://*.example.com", "http://127.0.0.1:5000"]);
        options.private = true;
        let grant = Grant::new(options).unwrap();
        for origin in [
            "http://127.0.0.1:5001",
            "http://127.0.0.2:5000",
            "http://localhost:5000",
            "https://127.0.0.1:5000",
        ] {
            assert!(grant.check(&origin.parse().unwrap()).is_err(), "{origin}");
        }
    }

    #[test]
    fn a_credential_is_found_by_its_name_and_for_its_origin() {
        let mut options = options(&["https://api.example.com", "https://other.example.com"]);
        options.credentials = vec![credential("one"), credential("two")];
        let grant = Grant::new(options.clone()).unwrap();
        let (here, elsewhere) = (&options.origins[0], &options.origins[1]);
        assert_eq!(grant.credential("two", here).unwrap().name(), "two");
        assert!(matches!(
            grant.credential("three", here),
            Err(FetchError::UnknownCredential { .. })
        ));
        assert!(matches!(
            grant.credential("two", elsewhere),
            Err(FetchError::CredentialElsewhere { .. })
        ));
        options.credentials.push(credential("one"));
        assert_eq!(Grant::new(options).unwrap_err(), InvalidGrant::Twice("one".to_owned()));
    }
}
