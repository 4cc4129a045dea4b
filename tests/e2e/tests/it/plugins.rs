//! Plugins that come and go while the host runs.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use tokio::process::Command;

use crate::support::{Api, DESK, Ended, FRIEND, Host, PATIENCE, World};

/// Puts the component of `otp` into a folder of the operator's.
fn drop_otp(data: &Path, id: &str, version: &str) {
    let otp = bundled::plugins().iter().find(|plugin| plugin.id == "otp").unwrap();
    let manifest = otp
        .manifest
        .replace("id = \"otp\"", &format!("id = {id:?}"))
        .replace("0.1.0", version);
    drop_in(data, id, &manifest, otp.wasm);
}

/// Written aside and moved into its place, as a careful operator does.
fn drop_in(data: &Path, id: &str, manifest: &str, wasm: &[u8]) {
    let (aside, place) = (data.join("plugins/.new"), data.join("plugins").join(id));
    fs::create_dir(&aside).unwrap();
    fs::write(aside.join("plugin.toml"), manifest).unwrap();
    fs::write(aside.join("plugin.wasm"), wasm).unwrap();
    if place.exists() {
        fs::remove_dir_all(&place).unwrap();
    }
    fs::rename(aside, place).unwrap();
}

fn plugin<'a>(listed: &'a Value, id: &str) -> Option<&'a Value> {
    listed["plugins"].as_array()?.iter().find(|plugin| plugin["id"] == id)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_dropped_into_a_running_host_adds_its_kind_until_it_is_removed() {
    // The bundled one would handle the kind already.
    let world = World::start_with(|command| {
        command.env("SWITCHBOARD_GRANTS__OTP__ENABLED", "false");
    })
    .await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    let body = json!({"sessionId": session, "to": FRIEND, "type": "otp", "code": "493027"});
    let send = async || world.api.post("/api/messages/send", &body).await;
    send().await.expect_problem(400, "unknown_type", Some("type"));

    drop_otp(&world.data(), "one-time", "1.0.0");
    let version = |listed: &Value| plugin(listed, "one-time")?["version"].as_str().map(str::to_owned);
    let first = world.api.until("/api/plugins", version).await;
    assert_eq!(first, "1.0.0");
    send().await.expect(200);
    let holds_the_code = |text: Option<&str>| text.is_some_and(|text| text.contains("493027"));
    friend
        .wait_for_message(PATIENCE, |message| holds_the_code(message.text.as_deref()))
        .await
        .unwrap();
    let document = world.api.get("/openapi.json").await.expect(200);
    assert!(document["components"]["schemas"].get("SendBody.otp").is_some());

    // One that cannot be loaded leaves the one before it.
    let component = world.data().join("plugins/one-time/plugin.wasm");
    let good = fs::read(&component).unwrap();
    fs::write(&component, &good[..good.len() / 2]).unwrap();
    let error = |listed: &Value| plugin(listed, "one-time")?["error"].as_str().map(str::to_owned);
    let error = world.api.until("/api/plugins", error).await;
    assert!(error.contains("one-time cannot be loaded"), "{error}");
    send().await.expect(200);
    world.host.logged("a plugin in the data folder is refused").await;

    drop_otp(&world.data(), "one-time", "1.0.1");
    let is_new = |listed: &Value| (version(listed)? == "1.0.1").then_some(());
    world.api.until("/api/plugins", is_new).await;
    send().await.expect(200);

    fs::remove_dir_all(world.data().join("plugins/one-time")).unwrap();
    let is_gone = |listed: &Value| plugin(listed, "one-time").is_none().then_some(());
    world.api.until("/api/plugins", is_gone).await;
    send().await.expect_problem(400, "unknown_type", Some("type"));
    let document = world.api.get("/openapi.json").await.expect(200);
    assert!(document["components"]["schemas"].get("SendBody.otp").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_has_the_folder_of_plugins_looked_at_and_ends_nothing() {
    let world = World::start().await;
    drop_otp(&world.data(), "one-time", "1.0.0");
    world.host.signal("HUP").await;
    let is_ready = |listed: &Value| (plugin(listed, "one-time")?["status"] == "ready").then_some(());
    world.api.until("/api/plugins", is_ready).await;
    world.host.logged("SIGHUP").await;
    world.host.logged("a plugin was loaded").await;
    assert_eq!(world.host.stop("TERM").await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_granted_to_nobody_is_told_at_the_start_and_stops_nothing() {
    let world = World::start_with(|command| {
        command.env("SWITCHBOARD_GRANTS__TTS_OPNEAI__CREDENTIALS__OPENAI", "sk-secret");
        command.env("SWITCHBOARD_GRANTS__TTS_OPENAI__CREDENTIALS__OPNEAI", "sk-secret");
    })
    .await;
    let log = world.host.log();
    assert!(
        log.contains("grants.tts-opneai: there is no plugin tts-opneai"),
        "{log}"
    );
    assert!(
        log.contains("grants.tts-openai.credentials.opneai: the plugin asks for no"),
        "{log}"
    );
    assert!(!log.contains("sk-secret"), "{log}");
}

/// Builds the crate in a folder for wasm32-wasip2 with nothing but what this workspace is built from, and returns its component.
async fn build(folder: &Path, name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    // Kept between runs: most of it is the dependencies.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("new-plugin");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for outer in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTC_WORKSPACE_WRAPPER",
        "CARGO_BUILD_TARGET",
    ] {
        cargo.env_remove(outer);
    }
    let built = cargo
        .args([
            "build",
            "--release",
            "--offline",
            "--target",
            "wasm32-wasip2",
            "--target-dir",
        ])
        .arg(&target)
        .current_dir(folder)
        .output()
        .await
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let warnings = String::from_utf8_lossy(&built.stderr);
    assert!(!warnings.contains("warning:"), "{warnings}");
    fs::read(target.join(format!("wasm32-wasip2/release/plugin_{name}.wasm"))).unwrap()
}

/// Runs the program as an author does, in the author's folder.
async fn tool(workshop: &Path, line: &str) -> Ended {
    let mut command = Host::command(&workshop.join("data"), "ws://127.0.0.1:9/ws/chat");
    command.args(line.split(' '));
    Host::run(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_was_just_begun_builds_holds_its_cases_and_serves() {
    let world = World::start().await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    let workshop = tempfile::tempdir().unwrap();
    let tool = async |line: &str| tool(workshop.path(), line).await;
    for (name, kind) in [
        ("greeter", "message-handler"),
        ("bridge", "dialect"),
        ("silence", "tts-provider"),
    ] {
        let made = tool(&format!("plugin new {name} --world {kind}")).await;
        assert_eq!(made.code, Some(0), "{}", made.words);
        let folder = workshop.path().join(name);
        let wasm = build(&folder, name).await;
        fs::write(folder.join("plugin.wasm"), &wasm).unwrap();
        let checked = tool(&format!("plugin check {name}")).await;
        assert!(
            checked.code == Some(0) && checked.words.contains("all of its cases hold"),
            "{}",
            checked.words
        );
        let run = tool(&format!("plugin run {name}")).await;
        assert!(
            run.code == Some(0) && run.words.contains("MiB of memory") && run.words.contains(" instructions"),
            "{}",
            run.words
        );
        let manifest = fs::read_to_string(folder.join("plugin.toml")).unwrap();
        drop_in(&world.data(), name, &manifest, &wasm);
        let is_ready = |listed: &Value| (plugin(listed, name)?["status"] == "ready").then_some(());
        world.api.until("/api/plugins", is_ready).await;
    }
    let body = json!({"sessionId": session, "to": FRIEND, "type": "greeter", "name": "Ada"});
    world.api.post("/api/messages/send", &body).await.expect(200);
    let greeted = |text: Option<&str>| text == Some("Hello, Ada!");
    friend
        .wait_for_message(PATIENCE, |message| greeted(message.text.as_deref()))
        .await
        .unwrap();
    let pong = world.api.get("/bridge/ping").await.expect(200);
    assert!(pong["pong"].is_string(), "{pong}");
    let voices = world.api.get("/api/messages/voices").await.expect(200);
    let mut voices = voices["voices"].as_array().unwrap().iter();
    assert!(voices.any(|voice| voice["id"] == "silence"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_is_in_the_log_with_whose_it_is_and_for_whom_and_without_a_word_of_the_message() {
    let world = World::start_with(|host| {
        host.env("SWITCHBOARD_METRICS__LISTEN", "127.0.0.1:0");
    })
    .await;
    let _friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    let workshop = tempfile::tempdir().unwrap();
    let made = tool(workshop.path(), "plugin new clumsy --world message-handler").await;
    assert_eq!(made.code, Some(0), "{}", made.words);
    let folder = workshop.path().join("clumsy");
    let source = fs::read_to_string(folder.join("src/lib.rs")).unwrap();
    let sound = "if body.name.trim().is_empty()";
    let broken = format!("assert!(body.name != \"Zebedee\", \"no greeting for {{}}\", body.name);\n        {sound}");
    assert!(source.contains(sound), "{source}");
    fs::write(folder.join("src/lib.rs"), source.replace(sound, &broken)).unwrap();
    let manifest = fs::read_to_string(folder.join("plugin.toml")).unwrap();
    drop_in(&world.data(), "clumsy", &manifest, &build(&folder, "clumsy").await);
    let status = |listed: &Value| plugin(listed, "clumsy")?["status"].as_str().map(str::to_owned);
    let is_ready = |listed: &Value| (status(listed)? == "ready").then_some(());
    world.api.until("/api/plugins", is_ready).await;

    let send = async |name: &str| {
        let body = json!({"sessionId": session, "to": FRIEND, "type": "clumsy", "name": name});
        world.api.post("/api/messages/send", &body).await
    };
    let answer = send("Zebedee").await;
    let request = answer.headers["x-request-id"].to_str().unwrap().to_owned();
    let sentence = answer.expect_problem(500, "plugin_trap", None);
    assert!(sentence.contains("clumsy 0.1.0 crashed"), "{sentence}");
    let line = world.host.logged("the guest trapped").await;
    assert!(
        line.contains(&request) && line.contains("plugin clumsy 0.1.0"),
        "{line}"
    );
    send("Ada").await.expect(200);

    // One that does nothing else is set aside, and everybody can see it.
    let refused = async || {
        let answer = send("Zebedee").await;
        let is_aside = answer.json()["code"] == "plugin_set_aside";
        is_aside.then_some(answer)
    };
    let mut crashes = 1;
    let aside = loop {
        match refused().await {
            Some(answer) => break answer,
            None => crashes += 1,
        }
        assert!(crashes < 50, "it is called again and again");
    };
    let rest: u64 = aside.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=10).contains(&rest), "{rest}");
    aside.expect_problem(503, "plugin_set_aside", None);
    let listed = world.api.get("/api/plugins").await.expect(200);
    assert_eq!(status(&listed).as_deref(), Some("set_aside"), "{listed}");
    let metrics = Api::anonymous(&world.host.metrics()).get("/metrics").await;
    let metrics = String::from_utf8(metrics.bytes).unwrap();
    let counted = format!("plugin_crashes_total{{plugin=\"clumsy\",kind=\"unreachable\"}} {crashes}");
    assert!(metrics.contains(&counted), "{metrics}");
    let log = world.host.log();
    assert!(!log.contains("Zebedee") && !log.contains(FRIEND), "{log}");
}
