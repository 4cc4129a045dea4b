//! The keys that sign tokens: `keys/jwt.json` in the data folder.
//!
//! The file holds a list. The first key signs, all of them verify, each until the time that stands with it. A rotation puts a new
//! key in front and gives the others their time. A key that is taken out of the list takes all of its tokens with it.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::{Deserialize, Serialize};
use switchboard_core::clock::UnixMillis;
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
    verifying: Vec<VerifyingKey>,
}

struct VerifyingKey {
    id: String,
    key: DecodingKey,
    until: Option<UnixMillis>,
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
    /// Seconds since 1970; the key that signs has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verifies_until: Option<i64>,
}

impl KeyEntry {
    fn new(random: &dyn Random) -> Self {
        let id = u32::from_be_bytes(random::array(random));
        Self {
            kid: format!("{id:08x}"),
            secret: BASE64_URL_SAFE_NO_PAD.encode(random::array::<SHORTEST_SECRET>(random)),
            verifies_until: None,
        }
    }
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
        read(path).map(|(_, keys)| keys)
    }

    /// Reads the file, or makes it with one new key. The caller holds the data folder's lock.
    ///
    /// # Errors
    /// As [`Keys::load`], and when the file cannot be written.
    pub(crate) fn load_or_create(path: &Path, random: &dyn Random) -> Result<Self, KeysError> {
        match Self::load(path) {
            Err(KeysError::Missing(_)) => {
                let keys = vec![KeyEntry::new(random)];
                write(path, &KeyFile { keys }, None).map_err(failed(path))?;
                Self::load(path)
            }
            loaded => loaded,
        }
    }

    /// Puts a new key in front. Those that are there verify for as long as `overlap`, or until their own time if that comes first;
    /// whose time is over goes. Returns the new key's id. The server may be running, and takes the new list up by itself.
    ///
    /// # Errors
    /// As [`Keys::load`], and when the file cannot be written.
    pub(crate) fn rotate(
        path: &Path,
        overlap: Duration,
        now: UnixMillis,
        random: &dyn Random,
    ) -> Result<String, KeysError> {
        // Of two rotations at once neither may undo the other.
        let folder = path.parent().unwrap_or(path);
        let turn = File::open(folder).and_then(|folder| folder.lock().map(|()| folder));
        let _turn = turn.map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => KeysError::Missing(path.to_owned()),
            _ => failed(folder)(cause),
        })?;
        let (mut file, _) = read(path)?;
        let end = now.plus(overlap).as_secs();
        for key in &mut file.keys {
            key.verifies_until = Some(key.verifies_until.map_or(end, |until| until.min(end)));
        }
        file.keys
            .retain(|key| key.verifies_until.is_some_and(|until| until > now.as_secs()));
        let new = KeyEntry::new(random);
        let id = new.kid.clone();
        file.keys.insert(0, new);
        let replaced = fs::metadata(path).map_err(failed(path))?;
        write(path, &file, Some(&replaced)).map_err(failed(path))?;
        Ok(id)
    }

    fn from_file(file: &KeyFile) -> Result<Self, &'static str> {
        let mut secrets: Vec<(&str, Vec<u8>)> = Vec::with_capacity(file.keys.len());
        for entry in &file.keys {
            if entry.kid.is_empty() || entry.kid.len() > 64 || secrets.iter().any(|(kid, _)| *kid == entry.kid) {
                return Err("each kid must have 1 to 64 characters and stand once");
            }
            let secret = BASE64_URL_SAFE_NO_PAD
                .decode(&entry.secret)
                .ok()
                .filter(|secret| secret.len() >= SHORTEST_SECRET)
                .ok_or("each secret must be at least 32 bytes in base64 for URLs, without padding")?;
            secrets.push((&entry.kid, secret));
        }
        let (signing_id, secret) = secrets.first().ok_or("it holds no key")?;
        if file.keys.first().is_some_and(|key| key.verifies_until.is_some()) {
            return Err("the first key signs, so it must not have verifies_until");
        }
        Ok(Self {
            signing: EncodingKey::from_secret(secret),
            signing_id: (*signing_id).to_owned(),
            verifying: secrets
                .iter()
                .zip(&file.keys)
                .map(|((id, secret), entry)| VerifyingKey {
                    id: (*id).to_owned(),
                    key: DecodingKey::from_secret(secret),
                    until: entry.verifies_until.map(UnixMillis::from_secs),
                })
                .collect(),
        })
    }

    /// The key that signs, and its id.
    pub(crate) fn signing(&self) -> (&str, &EncodingKey) {
        (&self.signing_id, &self.signing)
    }

    /// The keys that verify at this time, with their ids.
    pub(crate) fn verifying(&self, now: UnixMillis) -> impl Iterator<Item = (&str, &DecodingKey)> {
        self.verifying
            .iter()
            .filter(move |key| key.until.is_none_or(|until| now < until))
            .map(|key| (key.id.as_str(), &key.key))
    }
}

fn failed(path: &Path) -> impl Fn(io::Error) -> KeysError {
    move |cause| KeysError::Io {
        path: path.to_owned(),
        cause,
    }
}

