//! The configuration: defaults, then the operator's file, then the environment; read once at the start into types that are right.
//!
//! `switchboard.default.toml` holds every key with its default and is the documentation. All faults are reported together, each
//! with the place it stands in. Reading the file and the environment is the caller's: this is a function of texts.

mod fields;
mod grants;
mod sections;

use std::fmt;

use self::fields::{Fields, Origin};
pub use self::grants::{GrantConfig, Grants};
pub use self::sections::{
    AuthConfig, DataConfig, EgressConfig, LogConfig, LogFormat, MetricsConfig, PluginsConfig, SendConfig, ServerConfig,
    WebVersion, WhatsappConfig,
};

/// The commented defaults, as text.
pub const DEFAULTS: &str = include_str!("switchboard.default.toml");

/// The whole configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The REST API's listeners and limits.
    pub server: ServerConfig,
    /// The data folder.
    pub data: DataConfig,
    /// Tokens.
    pub auth: AuthConfig,
    /// Sending.
    pub send: SendConfig,
    /// The connection to WhatsApp.
    pub whatsapp: WhatsappConfig,
    /// What may be connected to.
    pub egress: EgressConfig,
    /// The plugin host.
    pub plugins: PluginsConfig,
    /// What single plugins may do.
    pub grants: Grants,
    /// The metrics.
    pub metrics: MetricsConfig,
    /// The log.
    pub log: LogConfig,
}

/// The operator's file: how to name it in a fault, and its text.
#[derive(Debug, Clone, Copy)]
pub struct ConfigFile<'a> {
    /// The path as the operator wrote it.
    pub name: &'a str,
    /// What it holds.
    pub text: &'a str,
}

impl Config {
    /// The configuration from the operator's file, if there is one, and the environment; variables that do not begin with
    /// `SWITCHBOARD_` or hold no `__` are not ours.
    ///
    /// # Errors
    /// All faults together: unknown sections and keys, values of a wrong type or outside what is allowed.
    pub fn load<K, V>(
        file: Option<ConfigFile<'_>>,
        environment: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, ConfigFaults>
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        let mut fields = Fields::default();
        fields.add_toml(&Origin::Defaults, DEFAULTS);
        if let Some(file) = file {
            fields.add_toml(&Origin::File(file.name.to_owned()), file.text);
        }
        for (name, value) in environment {
            fields.add_variable(name.as_ref(), value.as_ref());
        }
        let config = Self {
            server: ServerConfig::read(&mut fields),
            data: DataConfig::read(&mut fields),
            auth: AuthConfig::read(&mut fields),
            send: SendConfig::read(&mut fields),
            whatsapp: WhatsappConfig::read(&mut fields),
            egress: EgressConfig::read(&mut fields),
            plugins: PluginsConfig::read(&mut fields),
            grants: grants::read(&mut fields),
            metrics: MetricsConfig::read(&mut fields),
            log: LogConfig::read(&mut fields),
        };
        if config.server.request_timeout <= config.send.ack_timeout {
            fields.fault("server", "request_timeout", "must be longer than send.ack_timeout");
        }
        let faults = fields.finish();
        if faults.0.is_empty() { Ok(config) } else { Err(faults) }
    }
}

/// Everything that is wrong with a configuration, one line each, in the order of the documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFaults(Vec<String>);

