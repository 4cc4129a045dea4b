//! `switchboard doctor`: looks at everything that a server needs, changes nothing, and says what to do.
//!
//! Every check runs, whatever the others found; each finds one thing. A server that is running already is told apart from a fault.

mod clock;
mod data;
mod network;
mod report;

use std::io::{self, Write};
use std::net::SocketAddr;

use switchboard_core::config::Config;
use switchboard_service::unused_grants;

use self::clock::{Witnesses, clock};
pub(super) use self::report::Form;
use self::report::{Finding, Report};
use super::exit::{Exit, Fault};
use super::unwritten;
use crate::listen::{self, Setting};
use crate::log;
use crate::serve::ServeOptions;
use crate::wiring;
use Finding::{Note, Well};

pub(super) async fn run(
    config: Result<Config, Fault>,
    options: &ServeOptions,
    form: Form,
    out: &mut dyn Write,
) -> Result<Exit, Fault> {
    let mut report = Report::new(out, form);
    let examined = match &config {
        Ok(config) => examine(config, options, &mut report).await,
        Err(fault) => report.add("configuration", Finding::Fault(fault.sentence.clone())),
    };
    let exit = examined
        .and_then(|()| report.end())
        .map_err(|error| unwritten(&error))?;
    Ok(if config.is_err() { Exit::Config } else { exit })
}

async fn examine(config: &Config, options: &ServeOptions, report: &mut Report<'_>) -> io::Result<()> {
    report.add("configuration", configuration(config))?;
    let dir = &config.data.dir;
    let (folder, in_use) = data::folder(dir);
    report.add("data folder", folder)?;
    report.add("disk space", data::space(dir))?;
    let (database, seen) = data::database(config);
    report.add("database", database)?;
    report.add("token keys", data::token_keys(dir))?;
    report.add("privacy", data::privacy(dir))?;
    let listen = &config.server.listen;
    report.add("addresses", addresses(Setting::Server, listen, in_use).await)?;
    report.add("access", access(config))?;
    if !config.metrics.listen.is_empty() {
        let listen = &config.metrics.listen;
        report.add("metrics", addresses(Setting::Metrics, listen, in_use).await)?;
    }
    if let Some(url) = &config.server.public_url {
        report.add("public address", network::public_url(url, in_use).await)?;
    }
    report.add("plugins", plugins(config).await)?;
    let way = network::whatsapp(config, options).await;
    report.add("WhatsApp", way.whatsapp)?;
    report.add("certificate check", way.certificates)?;
    let witnesses = Witnesses {
        database: seen.and_then(|seen| seen.applied.last().map(|applied| applied.at)),
        whatsapp: way.date,
    };
    report.add("clock", clock(options.clock.now(), witnesses))
}

fn configuration(config: &Config) -> Finding {
    match log::check(&config.log) {
        Ok(()) => Well("can be used".to_owned()),
        Err(error) => Finding::Fault(error.to_string()),
    }
}

async fn addresses(setting: Setting, addresses: &[SocketAddr], in_use: bool) -> Finding {
    let list: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    match listen::bind(setting, addresses).await {
        Ok(_) => Well(format!("free: {}", list.join(", "))),
        Err(error) if in_use => Note(format!("{error}; probably the running server")),
        Err(error) => Finding::Fault(error.to_string()),
    }
}

/// How a client gets a token.
fn access(config: &Config) -> Finding {
    let server = &config.server;
    let only_here = server.listen.iter().all(|address| address.ip().is_loopback()) && server.public_url.is_none();
    Well(match (&server.admin_key, only_here && config.auth.local_token) {
        (Some(_), _) => "whoever has server.admin_key gets a token".to_owned(),
        (None, true) => "programs on this machine get a token".to_owned(),
        (None, false) => {
            let sentence = "nobody gets a token over HTTP: set server.admin_key (SWITCHBOARD_SERVER__ADMIN_KEY), or make tokens \
                            with `switchboard token`";
            return Note(sentence.to_owned());
        }
    })
}

