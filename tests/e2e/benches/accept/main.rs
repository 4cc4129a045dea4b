//! What a send costs on its way in, and on its way out: `cargo bench -p e2e --bench accept`.
//!
//! The host is a process of its own; this program is the load, on the same machine. Each figure stands beside its baseline from the
//! same run: an answer with nothing behind it, asked for by as many clients. The first table is a session in contact with an online
//! phone: sends in turn, each acknowledged. The second is a list of sessions. In the third the session cannot reach WhatsApp, so
//! that every send is accepted and queued: it measures acceptance alone (token, JSON, plugin, durable commit). Then the commit's disk
//! is taken out (the same host on a folder in memory), then the plugin call and the commit altogether (a body that the plugin's schema
//! does not allow), and both stand beside their cost by themselves. The last table is the same text through Meta's Cloud API, beside
//! the native route: two calls of a larger plugin in the place of one.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a program for a person at a terminal: it prints its figures and ends at the first thing that is not so"
)]
#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "what only another bench uses")]
mod common;
mod parts;

use std::time::Duration;

use common::load::{Target, load};
use common::process::cpu;
use parts::TEXT;
use serde_json::json;
use simulator::{Options, Simulator};
use tempfile::TempDir;

#[path = "../../tests/it/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "what only the tests use")]
mod support;

use support::{Api, DESK, FRIEND, Host};

const ACCEPT: &str = "/api/messages/send?wait=false";
const CLIENTS: [usize; 4] = [1, 16, 64, 256];
const EACH: Duration = Duration::from_secs(4);

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let Bench {
        simulator,
        host,
        api,
        token,
        session,
        folder: _folder,
    } = Bench::start(tempfile::tempdir().expect("a folder")).await;
    let alive = Target::get(&host.base, &token, "/healthz", 200);

    println!("\nsends to an online phone, in turn, each acknowledged by the server");
    let floor = load(&alive, 1, EACH).await;
    floor.report("nothing behind it", None);
    let send = text(&session);
    let sending = Target::post(&host.base, &token, "/api/messages/send", &send, 200);
    load(&sending, 1, EACH).await.report("acknowledged", Some(&floor));

    for _ in 0..100 {
        api.create_session().await;
    }
    let list = Target::get(&host.base, &token, "/api/sessions?limit=100", 200);
    println!("\nsessions list of 100 rows, 64 clients; an answer with nothing behind it as the baseline");
    let floor = load(&alive, 64, EACH).await;
    floor.report("nothing behind it", None);
    load(&list, 64, EACH).await.report("list of 100", Some(&floor));

    simulator.shutdown().await;
    api.session_becomes(&session, "RECONNECTING").await;
    let accepting = Target::post(&host.base, &token, ACCEPT, &send, 202);
    let wrong = json!({"sessionId": session, "to": FRIEND, "type": "text", "body": TEXT});
    let refusing = Target::post(&host.base, &token, ACCEPT, &wrong, 400);
    let diskless = Diskless::start().await;
    println!("\naccepting a text (wait=false): token, JSON, plugin, durable commit");
    for clients in CLIENTS {
        let floor = load(&alive, clients, EACH).await;
        floor.report("nothing behind it", None);
        let before = cpu(host.id());
        let accepted = load(&accepting, clients, EACH).await;
        let cpu = cpu(host.id()) - before;
        accepted.report("accepted", Some(&floor));
        println!(
            "{:>24}  {:.0} us of the host's CPU each",
            "",
            cpu.as_secs_f64() * 1e6 / accepted.count as f64
        );
        if let Some(diskless) = &diskless {
            let accepted = load(&diskless.accepting, clients, EACH).await;
            accepted.report("without the disk", Some(&floor));
        }
        let refused = load(&refusing, clients, EACH).await;
        refused.report("without plugin, commit", Some(&floor));
        let calls = parts::plugin_calls(clients, EACH).await;
        calls.report("the plugin call alone", Some(&floor));
        let commits = parts::commits(clients, EACH).await;
        commits.report("the commit alone", Some(&floor));
    }

    let cloud_text = json!({"messaging_product": "whatsapp", "to": FRIEND, "type": "text", "text": {"body": TEXT}});
    let path = format!("/v23.0/{session}/messages");
    let dialect = Target::post(&host.base, &token, &path, &cloud_text, 200);
    println!("\naccepting a text through Meta's Cloud API; the native route as the baseline");
    for clients in [1, 64] {
        let native = load(&accepting, clients, EACH).await;
        native.report("native", None);
        load(&dialect, clients, EACH).await.report("Cloud API", Some(&native));
    }
}

fn text(session: &str) -> serde_json::Value {
    json!({"sessionId": session, "to": FRIEND, "type": "text", "text": TEXT})
}

/// A host of its own process with one linked session, and the WhatsApp that it is linked to.
struct Bench {
    simulator: Simulator,
    host: Host,
    api: Api,
    token: String,
    session: String,
    /// Removed when this goes.
    folder: TempDir,
}

impl Bench {
    async fn start(folder: TempDir) -> Self {
        let simulator = Simulator::start(Options::default())
            .await
            .expect("the simulator starts");
        let mut command = Host::command(&folder.path().join("data"), &simulator.ws_url());
        command.env("SWITCHBOARD_LOG__FILTER", "info,switchboard_whatsapp=error");
        let host = Host::start(command).await;
        let api = Api::with_local_token(&host.base).await;
        let token = Api::anonymous(&host.base).get("/api/token").await.expect(200)["token"].clone();
        Self {
            session: linked(&api, &simulator).await,
            token: token.as_str().expect("a token").to_owned(),
            simulator,
            host,
            api,
            folder,
        }
    }
}

/// A host whose data folder is in memory, with a session that cannot reach WhatsApp.
struct Diskless {
    accepting: Target,
    _host: Host,
    _folder: TempDir,
}

impl Diskless {
    /// `None` where there is no folder in memory.
    async fn start() -> Option<Self> {
        let bench = Bench::start(tempfile::tempdir_in("/dev/shm").ok()?).await;
        bench.simulator.shutdown().await;
        bench.api.session_becomes(&bench.session, "RECONNECTING").await;
        Some(Self {
            accepting: Target::post(&bench.host.base, &bench.token, ACCEPT, &text(&bench.session), 202),
            _host: bench.host,
            _folder: bench.folder,
        })
    }
}

async fn linked(api: &Api, simulator: &Simulator) -> String {
    simulator.phone(FRIEND).expect("a phone");
    let session = api.create_session().await;
    let qr = api.qr(&session).await;
    simulator
        .phone(DESK)
        .expect("a phone")
        .scan_qr(&qr)
        .await
        .expect("the phone links");
    api.session_becomes(&session, "READY").await;
    session
}
