//! The data folder: `server.json` with the server's keys, and `accounts/<number>.json` with one account each.
//!
//! An account is written a moment after it changes (many changes, one write), and always whole: the new file is made aside
//! and then renamed over the old one. A killed process thus leaves complete files that are at most that moment old. There
//! is no fsync: the files survive the process, not a power cut.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Notify;

use crate::account::Account;
use crate::address::Number;
use crate::locked::Locked;
use crate::noise::certificate::ServerKeys;
use crate::random::Random;
use crate::server::Server;

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A file or folder cannot be read or written.
    #[error("{path} cannot be used: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file's content is not what was written.
    #[error("{path} is damaged: {source}")]
    Damaged {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

/// A data folder.
#[derive(Clone)]
pub(crate) struct Folder(PathBuf);

/// What a data folder holds.
pub(crate) struct Contents {
    pub(crate) keys: ServerKeys,
    pub(crate) accounts: Vec<Account>,
}

impl Folder {
    /// Opens a data folder, makes it if there is none, and reads everything in it.
    pub(crate) fn open(path: PathBuf, random: &Random) -> Result<(Self, Contents), DataError> {
        let folder = Self(path);
        let accounts_dir = folder.accounts();
        fs::create_dir_all(&accounts_dir).map_err(io_error(&accounts_dir))?;
        let keys = match read(&folder.server_file())? {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(damaged(&folder.server_file()))?,
            None => {
                let keys = ServerKeys::generate(random);
                let bytes = serde_json::to_vec(&keys).map_err(damaged(&folder.server_file()))?;
                replace(&folder.server_file(), &bytes)?;
                keys
            }
        };
        let mut accounts = Vec::new();
        for entry in fs::read_dir(&accounts_dir).map_err(io_error(&accounts_dir))? {
            let path = entry.map_err(io_error(&accounts_dir))?.path();
            // What was being made aside when the process ended is not the account's file.
            if path.extension().is_some_and(|extension| extension == "json") {
                let bytes = fs::read(&path).map_err(io_error(&path))?;
                accounts.push(Account::restore(&bytes).map_err(damaged(&path))?);
            }
        }
        Ok((folder, Contents { keys, accounts }))
    }

    fn server_file(&self) -> PathBuf {
        self.0.join("server.json")
    }

    fn accounts(&self) -> PathBuf {
        self.0.join("accounts")
    }

    fn write(&self, account: &Account) -> Result<(), DataError> {
        let path = self.accounts().join(format!("{}.json", account.number));
        replace(&path, &account.save().map_err(damaged(&path))?)
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, DataError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error(path)(error)),
    }
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), DataError> {
    let aside = path.with_extension("new");
    fs::write(&aside, bytes).map_err(io_error(&aside))?;
    fs::rename(&aside, path).map_err(io_error(path))
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> DataError {
    let path = path.to_owned();
    move |source| DataError::Io {
        path: path.clone(),
        source,
    }
}

fn damaged(path: &Path) -> impl Fn(serde_json::Error) -> DataError {
    let path = path.to_owned();
    move |source| DataError::Damaged {
        path: path.clone(),
        source,
    }
}

/// Knows which accounts have changed since they were written. Without a folder it knows nothing and does nothing.
pub(crate) struct Saver(Option<Changes>);

struct Changes {
    folder: Folder,
    changed: Locked<BTreeSet<Number>>,
    news: Notify,
}

impl Saver {
    pub(crate) fn new(folder: Option<Folder>) -> Self {
        Self(folder.map(|folder| Changes {
            folder,
            changed: Locked::default(),
            news: Notify::new(),
        }))
    }

    /// Notes that an account has changed.
    pub(crate) fn touch(&self, number: &Number) {
        if let Some(changes) = &self.0 {
            let mut changed = changes.changed.lock();
            if !changed.contains(number) {
                changed.insert(number.clone());
                changes.news.notify_one();
            }
        }
    }
}

/// Writes changed accounts until the server stops, and what is left then.
pub(crate) async fn save_changes(server: Arc<Server>) {
    let Some(changes) = &server.saver.0 else {
        return;
    };
    while !server.closing.is_cancelled() {
        tokio::select! {
            () = changes.news.notified() => tokio::time::sleep(server.timing.save_delay).await,
            () = server.closing.cancelled() => {}
        }
        let server = Arc::clone(&server);
        if let Err(error) = tokio::task::spawn_blocking(move || save(&server)).await {
            tracing::error!(%error, "saving accounts failed");
        }
    }
}

/// Writes all changed accounts. One that cannot be written stays changed.
pub(crate) fn save(server: &Server) {
    let Some(changes) = &server.saver.0 else {
        return;
    };
    let changed = std::mem::take(&mut *changes.changed.lock());
    for number in changed {
        let Some(account) = server.directory.get(&number) else {
            continue;
        };
        if let Err(error) = changes.folder.write(&account) {
            tracing::error!(%error, "an account cannot be saved");
            changes.changed.lock().insert(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> (Folder, Contents) {
        Folder::open(path.to_owned(), &Random::seeded(1)).unwrap()
    }

    #[test]
    fn an_account_comes_back_from_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, contents) = open(dir.path());
        assert!(contents.accounts.is_empty());
        let account = Account::create(Number::parse("15550000001").unwrap(), &Random::seeded(2)).unwrap();
        folder.write(&account).unwrap();
        let (_, again) = open(dir.path());
        assert_eq!(again.accounts[0].lid, account.lid);
    }

    #[test]
    fn a_half_written_file_is_ignored() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, _) = open(dir.path());
        fs::write(folder.accounts().join("15550000001.new"), b"{\"num").unwrap();
        assert!(open(dir.path()).1.accounts.is_empty());
    }

    #[test]
    fn a_damaged_file_is_named_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, _) = open(dir.path());
        let path = folder.accounts().join("15550000001.json");
        fs::write(&path, b"{}").unwrap();
        let error = Folder::open(dir.path().to_owned(), &Random::seeded(1)).err().unwrap();
        assert!(error.to_string().contains("15550000001.json"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"{}");
    }
}