async fn plugins(config: &Config) -> Finding {
    match wiring::load_plugins(config, None).await {
        Ok(plugins) => {
            wiring::plugin_folder(config, None, plugins.clone()).load().await;
            let states = plugins.states();
            let errors = states.iter().filter_map(|state| state.error.as_ref());
            let errors: Vec<_> = errors.map(ToString::to_string).collect();
            if !errors.is_empty() {
                return Finding::Fault(errors.join("; "));
            }
            let unused = unused_grants(&config.grants, &plugins);
            if !unused.is_empty() {
                return Note(format!("loaded; {}", unused.join("; ")));
            }
            let kinds: Vec<_> = plugins.kinds().iter().map(|kind| kind.name.clone()).collect();
            Well(format!("loaded; messages can be {}", kinds.join(", ")))
        }
        Err(error) => Finding::Fault(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};
    use std::time::{Duration, UNIX_EPOCH};

    use serde_json::Value;
    use switchboard_core::clock::{Clock as _, SystemClock, UnixMillis};
    use switchboard_core::config::GrantConfig;
    use switchboard_whatsapp::CertificateCheck;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use url::Url;

    use super::*;
    use crate::auth::keys::Keys;
    use crate::serve::{build, serve};
    use crate::testing;

    /// The report, of a machine that reaches WhatsApp.
    async fn report(config: &Config) -> (Exit, String) {
        let mut config = config.clone();
        config.whatsapp.url = whatsapp("101 Switching Protocols", SystemClock.now()).await;
        report_as_it_is(config, Form::Lines).await
    }

    async fn report_as_it_is(config: Config, form: Form) -> (Exit, String) {
        let mut out = Vec::new();
        let exit = run(Ok(config), &ServeOptions::default(), form, &mut out).await.unwrap();
        (exit, String::from_utf8(out).unwrap())
    }

    /// Answers whoever wants a WebSocket with this status, and tells the time on every other page.
    async fn whatsapp(status: &'static str, now: UnixMillis) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/ws/chat", listener.local_addr().unwrap());
        let date = httpdate::fmt_http_date(UNIX_EPOCH + now.since(UnixMillis(0)));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                let answer = if head.starts_with(b"GET /ws/chat ") {
                    format!(
                        "HTTP/1.1 {status}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n"
                    )
                } else {
                    format!("HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                };
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        url.parse().unwrap()
    }

    /// A data folder after a first start and stop.
    async fn used(folder: &Path) -> Config {
        let config = testing::config(folder);
        let app = build(config.clone(), ServeOptions::default(), true).await.unwrap();
        app.service
            .shutdown(tokio::time::Instant::now() + Duration::from_secs(10))
            .await;
        config
    }

    #[tokio::test]
    async fn before_the_first_start_all_is_well_and_nothing_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let (exit, text) = report(&testing::config(folder.path())).await;
        assert_eq!(exit, Exit::Ok, "{text}");
        assert!(
            text.contains("first start") && text.contains("messages can be text"),
            "{text}"
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_folder_that_was_used_is_whole_and_its_key_opens_it() {
        let folder = tempfile::tempdir().unwrap();
        let config = used(folder.path()).await;
        let (exit, text) = report(&config).await;
        assert_eq!(exit, Exit::Ok, "{text}");
        assert!(
            text.contains("is writable and free") && text.contains("its seal key opens it"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn a_folder_that_was_used_is_left_as_it_is_to_the_last_byte() {
        let folder = tempfile::tempdir().unwrap();
        let config = used(folder.path()).await;
        std::fs::remove_dir(folder.path().join("media")).unwrap();
        std::fs::write(folder.path().join("lock"), "of the process before").unwrap();
        let before = contents(folder.path());
        let (exit, text) = report(&config).await;
        assert_eq!(exit, Exit::Ok, "{text}");
        assert_eq!(contents(folder.path()), before);
    }

    /// Every path below `folder`, with the bytes of what is a file.
    fn contents(folder: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let mut found = BTreeMap::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.append(&mut contents(&path));
                found.insert(path, None);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                found.insert(path, Some(bytes));
            }
        }
        found
    }

    #[tokio::test]
    async fn a_running_server_is_no_fault() {
        let folder = tempfile::tempdir().unwrap();
        let config = testing::config(folder.path());
        let _running = build(config.clone(), ServeOptions::default(), true).await.unwrap();
        let (exit, text) = report(&config).await;
        assert_eq!(exit, Exit::Ok, "{text}");
        assert!(text.contains("A server is running"), "{text}");
    }

    #[tokio::test]
    async fn a_running_server_is_looked_for_at_its_public_address() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = testing::config(folder.path());
        let running = serve(config.clone(), ServeOptions::default()).await.unwrap();
        for (address, found) in [
            (running.url(), " leads here"),
            ("http://127.0.0.1:9".to_owned(), " cannot be reached"),
        ] {
            config.server.public_url = Some(address.parse().unwrap());
            let (exit, text) = report(&config).await;
            assert!(exit == Exit::Ok && text.contains(found), "{text}");
        }
        running.shutdown().await;
        let (_, text) = report(&config).await;
        assert!(text.contains("no server is running"), "{text}");
    }

    #[tokio::test]
    async fn every_fault_is_reported_and_not_only_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = used(folder.path()).await;
        let other_key = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=".to_owned();
        config.data.seal_key = Some(other_key.clone().into());
        std::fs::write(Keys::path(folder.path()), "{}").unwrap();
        let taken = listen::bind(Setting::Server, &config.server.listen).await.unwrap();
        config.server.listen = vec![taken[0].local_addr().unwrap()];
        let (exit, text) = report(&config).await;
        assert_eq!(exit, Exit::Unwell, "{text}");
        for part in ["FAULT  database", "FAULT  token keys", "FAULT  addresses", "3 faults"] {
            assert!(text.contains(part), "{part:?} is missing in:\n{text}");
        }
        assert!(!text.contains(&other_key));
    }

    #[tokio::test]
    async fn faults_of_the_configuration_are_the_whole_report() {
        let mut out = Vec::new();
        let fault = Fault::new(Exit::Config, "server.listen: nonsense");
        let exit = run(Err(fault), &ServeOptions::default(), Form::Lines, &mut out).await;
        assert_eq!(exit.unwrap(), Exit::Config);
        assert!(String::from_utf8(out).unwrap().contains("server.listen: nonsense"));
    }

    #[tokio::test]
    async fn whatsapp_out_of_reach_is_a_fault_and_so_is_an_answer_that_opens_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = testing::config(folder.path());
        let (exit, text) = report_as_it_is(config.clone(), Form::Lines).await;
        assert_eq!(exit, Exit::Unwell, "{text}");
        assert!(
            text.contains("FAULT  WhatsApp: ws://127.0.0.1:9/ws/chat cannot be reached"),
            "{text}"
        );

        config.whatsapp.url = whatsapp("403 Forbidden", SystemClock.now()).await;
        let (exit, text) = report_as_it_is(config, Form::Lines).await;
        assert_eq!(exit, Exit::Unwell, "{text}");
        assert!(text.contains("answers with status 403"), "{text}");
    }

    /// Only the build that the whole workspace makes is refused WhatsApp's own address, and only that one is asked here.
    #[tokio::test]
    async fn a_build_that_cannot_reach_whatsapp_is_told_how_to_make_one_that_can() {
        if CertificateCheck::of_this_build() == CertificateCheck::Enforced {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut config = testing::config(folder.path());
        config.whatsapp.url = "wss://web.whatsapp.com/ws/chat".parse().unwrap();
        let (exit, text) = report_as_it_is(config, Form::Lines).await;
        assert_eq!(exit, Exit::Unwell, "{text}");
        assert!(
            text.contains("; build it alone, with `cargo build --release -p switchboard`"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn a_setting_that_a_plugin_does_not_have_is_told_with_those_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = testing::config(folder.path());
        let mut grant = GrantConfig::default();
        grant.config.insert("defualt_language".to_owned(), "de".into());
        config.grants.insert("otp".to_owned(), grant);
        let (_, text) = report(&config).await;
        let sentence = "FAULT  plugins: plugin otp cannot be loaded: [grants.otp] config sets defualt_language, which its plugin.toml \
                        does not have; it has default_language\n";
        assert!(text.contains(sentence), "{text}");
    }

    #[tokio::test]
    async fn a_grant_for_the_added_plugin_is_no_fault_of_the_bundled_one_of_its_name_until_that_stands_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = testing::config(folder.path());
        let place = folder.path().join("plugins/otp");
        std::fs::create_dir_all(&place).unwrap();
        let otp = testing::shipped("otp");
        std::fs::write(
            place.join("plugin.toml"),
            otp.manifest.replace("[config]\n", "[config]\nown = \"\"\n"),
        )
        .unwrap();
        std::fs::write(place.join("plugin.wasm"), otp.wasm).unwrap();
        let mut grant = GrantConfig::default();
        grant.config.insert("own".to_owned(), "x".into());
        config.grants.insert("otp".to_owned(), grant);
        let (exit, text) = report(&config).await;
        assert_eq!(exit, Exit::Ok, "{text}");
        assert!(!folder.path().join("plugins.order").exists(), "it changes nothing");
        std::fs::remove_dir_all(place).unwrap();
        let (exit, text) = report(&config).await;
        assert!(
            exit == Exit::Unwell && text.contains("[grants.otp] config sets own, which its plugin.toml does not have"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn a_clock_that_is_not_whatsapps_is_told_and_a_program_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = testing::config(folder.path());
        let theirs = SystemClock.now().plus(Duration::from_secs(3600));
        config.whatsapp.url = whatsapp("101 Switching Protocols", theirs).await;
        let (exit, text) = report_as_it_is(config, Form::Json).await;
        let report: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (exit, &report["well"], &report["faults"]),
            (Exit::Unwell, &Value::from(false), &Value::from(1))
        );
        let checks = report["checks"].as_array().unwrap();
        let clock = checks.iter().find(|check| check["check"] == "clock").unwrap();
        assert_eq!(clock["level"], "fault");
        assert!(clock["says"].as_str().unwrap().contains("off WhatsApp's"), "{clock}");
    }

    #[tokio::test]
    async fn a_server_that_is_seen_from_outside_and_gives_nobody_a_token_is_told_so() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = testing::config(folder.path());
        assert!(matches!(access(&config), Well(_)));
        config.server.admin_key = None;
        assert_eq!(access(&config), Well("programs on this machine get a token".to_owned()));
        config.server.listen = vec!["[::]:0".parse().unwrap()];
        assert!(matches!(access(&config), Note(sentence) if sentence.contains("SWITCHBOARD_SERVER__ADMIN_KEY")));
    }

    #[tokio::test]
    async fn what_is_granted_to_nobody_is_worth_knowing_and_no_fault() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = testing::config(folder.path());
        let mut grant = GrantConfig::default();
        grant
            .credentials
            .insert("opennai".to_owned(), "sk-secret".to_owned().into());
        config.grants.insert("tts-openai".to_owned(), grant.clone());
        config.grants.insert("otpp".to_owned(), grant);
        let (exit, text) = report(&config).await;
        assert_eq!(exit, Exit::Ok, "{text}");
        let note = "note   plugins: loaded; grants.otpp: there is no plugin otpp; grants.tts-openai.credentials.opennai: the plugin asks \
                    for no credential of this name\n";
        assert!(text.contains(note) && !text.contains("sk-secret"), "{text}");
    }

    #[tokio::test]
    async fn a_filter_that_is_none_is_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = testing::config(folder.path());
        config.log.filter = "switchboard=loud".to_owned();
        let (_, text) = report(&config).await;
        assert!(text.contains("FAULT  configuration: log.filter"), "{text}");
    }
}
