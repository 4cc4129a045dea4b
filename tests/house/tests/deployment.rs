//! `Dockerfile`, `.dockerignore` and `fly.toml` repeat what stands elsewhere: names of settings, ports, paths, releases. Nobody
//! builds an image in a test, so this is where they are held to it.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is not so"
)]

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use house::{members, root, workspace};
use switchboard_core::config::Config;
use toml::{Table, Value};

/// Takes connections over IPv4 too, where nothing keeps it from that.
const EVERYWHERE: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

fn text(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

fn fly() -> Table {
    text("fly.toml").parse().unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_integer().and_then(|number| number.try_into().ok()).unwrap()
}

/// The configuration that these variables make over the defaults.
fn configured(environment: &BTreeMap<String, String>) -> Config {
    for name in environment.keys() {
        // Others would be passed over, and not refused.
        assert!(
            name.starts_with("SWITCHBOARD_") && name.contains("__"),
            "{name} is no setting"
        );
    }
    Config::load(None, environment).unwrap()
}

/// The Dockerfile's instructions with what follows them, in order; lines that are continued are one.
fn instructions() -> Vec<(String, String)> {
    let text = text("Dockerfile");
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    let instruction = |line: &str| {
        let (name, rest) = line.split_once(' ')?;
        let words: Vec<_> = rest.split_whitespace().collect();
        Some((name.to_owned(), words.join(" ")))
    };
    joined.lines().filter_map(instruction).collect()
}

/// What follows each of the instructions with this name.
fn all(name: &str) -> Vec<String> {
    let found = instructions().into_iter().filter(|(found, _)| found == name);
    found.map(|(_, rest)| rest).collect()
}

fn only(name: &str) -> String {
    let [one] = <[String; 1]>::try_from(all(name)).expect("once in the Dockerfile");
    one
}

/// What the image sets for the program.
fn image_environment() -> BTreeMap<String, String> {
    let all = all("ENV").join(" ");
    let pairs = all.split(' ').filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(name, _)| name.starts_with("SWITCHBOARD_"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// What a Machine on Fly sets: the image's environment, and what fly.toml adds.
fn fly_environment() -> BTreeMap<String, String> {
    let mut environment = image_environment();
    for (name, value) in fly()["env"].as_table().unwrap() {
        let value = value.as_str().expect("Fly takes texts alone");
        let twice = environment.insert(name.clone(), value.to_owned());
        assert_eq!(twice, None, "the image sets {name} already");
    }
    environment
}

/// The word after this one, in the text.
fn after<'a>(word: &str, text: &'a str) -> &'a str {
    let mut words = text.split(' ').skip_while(|found| *found != word).skip(1);
    words.next().expect("a word behind it")
}

#[test]
fn a_machine_on_fly_listens_where_the_proxy_and_the_metrics_collector_look() {
    let (fly, config) = (fly(), configured(&fly_environment()));
    let port = |value: &Value| u16::try_from(number(value)).unwrap();
    let http = fly["http_service"].as_table().unwrap();
    assert_eq!(
        config.server.listen,
        [SocketAddr::new(EVERYWHERE, port(&http["internal_port"]))]
    );
    assert_eq!(
        config.metrics.listen,
        [SocketAddr::new(EVERYWHERE, port(&fly["metrics"]["port"]))]
    );
    assert_eq!(fly["metrics"]["path"].as_str(), Some("/metrics"));
    let described = text("host/server/openapi.json");
    for check in http["checks"].as_array().unwrap() {
        let path = check["path"].as_str().unwrap();
        assert!(described.contains(&format!("\"{path}\": {{")), "{path} is no route");
    }
}

#[test]
fn a_machine_on_fly_has_the_time_to_stop_that_it_takes_and_is_never_stopped_for_idleness() {
    let (fly, config) = (fly(), configured(&fly_environment()));
    assert_eq!(fly["kill_signal"].as_str(), Some("SIGTERM"));
    assert!(Duration::from_secs(number(&fly["kill_timeout"])) > config.server.shutdown_timeout);
    assert_eq!(fly["http_service"]["auto_stop_machines"].as_str(), Some("off"));
}

#[test]
fn data_goes_to_the_volume_and_belongs_to_who_runs_the_program() {
    let fly = fly();
    let mounts = fly["mounts"].as_array().unwrap();
    assert_eq!(mounts.len(), 1, "a Machine has one volume");
    let data = mounts[0]["destination"].as_str().unwrap();
    for environment in [image_environment(), fly_environment()] {
        assert_eq!(configured(&environment).data.dir, Path::new(data));
    }
    assert_eq!(only("VOLUME"), data);
    let user = only("USER");
    let id: u32 = user
        .split(':')
        .next()
        .unwrap()
        .parse()
        .expect("a number, which a cluster can check");
    assert_ne!(id, 0);
    let copied = format!("--from=build --chown={user} {data} {data}");
    assert!(all("COPY").contains(&copied), "{copied}");
}

#[test]
fn the_image_is_built_by_our_release_on_the_debian_that_runs_it() {
    let toolchain: Table = text("rust-toolchain.toml").parse().unwrap();
    let release = toolchain["toolchain"]["channel"].as_str().unwrap();
    assert_eq!(
        all("FROM"),
        [
            &format!("rust:{release}-slim-bookworm AS build"),
            "gcr.io/distroless/cc-debian12"
        ]
    );
    assert!(all("ENV").contains(&format!("RUSTUP_TOOLCHAIN={release}")));
    let target = after("add", &all("RUN")[0]).to_owned();
    assert!(text("plugins/bundled/build/toolchain.rs").contains(&format!("TARGET: &str = \"{target}\"")));
}

#[test]
fn the_image_holds_the_program_that_checks_certificates() {
    let build = all("RUN").into_iter().find(|run| run.contains("cargo build")).unwrap();
    assert!(
        build.contains(" cargo build --locked --release -p switchboard && "),
        "{build}"
    );
    assert!(!build.contains("features") && !build.contains("workspace"), "{build}");

    let members = members(&workspace().unwrap());
    let program = &members["switchboard"]
        .targets
        .iter()
        .find(|target| target.is_bin())
        .unwrap()
        .name;
    let built = format!("target/release/{program}");
    let installed = after(&built, &build).strip_prefix("/image").unwrap();
    assert_eq!(only("ENTRYPOINT"), format!("[\"{installed}\"]"));
    assert!(all("COPY").contains(&"--from=build /image /".to_owned()));
}

#[test]
fn the_image_finds_its_compiled_plugins_and_its_port_is_told() {
    let config = configured(&image_environment());
    let compile = all("RUN")
        .into_iter()
        .find(|run| run.contains("plugin precompile"))
        .unwrap();
    let into = after("--into", &compile).strip_prefix("/image").unwrap();
    assert_eq!(config.plugins.precompiled_dir.as_deref(), Some(Path::new(into)));
    let port = only("EXPOSE").parse().unwrap();
    assert_eq!(config.server.listen, [SocketAddr::new(EVERYWHERE, port)]);
}

#[test]
fn what_a_build_reads_is_let_into_it_and_nothing_else_is() {
    let ignored = text(".dockerignore");
    let mut lines = ignored.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(lines.next(), Some("*"));
    let allowed: Vec<_> = lines.filter_map(|line| line.strip_prefix('!')).collect();
    for name in &allowed {
        assert!(root().join(name).exists(), "{name} does not exist");
    }
    for name in ["Cargo.toml", "Cargo.lock", "wit", "migrations"] {
        assert!(allowed.contains(&name), "{name} is needed");
    }
    let workspace = workspace().unwrap();
    for (name, package) in members(&workspace) {
        let folder = package.manifest_path.strip_prefix(&workspace.workspace_root).unwrap();
        let top = folder.components().next().unwrap();
        assert!(allowed.contains(&top.as_str()), "{name} is needed");
    }
    for name in ["data", "target", "switchboard.toml", ".git"] {
        assert!(!allowed.contains(&name), "{name} is nobody's business");
    }
}
