//! What the sandbox prints for people to paste works when it is pasted: all of it at once, by a shell, with nobody who waits.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is not so"
)]

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Generous, because a machine may run everything else at the same time.
const PATIENCE: Duration = Duration::from_secs(120);

/// The lines up to one that begins with `last`, without it.
async fn until(lines: &mut Lines<impl AsyncBufRead + Unpin>, last: &str) -> Vec<String> {
    let mut read = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.starts_with(last) {
            return read;
        }
        read.push(line);
    }
    unreachable!("{last:?} never came after {read:#?}")
}

/// A sandbox at any free port, and the commands that it prints.
async fn sandbox(data: &Path, arguments: &[&str]) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .args(["--port", "0", "--data"])
        .arg(data)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the sandbox starts");
    let mut words = BufReader::new(child.stderr.take().unwrap()).lines();
    let said = timeout(PATIENCE, until(&mut words, "Ctrl-C")).await.expect("a guide");
    let commands = said.iter().filter(|line| line.starts_with("  ")).cloned();
    (child, commands.collect::<Vec<_>>().join("\n"))
}

/// What a shell says that runs the commands.
async fn pasted(commands: &str) -> String {
    let mut shell = Command::new("sh");
    shell
        .args(["-eu", "-c", commands])
        .env("no_proxy", "*")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = timeout(PATIENCE, shell.output())
        .await
        .expect("the commands end")
        .expect("a shell");
    let said = String::from_utf8(output.stdout).unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{commands}\n{said}\n{complaints}");
    said
}

#[tokio::test]
async fn the_guide_links_a_session_and_sends() {
    let folder = tempfile::tempdir().unwrap();
    let (_sandbox, commands) = sandbox(folder.path(), &[]).await;
    let said = pasted(&commands).await;
    assert!(said.contains("\"message\":\"Message sent\""), "{said}");
    assert!(
        said.lines()
            .last()
            .is_some_and(|inbox| inbox.contains("\"text\":\"Hello 👋\"")),
        "{said}"
    );
}

#[tokio::test]
async fn with_a_linked_session_the_guide_sends_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let (_sandbox, commands) = sandbox(folder.path(), &["--linked", "1"]).await;
    assert!(!commands.contains("scan-qr"), "{commands}");
    let said = pasted(&commands).await;
    assert!(said.contains("\"message\":\"Message sent\""), "{said}");
}
