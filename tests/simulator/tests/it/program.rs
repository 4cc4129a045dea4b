//! The program: what it prints, how it ends, and what a kill leaves.

use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::admin::request;
use crate::client::{Client, PATIENCE};
use crate::{A, B};

/// A simulator in a process of its own.
struct Program {
    child: Child,
    ws: String,
    admin: String,
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simulator"));
    command.kill_on_drop(true).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn start(data: &Path) -> Program {
    let mut child = command().arg("--data").arg(data).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut value = async |key: &str| {
        let line = tokio::time::timeout(PATIENCE, lines.next_line())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        line.strip_prefix(key).unwrap().to_owned()
    };
    let ws = value("SIMULATOR_WS=").await;
    let admin = value("SIMULATOR_URL=").await;
    Program { child, ws, admin }
}

impl Program {
    async fn post(&self, path: &str, body: &str) {
        let (status, answer) = request(&self.admin, "POST", path, body).await;
        assert_eq!(status, 200, "{answer}");
    }

    async fn send(&self, text: &str) {
        let body = format!(r#"{{"to":"{A}","text":"{text}"}}"#);
        self.post(&format!("/admin/phones/{B}/send"), &body).await;
    }
}

#[tokio::test]
async fn a_killed_server_comes_back_with_its_accounts() {
    let data = tempfile::tempdir().unwrap();
    let mut program = start(data.path()).await;
    program.post(&format!("/admin/phones/{B}"), "").await;
    let client = Client::at(program.ws.clone()).await;
    let scan = format!("/admin/mock-phone/scan-qr?phone={A}");
    program.post(&scan, &client.qr().await).await;
    client.connected().await;
    program.send("before the kill").await;
    assert_eq!(client.text().await.text, "before the kill");
    let keys = client.stop().await;
    let account = data.path().join(format!("accounts/{A}.json"));
    let linked = async {
        // The file follows the link after a moment; what came later may be lost, and the session repairs itself.
        while !std::fs::read_to_string(&account).is_ok_and(|text| text.contains("\"1\":{")) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, linked).await.unwrap();
    program.child.kill().await.unwrap();

    let program = start(data.path()).await;
    let client = keys.start_at(program.ws.clone()).await;
    client.connected().await;
    program.send("after the kill").await;
    assert_eq!(client.text().await.text, "after the kill");
}

#[tokio::test]
async fn the_program_stops_when_it_is_told_to() {
    let data = tempfile::tempdir().unwrap();
    for signal in ["TERM", "INT"] {
        let mut program = start(data.path()).await;
        let process = program.child.id().unwrap().to_string();
        let sent = Command::new("kill")
            .args(["-s", signal, &process])
            .status()
            .await
            .unwrap();
        assert!(sent.success());
        let status = tokio::time::timeout(PATIENCE, program.child.wait())
            .await
            .unwrap()
            .unwrap();
        assert!(status.success(), "{signal}: {status}");
    }
}

#[tokio::test]
async fn a_fault_at_the_start_is_said_in_a_sentence() {
    let output = command().args(["--listen", "0.0.0.0:0"]).output().await.unwrap();
    assert!(!output.status.success());
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("loopback"), "{words}");
}
