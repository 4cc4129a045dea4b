//! `switchboard token`: a token without a request, for scripts and for servers that give none by `GET /api/token`.
//!
//! It reads the signing key and nothing else, so it works while the server runs; whoever can read that file owns the server
//! anyway. Every call makes a new token. To take such tokens back, rotate the key.

use std::io::Write;

use switchboard_core::clock::{Clock, SystemClock};
use switchboard_core::config::Config;
use switchboard_core::ids::RequestId;
use switchboard_core::random::{OsRandom, Random};

use super::exit::{Exit, Fault};
use super::unwritten;
use crate::auth::app_token::LIFETIME;
use crate::auth::jwt::Tokens;
use crate::auth::key_ring::KeyRing;
use crate::auth::keys::{Keys, KeysError};
use crate::auth::scope::Scopes;

/// `sub` of the token.
const SUBJECT: &str = "cli";

pub(super) fn run(config: &Config, out: &mut dyn Write) -> Result<(), Fault> {
    let token = mint(config, &SystemClock, &OsRandom)?;
    writeln!(out, "{token}").map_err(|error| unwritten(&error))
}

fn mint(config: &Config, clock: &dyn Clock, random: &dyn Random) -> Result<String, Fault> {
    let path = Keys::path(&config.data.dir);
    let keys = Keys::load(&path).map_err(|error| unusable(&error))?;
    let tokens = Tokens::new(
        KeyRing::new(path, keys),
        config.auth.issuer.clone(),
        config.auth.audience.clone(),
    );
    let id = RequestId::mint(clock, random).to_string();
    let now = clock.now();
    let claims = tokens.claims(SUBJECT, id, now, LIFETIME, Scopes::all());
    tokens
        .sign(&claims, now)
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

    fn config(folder: &std::path::Path) -> Config {
        let mut config = Config::load::<&str, &str>(None, []).unwrap();
        config.data.dir = folder.to_owned();
        config
    }

    #[test]
    fn the_token_is_one_that_the_server_takes() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        std::fs::create_dir(folder.path().join("keys")).unwrap();
        let path = Keys::path(folder.path());
        let keys = Keys::load_or_create(&path, &SeededRandom::new(1)).unwrap();
        let clock = ManualClock::at(UnixMillis(1_800_000_000_000));
        let token = mint(&config, &clock, &SeededRandom::new(2)).unwrap();
        let server = Tokens::new(KeyRing::new(path, keys), config.auth.issuer, config.auth.audience);
        let claims = server.verify(&token, clock.now()).unwrap();
        assert_eq!((claims.sub.as_str(), claims.scopes), (SUBJECT, Scopes::all()));
    }

    #[test]
    fn before_the_first_start_there_is_no_key_and_none_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let fault = mint(&config(folder.path()), &SystemClock, &OsRandom).unwrap_err();
        assert_eq!(fault.exit, Exit::NoInput);
        assert!(fault.sentence.contains("first time"), "{fault}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
