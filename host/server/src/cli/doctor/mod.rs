//! `switchboard doctor`: looks at everything a start needs, changes nothing, and says what to do.
//!
//! Every check runs, whatever the others found; each is one line. A server that is running already is told apart from a fault.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use switchboard_core::config::Config;
use switchboard_core::random::OsRandom;
use switchboard_store::{DataFolder, OpenError, Probe, SealKey, check_seal_key, look};
use switchboard_whatsapp::{CertificateCheck, Driver};

use super::exit::{Exit, Fault};
use super::unwritten;
use crate::auth::keys::{Keys, KeysError};
use crate::listen::{self, Setting};
use crate::serve::ServeOptions;
use crate::wiring;

/// What a check found.
enum Finding {
    /// As it should be.
    Well(String),
    /// Worth knowing, and not in the way of a start.
    Note(String),
    /// In the way of a start; says what to do.
    Fault(String),
}
use Finding::{Note, Well};

pub(super) async fn run(config: Result<Config, Fault>, out: &mut dyn Write) -> Result<Exit, Fault> {
    let mut report = Report { out, faults: 0 };
    let config = match config {
        Ok(config) => config,
        Err(fault) => {
            report
                .line("configuration", Finding::Fault(fault.sentence))
                .map_err(|error| unwritten(&error))?;
            return Ok(Exit::Config);
        }
    };
    examine(&config, &mut report).await.map_err(|error| unwritten(&error))?;
    report.verdict().map_err(|error| unwritten(&error))
}

struct Report<'a> {
    out: &'a mut dyn Write,
    faults: usize,
}

impl Report<'_> {
    fn line(&mut self, what: &str, finding: Finding) -> io::Result<()> {
        let (mark, text) = match finding {
            Well(text) => ("ok   ", text),
            Note(text) => ("note ", text),
            Finding::Fault(text) => {
                self.faults += 1;
                ("FAULT", text)
            }
        };
        writeln!(self.out, "{mark}  {what}: {text}")
    }

    fn verdict(&mut self) -> io::Result<Exit> {
        match self.faults {
            0 => writeln!(self.out, "All is well.").map(|()| Exit::Ok),
            1 => writeln!(self.out, "One fault is in the way of a start.").map(|()| Exit::Unwell),
            n => writeln!(self.out, "{n} faults are in the way of a start.").map(|()| Exit::Unwell),
        }
    }
}

async fn examine(config: &Config, report: &mut Report<'_>) -> io::Result<()> {
    report.line("configuration", Well("can be used".to_owned()))?;
    let dir = &config.data.dir;
    let in_use = match folder(dir) {
        FolderState::Free(finding) => {
            report.line("data folder", finding)?;
            false
        }
        FolderState::InUse(finding) => {
            report.line("data folder", finding)?;
            true
        }
    };
    report.line("database", database(config))?;
    report.line("token keys", token_keys(dir))?;
    report.line("addresses", addresses(config, in_use).await)?;
    report.line("plugins", plugins(config).await)?;
    let (whatsapp, certificates) = whatsapp(config);
    report.line("WhatsApp", whatsapp)?;
    report.line("certificate check", certificates)
}

enum FolderState {
    Free(Finding),
    InUse(Finding),
}

fn folder(dir: &Path) -> FolderState {
    let shown = dir.display();
    match DataFolder::probe(dir) {
        Ok(Probe::Unused) => FolderState::Free(Note(format!(
            "{shown} has not been used yet; the first start sets it up"
        ))),
        Ok(Probe::Free) => FolderState::Free(Well(format!("{shown} is writable and free"))),
        Err(error @ OpenError::Locked { .. }) => FolderState::InUse(Note(format!("{error}. A server is running"))),
        Err(error) => FolderState::Free(Finding::Fault(error.to_string())),
    }
}

fn database(config: &Config) -> Finding {
    let seen = match look(&config.data.dir) {
        Ok(Some(seen)) => seen,
        Ok(None) => return Note("there is none yet; the first start makes it".to_owned()),
        Err(error) => return Finding::Fault(error.to_string()),
    };
    let ours = Driver::realm();
    if seen.realm != ours {
        return Finding::Fault(format!(
            "it belongs to the realm {}, and this build to {ours}; use another data.dir",
            seen.realm
        ));
    }
    if let Some(damage) = seen.damage.first() {
        return Finding::Fault(format!("it is damaged ({damage}); restore it from a backup"));
    }
    let given = config.data.seal_key.as_ref().and_then(|key| SealKey::parse(key).ok());
    if let Err(error) = check_seal_key(&config.data.dir, &seen, given, Arc::new(OsRandom)) {
        return Finding::Fault(error.to_string());
    }
    match seen.pending() {
        Err(mismatch) => Finding::Fault(format!("it does not fit this version: {mismatch}")),
        Ok([]) => Well(format!("realm {ours}, whole, up to date, and its seal key opens it")),
        Ok(pending) => Note(format!(
            "realm {ours}, whole; the next start applies {} migrations",
            pending.len()
        )),
    }
}

fn token_keys(dir: &Path) -> Finding {
    match Keys::load(&Keys::path(dir)) {
        Ok(_) => Well("can be used".to_owned()),
        Err(KeysError::Missing(_)) => Note("there are none yet; the first start makes one".to_owned()),
        Err(error) => Finding::Fault(error.to_string()),
    }
}

async fn addresses(config: &Config, in_use: bool) -> Finding {
    let list = config
        .server
        .listen
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    match listen::bind(Setting::Server, &config.server.listen).await {
        Ok(_) => Well(format!("free: {list}")),
        Err(error) if in_use => Note(format!("{error}; probably the running server")),
        Err(error) => Finding::Fault(error.to_string()),
    }
}

async fn plugins(config: &Config) -> Finding {
    match wiring::load_plugins(config, None).await {
        Ok(plugins) => {
            let kinds: Vec<_> = plugins.kinds().iter().map(|kind| kind.name.as_str()).collect();
            Well(format!("loaded; messages can be {}", kinds.join(", ")))
        }
        Err(error) => Finding::Fault(error.to_string()),
    }
}

fn whatsapp(config: &Config) -> (Finding, Finding) {
    match wiring::driver(config, &ServeOptions::default()) {
        Ok(driver) => {
            let certificates = match driver.certificate_check() {
                CertificateCheck::Enforced => Well("WhatsApp's certificate chain is checked".to_owned()),
                CertificateCheck::Skipped => Note(
                    "this build accepts any certificate, for the simulator, and therefore reaches loopback alone"
                        .to_owned(),
                ),
            };
            (
                Well(format!("{} can be dialled by this build", config.whatsapp.url)),
                certificates,
            )
        }
        Err(error) => (Finding::Fault(error.to_string()), Note("not known".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;
    use crate::serve::build;
    use crate::testing;

    async fn report(config: &Config) -> (Exit, String) {
        let mut out = Vec::new();
        let exit = run(Ok(config.clone()), &mut out).await.unwrap();
        (exit, String::from_utf8(out).unwrap())
    }

    /// A data folder after a first start and stop.
    async fn used(folder: &Path) -> Config {
        let config = testing::config(folder);
        let app = build(config.clone(), ServeOptions::default(), true).await.unwrap();
        app.service
            .shutdown(tokio::time::Instant::now() + std::time::Duration::from_secs(10))
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
        assert_eq!(run(Err(fault), &mut out).await.unwrap(), Exit::Config);
        assert!(String::from_utf8(out).unwrap().contains("server.listen: nonsense"));
    }
}
