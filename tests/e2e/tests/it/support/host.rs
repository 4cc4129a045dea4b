//! The host as a process of its own, to be stopped, killed and started again.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use serde_json::Value;
use switchboard_plugins::{Engine, EngineOptions};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::Instant;

use super::PATIENCE;

const HOST: &str = env!("CARGO_BIN_EXE_host");

/// The compiled code of the bundled plugins, made once for all tests: compiling takes longer than most of them.
fn compiled_plugins() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled-plugins");
        let engine = Engine::new(EngineOptions::default()).expect("an engine");
        for plugin in bundled::plugins() {
            engine.precompile(plugin.wasm, &folder).expect("compiled code");
        }
        folder
    })
}

/// A running host.
pub(crate) struct Host {
    child: Child,
    /// `http://127.0.0.1:<port>`
    pub(crate) base: String,
    log: Arc<Mutex<Vec<String>>>,
}

/// How a host that was not meant to run has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) words: String,
}

impl Host {
    /// The command line of the host with nothing of this machine's environment.
    pub(crate) fn command(data: &Path, whatsapp: &str) -> Command {
        Self::configured(Command::new(HOST), data, whatsapp)
    }

    /// The same for a host whose files will be limited: what is too much fails, and does not end the process by a signal.
    #[cfg(target_os = "linux")]
    pub(crate) fn command_that_survives_limits(data: &Path, whatsapp: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; exec \"$0\"", HOST]);
        Self::configured(shell, data, whatsapp)
    }

    fn configured(mut command: Command, data: &Path, whatsapp: &str) -> Command {
        command
            .env_clear()
            .env("SWITCHBOARD_DATA__DIR", data)
            .env("SWITCHBOARD_WHATSAPP__URL", whatsapp)
            .env("SWITCHBOARD_WHATSAPP__VERSION", "2.3000.1")
            .env("SWITCHBOARD_SERVER__LISTEN", "127.0.0.1:0")
            .env("SWITCHBOARD_LOG__FORMAT", "json")
            .env("SWITCHBOARD_PLUGINS__PRECOMPILED_DIR", compiled_plugins())
            .current_dir(data.parent().expect("a folder"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Starts the host and waits until it is ready.
    pub(crate) async fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the host starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let (ready, mut address) = watch::channel(None);
        let mut lines = BufReader::new(child.stderr.take().expect("its standard error")).lines();
        let kept = Arc::clone(&log);
        tokio::spawn(async move {
            let mut found = None;
            while let Ok(Some(line)) = lines.next_line().await {
                found = address_in(&line, "listening").or(found);
                let is_ready = message(&line) == "ready";
                kept.lock().unwrap().push(line);
                if is_ready {
                    ready.send_replace(found.clone());
                }
            }
        });
        let is_ready = tokio::time::timeout(PATIENCE, address.wait_for(Option::is_some)).await;
        let base = match is_ready {
            Ok(Ok(address)) => address.clone().unwrap_or_default(),
            _ => panic!("the host was never ready; it said: {:#?}", log.lock().unwrap()),
        };
        Self { child, base, log }
    }

    /// Runs the command to its end.
    pub(crate) async fn run(mut command: Command) -> Ended {
        let output = tokio::time::timeout(PATIENCE, command.output())
            .await
            .expect("it ends")
            .expect("it starts");
        let words = [output.stdout, output.stderr]
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .concat();
        Ended {
            code: output.status.code(),
            words,
        }
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Everything it has logged.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// The first line of the log with these words, once it is there.
    pub(crate) async fn logged(&self, words: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let found = self
                .log
                .lock()
                .unwrap()
                .iter()
                .find(|line| line.contains(words))
                .cloned();
            match found {
                Some(line) => return line,
                None if Instant::now() > until => panic!("never logged: {words}"),
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Where it tells its metrics, as a URL.
    pub(crate) fn metrics(&self) -> String {
        let log = self.log.lock().unwrap();
        let found = log
            .iter()
            .find_map(|line| address_in(line, "listening for whoever collects metrics"));
        found.expect("an address for metrics")
    }

    /// Kills it as a power cut would, and waits until it is gone.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("it dies");
    }

    /// Asks it to stop and waits for its exit code.
    pub(crate) async fn stop(mut self, signal: &str) -> Option<i32> {
        self.signal(signal).await;
        let status = tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .expect("it stops")
            .expect("a status");
        status.code()
    }

    /// Sends it a signal such as `TERM`.
    pub(crate) async fn signal(&self, signal: &str) {
        let id = self.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", signal, &id])
            .status()
            .await
            .expect("kill runs");
        assert!(sent.success());
    }

    /// From now on no file may be written beyond so many bytes, or `unlimited`.
    #[cfg(target_os = "linux")]
    pub(crate) async fn limit_files(&self, bytes: &str) {
        let id = self.id().to_string();
        // The soft limit alone, which may be raised again.
        let limited = Command::new("prlimit")
            .args(["--pid", &id, &format!("--fsize={bytes}:")])
            .status()
            .await
            .expect("prlimit runs");
        assert!(limited.success());
    }
}

/// What a line says before its fields, in either format of the log.
fn message(line: &str) -> String {
    match serde_json::from_str::<Value>(line) {
        Ok(line) => line["message"].as_str().unwrap_or_default().to_owned(),
        Err(_) => line.rsplit(": ").next().unwrap_or_default().to_owned(),
    }
}

/// The address in the line that says this, in either format of the log, as a URL.
fn address_in(line: &str, message: &str) -> Option<String> {
    let address = match serde_json::from_str::<Value>(line) {
        Ok(line) => line["address"]
            .as_str()
            .filter(|_| line["message"] == message)?
            .to_owned(),
        Err(_) => line.split_once(&format!(": {message} address="))?.1.to_owned(),
    };
    Some(format!("http://{address}"))
}
