//! A host that cannot start says why in one sentence, ends with a code of its own, and overwrites nothing.

use std::path::Path;

use serde_json::Value;
use simulator::{Options, Simulator};
use switchboard::cli::exit::Exit;
use tokio::process::Command;

use crate::support::{Host, World};

const NOWHERE: &str = "ws://127.0.0.1:9/ws/chat";

/// Runs a host that must not start: it ends with this code, and what it says beside its log is one line that ends like this.
async fn refuses(command: Command, exit: Exit, sentence: &str) {
    let ended = Host::run(command).await;
    assert_eq!(ended.code, Some(exit as i32), "{}", ended.words);
    let is_log = |line: &&str| serde_json::from_str::<Value>(line).is_ok();
    let said: Vec<_> = ended.words.lines().filter(|line| !is_log(line)).collect();
    let [line] = said[..] else {
        panic!("not one line:\n{}", ended.words)
    };
    assert!(
        line.starts_with("switchboard: ") && line.ends_with(sentence),
        "{sentence:?} is not the end of {line:?}"
    );
}

/// Every file under the folder with what it holds, but for the lock and what SQLite lays beside an open database.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !["lock", "switchboard.db-shm", "switchboard.db-wal"]
                .iter()
                .any(|name| path.ends_with(name))
            {
                found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// A data folder that a host has used and left.
async fn used_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::start(Host::command(&folder.path().join("data"), NOWHERE)).await;
    assert_eq!(host.stop("TERM").await, Some(0));
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_in_use_is_refused_while_the_other_goes_on() {
    let world = World::start().await;
    let holder = format!(
        "is in use by process {}; stop it, or use another data folder",
        world.host.id()
    );
    refuses(Host::command(&world.data(), NOWHERE), Exit::TryAgain, &holder).await;
    world.api.get("/readyz").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_database_is_left_as_it_is() {
    let folder = used_folder().await;
    let data = folder.path().join("data");
    std::fs::write(
        data.join("switchboard.db"),
        b"this is no database, and a long text at that",
    )
    .unwrap();
    let before = files(folder.path());
    let sentence = "switchboard.db is damaged (file is not a database); restore it from a backup";
    refuses(Host::command(&data, NOWHERE), Exit::Data, sentence).await;
    assert_eq!(files(folder.path()), before, "something was overwritten");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_seal_key_is_noticed_before_anything_is_written() {
    let folder = used_folder().await;
    let key = folder.path().join("data/keys/seal.key");
    std::fs::remove_file(&key).unwrap();
    let before = files(folder.path());
    refuses(
        Host::command(&folder.path().join("data"), NOWHERE),
        Exit::Data,
        "restore keys/seal.key, or set data.seal_key",
    )
    .await;
    assert_eq!(files(folder.path()), before, "a new key was made for old secrets");

    let mut command = Host::command(&folder.path().join("data"), NOWHERE);
    command.env(
        "SWITCHBOARD_DATA__SEAL_KEY",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    );
    refuses(command, Exit::Data, "restore keys/seal.key, or correct data.seal_key").await;
    assert_eq!(files(folder.path()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_that_is_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data"), b"precious").unwrap();
    refuses(
        Host::command(&folder.path().join("data"), NOWHERE),
        Exit::CannotCreate,
        "data is a file; the data folder must be a folder",
    )
    .await;
    assert_eq!(std::fs::read(folder.path().join("data")).unwrap(), b"precious");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let mut command = Host::command(&folder.path().join("data"), NOWHERE);
    command.env("SWITCHBOARD_SERVER__LISTEN", &address);
    let sentence = format!(
        "{address} is in use by another program. Stop it, or choose another address in server.listen \
         (SWITCHBOARD_SERVER__LISTEN)"
    );
    refuses(command, Exit::Unavailable, &sentence).await;
    assert!(
        !folder.path().join("data").exists(),
        "nothing is made before the port is taken"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn all_faults_of_a_configuration_are_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Host::command(&folder.path().join("data"), NOWHERE);
    command
        .env("SWITCHBOARD_SEND__ACK_TIMEOUT", "soon")
        .env("SWITCHBOARD_SERVER__MAX_BODY_KIB", "0");
    command.env("SWITCHBOARD_SERVER__ADMIN_KEY", "hunter2");
    let ended = Host::run(command).await;
    assert_eq!(ended.code, Some(Exit::Config as i32), "{}", ended.words);
    for part in [
        "SWITCHBOARD_SEND__ACK_TIMEOUT",
        "SWITCHBOARD_SERVER__MAX_BODY_KIB",
        "SWITCHBOARD_SERVER__ADMIN_KEY",
    ] {
        assert!(ended.words.contains(part), "{}", ended.words);
    }
    assert!(!ended.words.contains("hunter2"), "{}", ended.words);
    assert!(
        !folder.path().join("data").exists(),
        "nothing is made before the configuration is right"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_skips_certificates_dials_nothing_but_loopback() {
    let folder = tempfile::tempdir().unwrap();
    for (url, host) in [
        ("wss://web.whatsapp.com/ws/chat", "web.whatsapp.com"),
        ("ws://localhost:9/ws/chat", "localhost"),
        ("ws://192.0.2.1:9/ws/chat", "192.0.2.1"),
    ] {
        let sentence = format!("this build connects to loopback literals such as 127.0.0.1 only, and {host} is none");
        refuses(Host::command(&folder.path().join("data"), url), Exit::Config, &sentence).await;
    }
    assert!(
        !folder.path().join("data").exists(),
        "no folder is made for a WhatsApp that cannot be reached"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_finds_a_used_folder_well_and_a_damaged_one_not() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let folder = used_folder().await;
    let doctor = |folder: &Path| {
        let mut command = Host::command(&folder.join("data"), &simulator.ws_url());
        command.arg("doctor");
        command
    };
    let well = Host::run(doctor(folder.path())).await;
    assert_eq!(well.code, Some(0), "{}", well.words);
    std::fs::remove_file(folder.path().join("data/keys/seal.key")).unwrap();
    let unwell = Host::run(doctor(folder.path())).await;
    assert_eq!(unwell.code, Some(Exit::Unwell as i32), "{}", unwell.words);
    assert!(unwell.words.contains("FAULT  database"), "{}", unwell.words);
}
