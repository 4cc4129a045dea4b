//! `switchboard token`: a token without a request, for scripts and for servers that give none by `GET /api/token`.
//!
//! It reads the signing key and nothing else, so it works while the server runs; whoever can read that file owns the server
//! anyway. Every call makes a new token. The server lists it, and can revoke it, once it has been used.

use std::io::Write;

use clap::Args;
use switchboard_core::access::{Access, Scope, Scopes, Sight};
use switchboard_core::clock::{Clock, SystemClock};
use switchboard_core::config::Config;
use switchboard_core::ids::SessionId;
use switchboard_core::random::{OsRandom, Random};
use switchboard_service::{NewToken, token_id};

use super::exit::{Exit, Fault};
use super::unwritten;
use crate::auth::jwt::Tokens;
use crate::auth::key_ring::KeyRing;
use crate::auth::keys::{Keys, KeysError};
use crate::auth::lifetime::Lifetime;
use crate::extract::Text;

/// The options of `POST /api/tokens`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Who will show it.
    #[arg(long, default_value = "cli")]
    name: Text<1, 100>,
    /// What it may do, with commas between: sessions:read, sessions:write, messages:send, messages:read, webhooks, plugins, admin.
    /// Without it: everything.
    #[arg(long, value_delimiter = ',', num_args = 1)]
    scopes: Vec<Scope>,
    /// The ids of the sessions that it is limited to, with commas between. Without it: every session.
    #[arg(long, value_name = "SESSION_IDS", value_delimiter = ',', num_args = 1)]
    sessions: Vec<SessionId>,
    /// How long it is valid, such as 15m, 24h or 90d; up to 366d. Without it: 90d.
    #[arg(long, value_name = "LIFETIME")]
    expires_in: Option<Lifetime>,
}

impl Options {
    fn token(self) -> NewToken {
        NewToken {
            name: self.name.into(),
            access: Access {
                scopes: if self.scopes.is_empty() {
                    Scopes::all()
                } else {
                    self.scopes.into_iter().collect()
                },
                sessions: if self.sessions.is_empty() {
                    Sight::All
                } else {
                    self.sessions.into_iter().collect()
                },
            },
            lifetime: self.expires_in.map(Lifetime::get),
        }
    }
}

pub(super) fn run(config: &Config, options: Options, out: &mut dyn Write) -> Result<(), Fault> {
    let token = mint(config, options.token(), &SystemClock, &OsRandom)?;
    writeln!(out, "{token}").map_err(|error| unwritten(&error))
}

fn mint(config: &Config, new: NewToken, clock: &dyn Clock, random: &dyn Random) -> Result<String, Fault> {
    new.check().map_err(|problem| Fault::new(Exit::Usage, &problem))?;
    let path = Keys::path(&config.data.dir);
    let keys = Keys::load(&path).map_err(|error| unusable(&error))?;
    let ring = KeyRing::new(path, keys);
    let tokens = Tokens::new(ring, config.auth.issuer.clone(), config.auth.audience.clone());
    let now = clock.now();
    let token = new.issue(token_id(random), now, None);
    tokens
        .sign(&token, now)
        .map_err(|error| Fault::new(Exit::Software, &error))
}

/// The keys cannot be used.
pub(super) fn unusable(error: &KeysError) -> Fault {
    let exit = match error {
        KeysError::Missing(_) => Exit::NoInput,
        KeysError::Malformed { .. } => Exit::Data,
        KeysError::Io { .. } => Exit::Io,
    };
    Fault::new(exit, error)
}

#[cfg(test)]
mod tests {
    use switchboard_core::clock::{ManualClock, UnixMillis};
    use switchboard_core::random::SeededRandom;

    use super::*;
    use crate::auth::jwt::Claims;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

    fn config(folder: &std::path::Path) -> Config {
        let mut config = Config::load::<&str, &str>(None, []).unwrap();
        config.data.dir = folder.to_owned();
        config
    }

    fn options() -> Options {
        Options {
            name: "cli".parse().unwrap(),
            scopes: Vec::new(),
            sessions: Vec::new(),
            expires_in: None,
        }
    }

    /// What a server reads in the token that these options give.
    fn read_by_the_server(options: Options) -> Claims {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        std::fs::create_dir(folder.path().join("keys")).unwrap();
        let path = Keys::path(folder.path());
        let keys = Keys::load_or_create(&path, &SeededRandom::new(1)).unwrap();
        let token = mint(&config, options.token(), &ManualClock::at(NOW), &SeededRandom::new(2)).unwrap();
        let server = Tokens::new(KeyRing::new(path, keys), config.auth.issuer, config.auth.audience);
        server.verify(&token, NOW).unwrap()
    }

    #[test]
    fn the_token_is_one_that_the_server_takes() {
        let claims = read_by_the_server(options());
        assert_eq!((claims.sub.as_str(), claims.exp - claims.iat), ("cli", 90 * 86_400));
        assert_eq!(claims.row().access, Access::full());
    }

    #[test]
    fn the_options_are_what_the_token_says() {
        let session = "qr_1_deadbeef".parse().unwrap();
        let claims = read_by_the_server(Options {
            name: "desk".parse().unwrap(),
            scopes: vec![Scope::MessagesSend],
            sessions: vec![session],
            expires_in: Some("1h".parse().unwrap()),
        });
        assert_eq!((claims.sub.as_str(), claims.exp - claims.iat), ("desk", 3600));
        assert_eq!(claims.scopes, [Scope::MessagesSend].into_iter().collect());
        assert_eq!(claims.sessions, Sight::from_iter([session]));
    }

    #[test]
    fn the_largest_token_that_is_made_is_one_that_the_server_takes() {
        let longest = |n: u64| format!("phone_{}_{n:08x}", u64::MAX - n).parse().unwrap();
        let claims = read_by_the_server(Options {
            name: "👋".repeat(100).parse().unwrap(),
            scopes: Scope::ALL.to_vec(),
            sessions: (0..64).map(longest).collect(),
            expires_in: None,
        });
        assert!(matches!(claims.sessions, Sight::Only(list) if list.len() == 64));
    }

    #[test]
    fn a_token_with_the_name_of_the_shared_one_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let named = Options {
            name: "app".parse().unwrap(),
            ..options()
        };
        let fault = mint(&config(folder.path()), named.token(), &SystemClock, &OsRandom).unwrap_err();
        assert_eq!(fault.exit, Exit::Usage);
    }

    #[test]
    fn before_the_first_start_there_is_no_key_and_none_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let fault = mint(&config(folder.path()), options().token(), &SystemClock, &OsRandom).unwrap_err();
        assert_eq!(fault.exit, Exit::NoInput);
        assert!(fault.sentence.contains("first time"), "{fault}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
