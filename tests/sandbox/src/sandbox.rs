//! The sandbox: a simulator and a host that knows no other WhatsApp.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use simulator::{Options, Simulator};
use switchboard::cli::exit::{Exit, Fault};
use switchboard::{Running, ServeOptions, StartError, serve};
use switchboard_core::ids::SessionId;

use crate::arguments::Arguments;
use crate::linking::{self, PHONES};

/// One-time keys of a new session. WhatsApp Web makes hundreds, which takes a debug build seconds.
const PRE_KEYS: usize = 30;

/// A running sandbox.
pub(crate) struct Sandbox {
    simulator: Simulator,
    host: Running,
    token: String,
    session_ids: Vec<SessionId>,
}

impl Sandbox {
    /// Starts both, and returns when as many sessions are linked and connected as were asked for. `say` gets words for people.
    ///
    /// # Errors
    /// When either cannot start, or a session cannot be linked; nothing runs any longer then.
    pub(crate) async fn start(arguments: &Arguments, say: &dyn Fn(&str)) -> Result<Self, Fault> {
        let folder = arguments.data_folder()?;
        make(&folder)?;
        say(&format!(
            "Starting the simulator and Switchboard; everything is kept in {}.",
            folder.display()
        ));
        let options = Options {
            data_dir: Some(folder.join("simulator")),
            ..Options::default()
        };
        let simulator = Simulator::start(options)
            .await
            .map_err(|error| Fault::new(Exit::Unavailable, &format!("the simulator cannot start: {error}")))?;
        let config = arguments.config(folder, &simulator.ws_url())?;
        let options = ServeOptions {
            pre_keys: Some(PRE_KEYS),
            ..ServeOptions::default()
        };
        let host = match serve(config, options).await {
            Ok(host) => host,
            Err(error) => {
                simulator.shutdown().await;
                return Err(refused(error));
            }
        };

        match prepare(&simulator, &host, usize::from(arguments.linked), say).await {
            Ok((token, session_ids)) => Ok(Self {
                simulator,
                host,
                token,
                session_ids,
            }),
            Err(fault) => {
                host.shutdown().await;
                simulator.shutdown().await;
                Err(fault)
            }
        }
    }

    /// What scripts want to know, in the documented order.
    pub(crate) fn facts(&self) -> Vec<(String, String)> {
        let [phone_a, phone_b] = PHONES;
        let mut facts = vec![
            ("SWITCHBOARD_URL".to_owned(), self.url()),
            ("SWITCHBOARD_TOKEN".to_owned(), self.token.clone()),
            ("SIMULATOR_URL".to_owned(), self.simulator_url()),
            ("SIMULATOR_WS".to_owned(), self.simulator.ws_url()),
            ("PHONE_A".to_owned(), phone_a.to_owned()),
            ("PHONE_B".to_owned(), phone_b.to_owned()),
        ];
        let sessions = self.session_ids.iter().zip(1..);
        facts.extend(sessions.map(|(id, number)| (format!("SESSION_ID_{number}"), id.to_string())));
        facts
    }

    /// The host in it.
    pub(crate) const fn host(&self) -> &Running {
        &self.host
    }

    /// Where the REST API is.
    pub(crate) fn url(&self) -> String {
        self.host.url()
    }

    /// Where the simulator's admin interface is.
    pub(crate) fn simulator_url(&self) -> String {
        self.simulator.admin_url()
    }

    /// The linked sessions, the oldest first.
    pub(crate) fn session_ids(&self) -> &[SessionId] {
        &self.session_ids
    }

    /// Stops both. The sessions stay linked.
    pub(crate) async fn stop(self) {
        self.host.shutdown().await;
        self.simulator.shutdown().await;
    }
}

fn refused(error: StartError) -> Fault {
    match error {
        StartError::Listen(_) => Fault::new(error.exit(), &format!("{error}; in the sandbox that is --port")),
        _ => error.into(),
    }
}

async fn prepare(
    simulator: &Simulator,
    host: &Running,
    linked: usize,
    say: &dyn Fn(&str),
) -> Result<(String, Vec<SessionId>), Fault> {
    for number in PHONES {
        simulator
            .phone(number)
            .map_err(|error| Fault::new(Exit::Software, &error))?;
    }
    host.ready().await;
    let token = host.token().await.map_err(|error| Fault::new(Exit::Software, &error))?;
    let session_ids = linking::have_linked(host.service(), simulator, linked, say).await?;
    Ok((token, session_ids))
}

/// Before the host would, because the simulator's folder is inside; and like the host for its owner alone.
fn make(folder: &Path) -> Result<(), Fault> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| {
            Fault::new(
                Exit::CannotCreate,
                &format!("the data folder {} cannot be made: {error}", folder.display()),
            )
        })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    async fn started(data: &Path, linked: &str) -> Sandbox {
        let data = data.to_str().unwrap();
        let arguments = Arguments::parse_from(["sandbox", "--port", "0", "--data", data, "--linked", linked]);
        Sandbox::start(&arguments, &|_| ()).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn linked_sessions_come_back_without_a_new_link() {
        let folder = tempfile::tempdir().unwrap();
        let first = started(folder.path(), "2").await;
        let sessions = first.session_ids().to_vec();
        let keys: Vec<_> = first.facts().into_iter().map(|(key, _)| key).collect();
        assert_eq!(
            keys,
            [
                "SWITCHBOARD_URL",
                "SWITCHBOARD_TOKEN",
                "SIMULATOR_URL",
                "SIMULATOR_WS",
                "PHONE_A",
                "PHONE_B",
                "SESSION_ID_1",
                "SESSION_ID_2"
            ]
        );
        first.stop().await;

        let second = started(folder.path(), "0").await;
        assert_eq!(second.session_ids(), sessions);
        second.stop().await;
    }
}
