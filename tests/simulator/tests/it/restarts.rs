//! What survives a restart of the server.

use std::path::Path;
use std::time::Duration;

use simulator::{Options, Simulator};

use crate::client::{Client, PATIENCE};
use crate::{A, B};

async fn start(data: &Path) -> Simulator {
    Simulator::start(Options {
        data_dir: Some(data.to_owned()),
        ..Default::default()
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn accounts_sessions_and_logs_survive() {
    let data = tempfile::tempdir().unwrap();
    let first = start(data.path()).await;
    let client = Client::linked(&first, &first.phone(A).unwrap()).await;
    let b = first.phone(B).unwrap();
    client.send(B, "before").await;
    b.wait_for_message(PATIENCE, |message| message.from == A).await.unwrap();
    let keys = client.stop().await;
    b.send_text(A, "while you were away").await.unwrap();
    let root = first.root_public_key();
    first.shutdown().await;

    let second = start(data.path()).await;
    assert_eq!(second.root_public_key(), root);
    let b = second.phone(B).unwrap();
    assert_eq!(b.messages()[0].text.as_deref(), Some("before"));
    let client = keys.start(&second).await;
    assert_eq!(client.text().await.text, "while you were away");
    assert_eq!(second.tally().handshakes.get("ik"), Some(&1));
    client.send(B, "after").await;
    b.wait_for_message(PATIENCE, |message| message.text.as_deref() == Some("after"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_server_that_is_never_shut_down_has_saved_all_the_same() {
    let data = tempfile::tempdir().unwrap();
    let first = start(data.path()).await;
    let client = Client::linked(&first, &first.phone(A).unwrap()).await;
    let id = first.phone(B).unwrap().send_text(A, "hello").await.unwrap();
    client.text().await;
    // The file is what a killed process would leave; it follows each change after a moment.
    let file = data.path().join(format!("accounts/{B}.json"));
    let saved = async {
        while !std::fs::read_to_string(&file).is_ok_and(|text| text.contains(&id)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, saved).await.unwrap();
    let copy = tempfile::tempdir().unwrap();
    copy_folder(data.path(), copy.path());
    let keys = client.stop().await;
    let second = start(copy.path()).await;
    let client = keys.start(&second).await;
    client.connected().await;
    second.phone(B).unwrap().send_text(A, "and again").await.unwrap();
    assert_eq!(client.text().await.text, "and again");
}

#[tokio::test]
async fn a_client_with_a_wrong_server_key_falls_back_and_logs_in() {
    let data = tempfile::tempdir().unwrap();
    let first = start(data.path()).await;
    let keys = Client::linked(&first, &first.phone(A).unwrap()).await;
    let keys = keys.restart(&first).await;
    keys.connected().await;
    let keys = keys.stop().await;
    first.shutdown().await;
    std::fs::remove_file(data.path().join("server.json")).unwrap();

    let second = start(data.path()).await;
    let client = keys.start(&second).await;
    client.connected().await;
    assert_eq!(
        second.tally().handshakes.get("xxfallback"),
        Some(&1),
        "{:?}",
        second.tally().handshakes
    );
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.join("accounts")).unwrap();
    std::fs::copy(from.join("server.json"), to.join("server.json")).unwrap();
    for entry in std::fs::read_dir(from.join("accounts")).unwrap() {
        let entry = entry.unwrap();
        if entry.path().extension().is_some_and(|extension| extension == "json") {
            std::fs::copy(entry.path(), to.join("accounts").join(entry.file_name())).unwrap();
        }
    }
}
