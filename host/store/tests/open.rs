//! What a start does with the data folder it finds: it opens a good one, and refuses every other in one sentence without having
//! changed a byte of it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use switchboard_core::clock::{ManualClock, UnixMillis};
use switchboard_core::random::{OsRandom, SeededRandom};
use switchboard_core::realm::Realm;
use switchboard_core::secret::Secret;
use switchboard_store::{DataFolder, Mismatch, OpenError, OpenOptions, SealKey, Store, look};
use tempfile::TempDir;

fn options() -> OpenOptions {
    OpenOptions {
        realm: Realm::Simulator,
        seal_key: None,
        clock: Arc::new(ManualClock::at(UnixMillis(1))),
        random: Arc::new(OsRandom),
    }
}

fn given_key() -> SealKey {
    SealKey::parse(&Secret::from("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=".to_owned())).unwrap()
}

/// A data folder with a database that was closed properly.
async fn used_folder() -> TempDir {
    let data = tempfile::tempdir().unwrap();
    open_and_close(data.path(), options()).await.unwrap();
    data
}

async fn open_and_close(data: &Path, options: OpenOptions) -> Result<(), OpenError> {
    let folder = DataFolder::open(data)?;
    Store::open(&folder, options)?.close().await;
    Ok(())
}

fn database(data: &TempDir) -> PathBuf {
    data.path().join("switchboard.db")
}

/// Changes the database behind the store's back.
async fn alter(data: &TempDir, sql: &str) {
    let raw = libsql::Builder::new_local(database(data))
        .build()
        .await
        .unwrap()
        .connect()
        .unwrap();
    raw.execute_batch(sql).await.unwrap();
}

/// Every file that is worth something, with its bytes.
fn contents(data: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![data.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.file_name().and_then(|name| name.to_str()) {
                _ if path.is_dir() => folders.push(path),
                // Who holds the folder, and the index of the log: made anew by whoever opens the file.
                Some("lock" | "switchboard.db-shm") => {}
                Some("switchboard.db-wal") if fs::metadata(&path).unwrap().len() == 0 => {}
                _ => drop(files.insert(path.clone(), fs::read(path).unwrap())),
            }
        }
    }
    files
}

/// Asserts that the folder is refused and left as it is, and gives the error.
async fn refused(data: &Path, options: OpenOptions) -> OpenError {
    let before = contents(data);
    let error = open_and_close(data, options).await.expect_err("the folder was opened");
    assert!(contents(data) == before, "{error}: the folder was changed");
    let sentence = error.to_string();
    assert!(
        !sentence.contains('\n') && sentence.len() < 400,
        "not one clear sentence: {sentence}"
    );
    error
}

#[tokio::test]
async fn a_first_start_makes_a_database_that_the_next_one_opens() {
    let data = used_folder().await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&database(&data)), 0o600);
    let seen = look(data.path()).unwrap().unwrap();
    assert_eq!(seen.realm, Realm::Simulator);
    assert!(seen.damage.is_empty());
    assert!(!seen.applied.is_empty());
    assert!(seen.pending().unwrap().is_empty());
    open_and_close(data.path(), options()).await.unwrap();
    assert_eq!(look(data.path()).unwrap().unwrap(), seen);
}

#[tokio::test]
async fn a_closed_store_leaves_no_log_behind() {
    let data = used_folder().await;
    assert!(!data.path().join("switchboard.db-wal").exists());
}

#[tokio::test]
async fn a_folder_can_be_taken_again_once_its_store_is_closed() {
    let data = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(data.path()).unwrap();
    let store = Store::open(&folder, options()).unwrap();
    drop(folder);
    assert!(matches!(DataFolder::open(data.path()), Err(OpenError::Locked { .. })));
    store.close().await;
    DataFolder::open(data.path()).unwrap();
}

#[tokio::test]
async fn an_interrupted_first_start_is_taken_up() {
    for leftover in ["", "key"] {
        let data = tempfile::tempdir().unwrap();
        fs::write(database(&data), "").unwrap();
        if leftover == "key" {
            let whole = used_folder().await;
            fs::create_dir(data.path().join("keys")).unwrap();
            fs::copy(whole.path().join("keys/seal.key"), data.path().join("keys/seal.key")).unwrap();
        }
        open_and_close(data.path(), options()).await.unwrap();
        open_and_close(data.path(), options()).await.unwrap();
    }
}

#[tokio::test]
async fn a_look_sees_no_database_where_there_is_none_and_makes_none() {
    let data = tempfile::tempdir().unwrap();
    assert_eq!(look(data.path()).unwrap(), None);
    assert!(contents(data.path()).is_empty());
}

#[tokio::test]
async fn a_look_does_not_disturb_a_running_store() {
    let data = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(data.path()).unwrap();
    let store = Store::open(&folder, options()).unwrap();
    let before = contents(data.path());
    assert_eq!(look(data.path()).unwrap().unwrap().realm, Realm::Simulator);
    assert!(contents(data.path()) == before);
    store.close().await;
}

