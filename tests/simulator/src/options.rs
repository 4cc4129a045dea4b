//! How a simulator is set up.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::random::Random;

/// How a simulator is set up. The default listens on free ports of 127.0.0.1 and keeps everything in memory.
#[derive(Clone)]
pub struct Options {
    /// Where clients connect. Loopback only.
    pub listen: SocketAddr,
    /// Where the admin interface listens. Loopback only.
    pub admin_listen: SocketAddr,
    /// The folder that accounts and the server's keys live in. `None` keeps them in memory.
    pub data_dir: Option<PathBuf>,
    /// How long things last.
    pub timing: Timing,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Where keys and ids come from.
    pub random: Random,
}

/// How long things last.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// How long a QR code can be scanned after the client connected. Clients show six codes for 160 s in all.
    pub ref_lifetime: Duration,
    /// How long a linking code can be entered.
    pub code_lifetime: Duration,
    /// How long a phone waits for the companion that it links.
    pub pairing_patience: Duration,
    /// How long a companion that logged out may take to close its socket.
    pub logout_linger: Duration,
    /// How long changes are collected before they are written; what a crash can lose.
    pub save_delay: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            ref_lifetime: Duration::from_secs(160),
            code_lifetime: Duration::from_secs(180),
            pairing_patience: Duration::from_secs(30),
            logout_linger: Duration::from_secs(1),
            save_delay: Duration::from_millis(50),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            listen: any_port,
            admin_listen: any_port,
            data_dir: None,
            timing: Timing::default(),
            clock: Arc::new(SystemClock),
            random: Random::from_system(),
        }
    }
}
