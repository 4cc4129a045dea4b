//! One simulator, one data folder, one host.

use std::path::PathBuf;

use simulator::{Fault, Number, Options, Phone, Simulator};
use tempfile::TempDir;
use tokio::process::Command;

use super::{Api, DESK, Host};

/// A host linked to nothing yet, and a WhatsApp of its own.
pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) host: Host,
    pub(crate) api: Api,
    folder: TempDir,
}

impl World {
    /// Starts both.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// Starts both, after `settings` had its way with the host's environment.
    pub(crate) async fn start_with(settings: impl FnOnce(&mut Command)) -> Self {
        Self::start_both(Options::default(), settings).await
    }

    /// Starts both, with a simulator like this.
    pub(crate) async fn start_on(options: Options) -> Self {
        Self::start_both(options, |_| ()).await
    }

    async fn start_both(options: Options, settings: impl FnOnce(&mut Command)) -> Self {
        let simulator = Simulator::start(options).await.expect("the simulator starts");
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Host::command(&folder.path().join("data"), &simulator.ws_url());
        settings(&mut command);
        let host = Host::start(command).await;
        let api = Api::with_local_token(&host.base).await;
        Self {
            simulator,
            host,
            api,
            folder,
        }
    }

    /// The host's data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A person's phone.
    pub(crate) fn phone(&self, number: &str) -> Phone {
        self.simulator.phone(number).expect("a phone")
    }

    /// Has WhatsApp do something wrong.
    pub(crate) fn inject(&self, fault: Fault) {
        self.simulator.inject(fault).expect("a fault that can happen");
    }

    /// Cuts the socket of whatever is linked to DESK.
    pub(crate) fn drop_socket(&self) {
        self.inject(Fault::DropSocket {
            number: desk(),
            device: None,
        });
    }

    /// A session linked to this number and READY: its id.
    pub(crate) async fn linked(&self, number: &str) -> String {
        let session = self.api.create_session().await;
        let qr = self.api.qr(&session).await;
        self.phone(number).scan_qr(&qr).await.expect("the phone links");
        self.api.session_becomes(&session, "READY").await;
        session
    }

    /// Kills the host without a warning and starts it again on the same folder.
    pub(crate) async fn kill_and_restart(self) -> Self {
        self.again(Host::kill).await
    }

    /// Kills the host, lets something happen while it is away, and starts it again.
    pub(crate) async fn kill_meanwhile<F: Future<Output = T>, T>(self, meanwhile: impl FnOnce() -> F) -> Self {
        let absence = async |host: Host| {
            host.kill().await;
            meanwhile().await;
        };
        self.again(absence).await
    }

    /// Stops the host as a supervisor does and starts it again on the same folder.
    pub(crate) async fn stop_and_restart(self) -> Self {
        let stop = async |host: Host| assert_eq!(host.stop("TERM").await, Some(0));
        self.again(stop).await
    }

    /// Ends the host in this way and starts another in its place.
    async fn again(self, end: impl AsyncFnOnce(Host)) -> Self {
        let Self {
            simulator,
            host,
            folder,
            ..
        } = self;
        end(host).await;
        let host = Host::start(Host::command(&folder.path().join("data"), &simulator.ws_url())).await;
        let api = Api::with_local_token(&host.base).await;
        Self {
            simulator,
            host,
            api,
            folder,
        }
    }
}

/// DESK as the simulator knows it.
pub(crate) fn desk() -> Number {
    Number::parse(DESK).expect("a number")
}

/// The texts that a phone has received, in order.
pub(crate) fn texts(phone: &Phone) -> Vec<String> {
    phone
        .messages()
        .into_iter()
        .filter_map(|message| message.text)
        .collect()
}
