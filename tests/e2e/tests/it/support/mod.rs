//! What every test here stands on: a world of one simulator and one host, and a client that speaks to the host.

mod api;
mod events;
mod host;
pub(crate) mod proxy;
mod world;

pub(crate) use self::api::{Answer, Api};
pub(crate) use self::host::{Ended, Host};
pub(crate) use self::world::{World, desk, texts};

use std::time::Duration;

/// No single wait is longer. Generous, because a machine may run everything else at the same time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The number that most sessions here are linked to.
pub(crate) const DESK: &str = "15550000001";
/// The number that they write to.
pub(crate) const FRIEND: &str = "15550000002";
/// Another number with a session on the same host.
pub(crate) const OFFICE: &str = "15550000003";