#[tokio::test]
async fn the_other_realm_is_refused() {
    let data = used_folder().await;
    let error = refused(
        data.path(),
        OpenOptions {
            realm: Realm::Live,
            ..options()
        },
    )
    .await;
    assert!(matches!(
        error,
        OpenError::OtherRealm {
            found: Realm::Simulator,
            ours: Realm::Live,
            ..
        }
    ));
}

#[tokio::test]
async fn a_newer_database_is_refused() {
    let data = used_folder().await;
    alter(
        &data,
        "INSERT INTO schema_migrations(name, sha256, applied_at) VALUES ('9999_future', zeroblob(32), 0)",
    )
    .await;
    let error = refused(data.path(), options()).await;
    assert!(
        matches!(&error, OpenError::Mismatch { mismatch: Mismatch::Newer(name), .. } if name == "9999_future"),
        "{error}"
    );
    assert!(look(data.path()).unwrap().unwrap().pending().is_err());
}

#[tokio::test]
async fn another_history_is_refused() {
    let data = used_folder().await;
    alter(
        &data,
        "UPDATE schema_migrations SET sha256 = zeroblob(32) WHERE version = 1",
    )
    .await;
    let error = refused(data.path(), options()).await;
    assert!(
        matches!(
            error,
            OpenError::Mismatch {
                mismatch: Mismatch::Changed(_),
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let data = used_folder().await;
    fs::write(database(&data), "hello ".repeat(1000)).unwrap();
    let error = refused(data.path(), options()).await;
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn a_truncated_database_is_refused() {
    let data = used_folder().await;
    let length = fs::metadata(database(&data)).unwrap().len();
    fs::OpenOptions::new()
        .write(true)
        .open(database(&data))
        .unwrap()
        .set_len(length / 2)
        .unwrap();
    let error = refused(data.path(), options()).await;
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn a_damaged_page_is_refused() {
    let data = used_folder().await;
    let mut bytes = fs::read(database(&data)).unwrap();
    let page = bytes.len() / 4096 / 2 * 4096;
    bytes[page..page + 4096].fill(0xA5);
    fs::write(database(&data), bytes).unwrap();
    let error = refused(data.path(), options()).await;
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn the_database_of_another_program_is_refused() {
    let data = tempfile::tempdir().unwrap();
    alter(&data, "CREATE TABLE bookmarks(url TEXT)").await;
    let error = refused_but_for_the_folder(&data).await;
    assert!(matches!(error, OpenError::NotADatabase { .. }), "{error}");
}

#[tokio::test]
async fn a_folder_in_place_of_the_database_is_refused() {
    let data = tempfile::tempdir().unwrap();
    fs::create_dir(database(&data)).unwrap();
    let error = refused_but_for_the_folder(&data).await;
    assert!(matches!(error, OpenError::NotADatabase { .. }), "{error}");
}

/// The same for a folder that no store has used yet.
async fn refused_but_for_the_folder(data: &TempDir) -> OpenError {
    drop(DataFolder::open(data.path()).unwrap());
    refused(data.path(), options()).await
}

#[tokio::test]
async fn a_database_marked_read_only_is_refused() {
    let data = used_folder().await;
    fs::set_permissions(database(&data), fs::Permissions::from_mode(0o400)).unwrap();
    let error = refused(data.path(), options()).await;
    assert!(matches!(error, OpenError::NotWritable { .. }), "{error}");
}

#[tokio::test]
async fn a_missing_database_is_not_replaced_by_an_empty_one() {
    let data = used_folder().await;
    fs::remove_file(database(&data)).unwrap();
    let error = refused(data.path(), options()).await;
    assert!(matches!(error, OpenError::DatabaseMissing { .. }), "{error}");
}

#[tokio::test]
async fn a_missing_seal_key_is_not_replaced_by_a_new_one() {
    let data = used_folder().await;
    fs::remove_file(data.path().join("keys/seal.key")).unwrap();
    let error = refused(data.path(), options()).await;
    assert!(matches!(error, OpenError::SealKeyMissing { .. }), "{error}");
}

#[tokio::test]
async fn a_wrong_seal_key_is_refused() {
    let data = used_folder().await;
    let error = refused(
        data.path(),
        OpenOptions {
            seal_key: Some(given_key()),
            ..options()
        },
    )
    .await;
    assert!(matches!(error, OpenError::WrongSealKey { .. }), "{error}");
}

#[tokio::test]
async fn a_given_seal_key_is_used_and_never_written() {
    let data = tempfile::tempdir().unwrap();
    let given = || OpenOptions {
        seal_key: Some(given_key()),
        random: Arc::new(SeededRandom::new(1)),
        ..options()
    };
    open_and_close(data.path(), given()).await.unwrap();
    open_and_close(data.path(), given()).await.unwrap();
    assert!(!data.path().join("keys/seal.key").exists());
    let error = refused(data.path(), options()).await;
    assert!(matches!(error, OpenError::SealKeyMissing { .. }), "{error}");
}
