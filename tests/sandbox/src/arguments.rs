//! The command line of the sandbox, and the configuration that follows from it.

use std::env;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use clap::Parser;
use switchboard::cli::exit::{Exit, Fault};
use switchboard_core::config::{Config, ConfigFile, LogConfig};

/// Switchboard and a WhatsApp server of its own, with virtual phones, on this machine alone.
#[derive(Debug, Parser)]
#[command(name = "sandbox", version)]
pub(crate) struct Arguments {
    /// The port of the REST API; 0 takes any free one.
    #[arg(long, default_value_t = 4002)]
    pub(crate) port: u16,
    /// The folder that everything is kept in [default: target/sandbox].
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Sessions to have linked when it is ready. Those from the run before count.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=500))]
    pub(crate) linked: u16,
}

/// What the sandbox changes of the defaults. That this build accepts any certificate is what a sandbox is for, and no news.
const CONFIG: ConfigFile<'static> = ConfigFile {
    name: "sandbox",
    text: "[log]\nfilter = \"warn,switchboard_whatsapp::driver=error\"\n",
};

/// Sections whose variables reach the host: how it logs, and what its plugins may do. All else is the sandbox's own.
const SECTIONS: [&str; 3] = ["SWITCHBOARD_LOG__", "SWITCHBOARD_GRANTS__", "SWITCHBOARD_PLUGINS__"];

impl Arguments {
    /// The data folder: the one that was named, or `sandbox` in the folder that this program was built into.
    pub(crate) fn data_folder(&self) -> Result<PathBuf, Fault> {
        if let Some(named) = &self.data {
            return Ok(named.clone());
        }
        let program = env::current_exe().map_err(|error| Fault::new(Exit::Software, &error))?;
        // <target>/<profile>/sandbox
        let target = program.parent().and_then(|profile| profile.parent());
        target
            .map(|target| target.join("sandbox"))
            .ok_or_else(|| Fault::new(Exit::Usage, "name a data folder with --data"))
    }

    /// The host's configuration for a simulator that listens at `socket_url`.
    pub(crate) fn config(&self, data: PathBuf, socket_url: &str) -> Result<Config, Fault> {
        let mut config = load([("SWITCHBOARD_WHATSAPP__URL".to_owned(), socket_url.to_owned())])?;
        config.data.dir = data;
        config.server.listen = self.addresses();
        Ok(config)
    }

    /// Both loopback addresses; with any free port only one, because the two would get different ones.
    fn addresses(&self) -> Vec<SocketAddr> {
        let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, self.port));
        if self.port == 0 { vec![v4] } else { vec![v4, v6] }
    }
}

/// How the sandbox logs.
pub(crate) fn log() -> Result<LogConfig, Fault> {
    load([]).map(|config| config.log)
}

fn load(settings: impl IntoIterator<Item = (String, String)>) -> Result<Config, Fault> {
    let passed = env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        let is_passed = SECTIONS.iter().any(|section| name.starts_with(section));
        is_passed.then(|| (name, value.to_string_lossy().into_owned()))
    });
    Config::load(Some(CONFIG), passed.chain(settings)).map_err(|faults| Fault::new(Exit::Config, &faults))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_defaults_are_the_documented_ones() {
        Arguments::command().debug_assert();
        let arguments = Arguments::try_parse_from(["sandbox"]).unwrap();
        assert_eq!((arguments.port, arguments.linked, &arguments.data), (4002, 0, &None));
        assert!(arguments.data_folder().unwrap().ends_with("sandbox"));
    }

    #[test]
    fn the_host_listens_on_loopback_alone_and_dials_the_simulator() {
        let arguments = Arguments::try_parse_from(["sandbox", "--port", "5000"]).unwrap();
        let config = arguments
            .config("somewhere".into(), "ws://127.0.0.1:7/ws/chat")
            .unwrap();
        assert_eq!(
            config.server.listen,
            ["127.0.0.1:5000".parse().unwrap(), "[::1]:5000".parse().unwrap()]
        );
        assert_eq!(config.whatsapp.url.as_str(), "ws://127.0.0.1:7/ws/chat");
        assert_eq!(config.data.dir, PathBuf::from("somewhere"));
    }
}
