//! The keys that sign tokens: `keys/jwt.json` in the data folder.
//!
//! The file holds a list. The first key signs, all of them verify. To rotate, put a new key in front and start again; take the
//! old one out when its last token has expired, or at once to revoke all of its tokens.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::{Deserialize, Serialize};
use switchboard_core::random::{self, Random};

/// Shorter secrets could be guessed: RFC 7518, section 3.2 asks for the size of the hash.
const SHORTEST_SECRET: usize = 32;

/// The key file could not be read or made.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// There is none yet.
    #[error("there is no {0} yet; it is made when `switchboard` starts for the first time")]
    Missing(PathBuf),
    /// It is not what it should be. The text never repeats what it holds.
    #[error(
        "{path} is damaged: {fault}. Put it back from a copy, or remove it: then every token has to be fetched anew"
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: &'static str,
    },
    /// The operating system refused.
    #[error("cannot read or write {path}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Its reason.
        #[source]
        cause: io::Error,
    },
}

/// The list of keys: one signs, all verify.
pub(crate) struct Keys {
    signing: EncodingKey,
    signing_id: String,
    verifying: Vec<(String, DecodingKey)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    keys: Vec<KeyEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyEntry {
    kid: String,
    /// Base64 for URLs, without padding.
    secret: String,
}

impl Keys {
    /// Where the file stands in a data folder.
    pub(crate) fn path(data_dir: &Path) -> PathBuf {
        data_dir.join("keys").join("jwt.json")
    }

    /// Reads the file.
    ///
    /// # Errors
    /// When it is missing, unreadable or malformed.
    pub(crate) fn load(path: &Path) -> Result<Self, KeysError> {
        let text = fs::read(path).map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => KeysError::Missing(path.to_owned()),
            _ => KeysError::Io {
                path: path.to_owned(),
                cause,
            },
        })?;
        let malformed = |fault| KeysError::Malformed {
            path: path.to_owned(),
            fault,
        };
        let file: KeyFile = serde_json::from_slice(&text)
            .map_err(|_| malformed("it is not {\"keys\": [{\"kid\": ..., \"secret\": ...}]}"))?;
        Self::from_file(&file).map_err(malformed)
    }

    /// Reads the file, or makes it with one new key. The caller holds the data folder's lock.
    ///
    /// # Errors
    /// As [`Keys::load`], and when the file cannot be written.
    pub(crate) fn load_or_create(path: &Path, random: &dyn Random) -> Result<Self, KeysError> {
        match Self::load(path) {
            Err(KeysError::Missing(_)) => {
                let entry = KeyEntry {
                    kid: random::array::<4>(random)
                        .iter()
                        .map(|byte| format!("{byte:02x}"))
                        .collect(),
                    secret: BASE64_URL_SAFE_NO_PAD.encode(random::array::<SHORTEST_SECRET>(random)),
                };
                write_new(path, &KeyFile { keys: vec![entry] }).map_err(|cause| KeysError::Io {
                    path: path.to_owned(),
                    cause,
                })?;
                Self::load(path)
            }
            loaded => loaded,
        }
    }

    fn from_file(file: &KeyFile) -> Result<Self, &'static str> {
        let mut keys = Vec::with_capacity(file.keys.len());
        for entry in &file.keys {
            if entry.kid.is_empty() || entry.kid.len() > 64 || keys.iter().any(|(kid, _)| *kid == entry.kid) {
                return Err("each kid must have 1 to 64 characters and stand once");
            }
            let secret = BASE64_URL_SAFE_NO_PAD
                .decode(&entry.secret)
                .ok()
                .filter(|secret| secret.len() >= SHORTEST_SECRET)
                .ok_or("each secret must be at least 32 bytes in base64 for URLs, without padding")?;
            keys.push((entry.kid.clone(), secret));
        }
        let (signing_id, secret) = keys.first().ok_or("it holds no key")?;
        Ok(Self {
            signing: EncodingKey::from_secret(secret),
            signing_id: signing_id.clone(),
            verifying: keys
                .iter()
                .map(|(kid, secret)| (kid.clone(), DecodingKey::from_secret(secret)))
                .collect(),
        })
    }

    /// The key that signs, and its id.
    pub(super) fn signing(&self) -> (&str, &EncodingKey) {
        (&self.signing_id, &self.signing)
    }

    /// The key with this id.
    pub(super) fn verifying(&self, kid: &str) -> Option<&DecodingKey> {
        self.verifying.iter().find(|(id, _)| id == kid).map(|(_, key)| key)
    }
}

/// Writes beside and renames, so that a crash leaves no half a file, readable by the owner alone.
fn write_new(path: &Path, file: &KeyFile) -> io::Result<()> {
    let aside = path.with_extension("json.new");
    let mut out = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&aside)?;
    serde_json::to_writer_pretty(&mut out, file)?;
    out.write_all(b"\n")?;
    out.sync_all()?;
    fs::rename(&aside, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use switchboard_core::random::SeededRandom;

    use super::*;

    #[test]
    fn the_first_start_makes_a_key_that_only_the_owner_reads_and_later_starts_keep_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwt.json");
        let first = Keys::load_or_create(&path, &SeededRandom::new(1)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let second = Keys::load_or_create(&path, &SeededRandom::new(2)).unwrap();
        assert_eq!(first.signing_id, second.signing_id);
        assert_eq!(first.signing.as_bytes(), second.signing.as_bytes());
    }

    #[test]
    fn the_first_key_signs_and_all_verify() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwt.json");
        let secret = BASE64_URL_SAFE_NO_PAD.encode([7; 32]);
        let json = serde_json::json!({"keys": [{"kid": "new", "secret": secret}, {"kid": "old", "secret": secret}]});
        fs::write(&path, json.to_string()).unwrap();
        let keys = Keys::load(&path).unwrap();
        assert_eq!(keys.signing().0, "new");
        assert!(keys.verifying("old").is_some() && keys.verifying("new").is_some() && keys.verifying("x").is_none());
    }

    #[test]
    fn a_damaged_file_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwt.json");
        let secret = BASE64_URL_SAFE_NO_PAD.encode([7; 32]);
        for text in [
            String::new(),
            "{}".to_owned(),
            r#"{"keys": []}"#.to_owned(),
            r#"{"keys": [{"kid": "a", "secret": "c2hvcnQ"}]}"#.to_owned(),
            format!(r#"{{"keys": [{{"kid": "", "secret": "{secret}"}}]}}"#),
            format!(r#"{{"keys": [{{"kid": "a", "secret": "{secret}"}}, {{"kid": "a", "secret": "{secret}"}}]}}"#),
        ] {
            fs::write(&path, &text).unwrap();
            let error = Keys::load_or_create(&path, &SeededRandom::new(1)).err().unwrap();
            assert!(matches!(error, KeysError::Malformed { .. }), "{text}");
            assert!(!error.to_string().contains(&secret));
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn reading_a_file_that_is_not_there_makes_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwt.json");
        assert!(matches!(Keys::load(&path), Err(KeysError::Missing(_))));
        assert!(!path.exists());
    }
}
