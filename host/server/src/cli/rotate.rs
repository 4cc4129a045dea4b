//! `switchboard token rotate`: a new key signs, the old ones go on verifying for a while.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use switchboard_core::clock::{Clock, SystemClock};
use switchboard_core::config::Config;
use switchboard_core::random::{OsRandom, Random};

use super::exit::Fault;
use super::token::unusable;
use super::unwritten;
use crate::auth::keys::Keys;
use crate::auth::lifetime::Lifetime;

/// How much time the old keys have.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// For how long tokens that were signed with the old keys stay valid, such as 24h; 0 ends them at once. Without it, each stays
    /// valid until its own end.
    #[arg(long, value_parser = overlap)]
    overlap: Option<Duration>,
}

fn overlap(text: &str) -> Result<Duration, &'static str> {
    match text {
        "0" => Ok(Duration::ZERO),
        text => text.parse().map(Lifetime::get),
    }
}

pub(super) fn run(config: &Config, options: &Options, out: &mut dyn Write) -> Result<(), Fault> {
    let sentence = rotate(config, options, &SystemClock, &OsRandom)?;
    writeln!(out, "{sentence}").map_err(|error| unwritten(&error))
}

fn rotate(config: &Config, options: &Options, clock: &dyn Clock, random: &dyn Random) -> Result<String, Fault> {
    let now = clock.now();
    let overlap = options.overlap.unwrap_or(Lifetime::LONGEST.get());
    let id = Keys::rotate(&Keys::path(&config.data.dir), overlap, now, random).map_err(|error| unusable(&error))?;
    let old = match options.overlap {
        None => "Tokens of the old keys stay valid until their own end.".to_owned(),
        Some(Duration::ZERO) => "Tokens of the old keys are refused from now on.".to_owned(),
        Some(overlap) => format!(
            "Tokens of the old keys are refused after {}.",
            now.plus(overlap).rfc3339()
        ),
    };
    Ok(format!("The key {id} signs tokens from now on. {old}"))
}

#[cfg(test)]
mod tests {
    use switchboard_core::clock::{ManualClock, UnixMillis};
    use switchboard_core::random::SeededRandom;

    use super::*;
    use crate::cli::exit::Exit;

    fn config(folder: &std::path::Path) -> Config {
        let mut config = Config::load::<&str, &str>(None, []).unwrap();
        config.data.dir = folder.to_owned();
        config
    }

    #[test]
    fn a_rotation_says_which_key_signs_and_what_becomes_of_the_old_tokens() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        std::fs::create_dir(folder.path().join("keys")).unwrap();
        Keys::load_or_create(&Keys::path(folder.path()), &SeededRandom::new(1)).unwrap();
        let clock = ManualClock::at(UnixMillis(1_800_000_000_000));
        for (seed, given, said, verify) in [
            (2, None, "until their own end", 2),
            (3, Some("1h"), "2027-01-15T09:00:00.000Z", 3),
            (4, Some("0"), "refused from now on", 1),
        ] {
            let options = Options {
                overlap: given.map(|text| overlap(text).unwrap()),
            };
            let sentence = rotate(&config, &options, &clock, &SeededRandom::new(seed)).unwrap();
            let keys = Keys::load(&Keys::path(folder.path())).unwrap();
            assert!(
                sentence.contains(keys.signing().0) && sentence.contains(said),
                "{sentence}"
            );
            assert_eq!(keys.verifying(clock.now()).count(), verify, "{given:?}");
        }
    }

    #[test]
    fn before_the_first_start_there_is_nothing_to_rotate() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { overlap: None };
        let fault = rotate(&config(folder.path()), &options, &SystemClock, &OsRandom).unwrap_err();
        assert_eq!(fault.exit, Exit::NoInput);
    }
}