fn read(path: &Path) -> Result<(KeyFile, Keys), KeysError> {
    let text = fs::read(path).map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound => KeysError::Missing(path.to_owned()),
        _ => failed(path)(cause),
    })?;
    let malformed = |fault| KeysError::Malformed {
        path: path.to_owned(),
        fault,
    };
    let file: KeyFile = serde_json::from_slice(&text)
        .map_err(|_| malformed("it is not {\"keys\": [{\"kid\": ..., \"secret\": ...}]}"))?;
    let keys = Keys::from_file(&file).map_err(malformed)?;
    Ok((file, keys))
}

/// Writes beside and renames, so that a crash leaves no half a file, readable by the owner alone: whoever owned the one that it
/// replaces, so that a rotation by root does not lock the server out.
fn write(path: &Path, file: &KeyFile, replaced: Option<&Metadata>) -> io::Result<()> {
    let aside = path.with_extension("json.new");
    let mut out = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&aside)?;
    if let Some(replaced) = replaced {
        fchown(&out, Some(replaced.uid()), Some(replaced.gid()))?;
    }
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

    fn verifying(keys: &Keys, now: UnixMillis) -> Vec<&str> {
        keys.verifying(now).map(|(id, _)| id).collect()
    }

    #[test]
    fn the_first_key_signs_and_all_verify_until_their_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwt.json");
        let secret = BASE64_URL_SAFE_NO_PAD.encode([7; 32]);
        let json = serde_json::json!({"keys": [
            {"kid": "new", "secret": secret},
            {"kid": "old", "secret": secret, "verifies_until": 10},
            {"kid": "kept", "secret": secret},
        ]});
        fs::write(&path, json.to_string()).unwrap();
        let keys = Keys::load(&path).unwrap();
        assert_eq!(keys.signing().0, "new");
        assert_eq!(verifying(&keys, UnixMillis(9_999)), ["new", "old", "kept"]);
        assert_eq!(verifying(&keys, UnixMillis(10_000)), ["new", "kept"]);
    }

    #[test]
    fn after_a_rotation_the_new_key_signs_and_the_old_one_verifies_for_the_overlap() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwt.json");
        let start = UnixMillis::from_secs(1_000);
        let first = Keys::load_or_create(&path, &SeededRandom::new(1)).unwrap().signing_id;
        let second = Keys::rotate(&path, Duration::from_secs(60), start, &SeededRandom::new(2)).unwrap();
        let keys = Keys::load(&path).unwrap();
        assert_eq!((keys.signing().0, second == first), (second.as_str(), false));
        assert_eq!(verifying(&keys, start), [second.as_str(), first.as_str()]);
        assert_eq!(verifying(&keys, UnixMillis::from_secs(1_060)), [second.as_str()]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

        // A longer overlap does not bring the first key's end any later, and whose time is over goes.
        let third = Keys::rotate(&path, Duration::from_secs(600), start, &SeededRandom::new(3)).unwrap();
        let keys = Keys::load(&path).unwrap();
        assert_eq!(
            verifying(&keys, UnixMillis::from_secs(1_059)),
            [&*third, &*second, &*first]
        );
        assert_eq!(verifying(&keys, UnixMillis::from_secs(1_060)), [&*third, &*second]);
        let fourth = Keys::rotate(&path, Duration::ZERO, start, &SeededRandom::new(4)).unwrap();
        assert_eq!(verifying(&Keys::load(&path).unwrap(), UnixMillis(0)), [fourth.as_str()]);
    }

    #[test]
    fn rotations_at_once_lose_none_of_the_new_keys() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwt.json");
        Keys::load_or_create(&path, &SeededRandom::new(1)).unwrap();
        let rotate =
            |seed| Keys::rotate(&path, Duration::from_secs(60), UnixMillis(0), &SeededRandom::new(seed)).unwrap();
        let made: Vec<String> = std::thread::scope(|scope| {
            let turns: Vec<_> = (2..10).map(|seed| scope.spawn(move || rotate(seed))).collect();
            turns.into_iter().map(|turn| turn.join().unwrap()).collect()
        });
        let keys = Keys::load(&path).unwrap();
        let verifying = verifying(&keys, UnixMillis(0));
        assert_eq!(verifying.len(), 9);
        assert!(made.iter().all(|id| verifying.contains(&id.as_str())));
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
            format!(r#"{{"keys": [{{"kid": "a", "secret": "{secret}", "verifies_until": 10}}]}}"#),
            format!(r#"{{"keys": [{{"kid": "a", "secret": "{secret}"}}, {{"kid": "a", "secret": "{secret}"}}]}}"#),
        ] {
            fs::write(&path, &text).unwrap();
            let started = Keys::load_or_create(&path, &SeededRandom::new(1)).err();
            let rotated = Keys::rotate(&path, Duration::ZERO, UnixMillis(0), &SeededRandom::new(1)).err();
            for error in [started.unwrap(), rotated.unwrap()] {
                assert!(matches!(error, KeysError::Malformed { .. }), "{text}");
                assert!(!error.to_string().contains(&secret));
            }
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn reading_a_file_that_is_not_there_makes_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwt.json");
        assert!(matches!(Keys::load(&path), Err(KeysError::Missing(_))));
        let rotated = Keys::rotate(&path, Duration::ZERO, UnixMillis(0), &SeededRandom::new(1));
        assert!(matches!(rotated, Err(KeysError::Missing(_))));
        assert!(!path.exists());
    }
}