impl ConfigFaults {
    /// The lines.
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for ConfigFaults {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NO_ENVIRONMENT: [(&str, &str); 0] = [];

    fn from_file(text: &str) -> Result<Config, ConfigFaults> {
        Config::load(
            Some(ConfigFile {
                name: "switchboard.toml",
                text,
            }),
            NO_ENVIRONMENT,
        )
    }

    #[test]
    fn the_defaults_file_alone_is_a_whole_configuration() {
        let config = Config::load(None, NO_ENVIRONMENT).unwrap();
        assert_eq!(config.server.listen.len(), 2);
        assert_eq!(config.metrics.listen, []);
        assert_eq!(config.egress.proxies, []);
        assert_eq!(config.send.ack_timeout, Duration::from_secs(15));
        assert_eq!(config.server.admin_key, None);
        assert_eq!(config.whatsapp.version, WebVersion::Auto);
        assert_eq!(config.plugins.precompiled_dir, None);
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
        let file = ConfigFile {
            name: "a.toml",
            text: "[send]\nack_timeout = \"3s\"\n[log]\nformat = \"json\"",
        };
        let environment = [
            ("SWITCHBOARD_SEND__ACK_TIMEOUT", "250ms"),
            ("SWITCHBOARD_SERVER__LISTEN", "0.0.0.0:1, [::]:2"),
            ("SWITCHBOARD_SERVER__MAX_BODY_KIB", "64"),
            ("SWITCHBOARD_AUTH__LOCAL_TOKEN", "false"),
            ("SWITCHBOARD_HOME", "not ours"),
            ("PATH", "/bin"),
        ];
        let config = Config::load(Some(file), environment).unwrap();
        assert_eq!(config.send.ack_timeout, Duration::from_millis(250));
        assert_eq!(config.log.format, LogFormat::Json);
        assert_eq!(
            config.server.listen,
            ["0.0.0.0:1".parse().unwrap(), "[::]:2".parse().unwrap()]
        );
        assert_eq!(config.server.max_body_kib, 64);
        assert!(!config.auth.local_token);
    }

    #[test]
    fn all_faults_are_reported_together_each_with_its_place() {
        let file =
            "[server]\nlisten = [\"nonsense\"]\nmax_body_kib = 0\ntypo = 1\n[sned]\nx = 1\n[send]\nack_timeout = 15\n";
        let faults = Config::load(
            Some(ConfigFile {
                name: "my.toml",
                text: file,
            }),
            [
                ("SWITCHBOARD_WHATSAPP__VERSION", "3"),
                ("SWITCHBOARD_LOG__COLOUR", "red"),
            ],
        )
        .unwrap_err();
        let text = faults.to_string();
        for part in [
            "my.toml: server.listen: ",
            "my.toml: server.max_body_kib: ",
            "my.toml: server.typo: ",
            "my.toml: sned: ",
            "my.toml: send.ack_timeout: ",
            "SWITCHBOARD_WHATSAPP__VERSION: ",
            "SWITCHBOARD_LOG__COLOUR: ",
        ] {
            assert!(text.contains(part), "{part:?} is missing in:\n{text}");
        }
        assert_eq!(faults.lines().len(), 7, "{text}");
    }

    #[test]
    fn a_file_that_is_not_toml_is_one_fault_with_its_line() {
        let text = from_file("[server\nlisten = 1").unwrap_err().to_string();
        assert!(text.contains("switchboard.toml") && text.contains("line 1"), "{text}");
    }

    #[test]
    fn values_outside_what_is_allowed_say_what_is() {
        for (text, expected) in [
            ("[server]\nadmin_key = \"short\"", "16 characters"),
            ("[server]\npublic_url = \"ftp://x\"", "http"),
            ("[server]\nlisten = []", "at least one"),
            ("[server]\nrequest_timeout = \"5s\"", "longer than send.ack_timeout"),
            ("[data]\ndir = \"\"", "must not be empty"),
            ("[data]\nseal_key = \"AAAA\"", "32 bytes"),
            ("[whatsapp]\nurl = \"https://web.whatsapp.com\"", "ws"),
            ("[whatsapp]\nversion = \"2.3000\"", "2.3000."),
            ("[whatsapp]\ndevice_name = \"\"", "1 to 50"),
            ("[egress]\nproxies = [\"10.0.0.5\"]", "a host and a port"),
            ("[plugins]\nmax_concurrent = 100000", "1 to 1000"),
            ("[plugins]\nmax_wasm_mib = 0", "1 to 256"),
            ("[metrics]\nlisten = \"9091\"", "addresses with a port"),
            ("[log]\nformat = \"xml\"", "text or json"),
            ("server = 1", "section"),
        ] {
            let fault = from_file(text).unwrap_err().to_string();
            assert!(fault.contains(expected), "{text:?} gave {fault:?}");
        }
    }

    #[test]
    fn secrets_are_not_shown_by_debug_nor_by_a_fault() {
        let config = from_file("[server]\nadmin_key = \"correct horse battery\"").unwrap();
        assert!(!format!("{config:?}").contains("horse"));
        let fault = from_file("[server]\nadmin_key = \"hunter2\"\n[data]\nseal_key = \"hunter2\"").unwrap_err();
        assert!(!fault.to_string().contains("hunter2"), "{fault}");
    }
}
