//! `switchboard plugin check FOLDER`: whether a server would take a plugin, what that would do to others there, and whether it does what
//! its cases say.

use std::io::Write;

use serde_json::Map;
use switchboard_core::config::Config;

use super::authored::{Authored, Chosen};
use super::dropped::{Dropped, dropped};
use crate::cli::exit::{Exit, Fault};
use crate::cli::unwritten;
use crate::wiring;

pub(super) async fn run(config: &Config, options: &Chosen, out: &mut dyn Write) -> Result<Exit, Fault> {
    let mut plugin = Authored::read(options, wiring::engine(config, None)?, wiring::max_wasm_mib(config))?;
    let faults = faults(config, &mut plugin).await?;
    let said = match &faults {
        Faults::Refused(sentence) => format!("{sentence}\n"),
        Faults::Cases { changes, count, wrong } => {
            let changes: String = changes
                .iter()
                .map(|change| format!("in a server, {change}\n"))
                .collect();
            let wrong_count = wrong.len();
            let end = match (count, wrong_count) {
                (0, _) => "it can be loaded; it has no case, so nothing says what it does".to_owned(),
                (count, 0) => format!("it can be loaded, and all of its cases hold: {count}"),
                (count, wrong) => format!("it can be loaded; of {count} cases {wrong} do not hold"),
            };
            format!("{changes}{}{end}\n", wrong.concat())
        }
    };
    out.write_all(said.as_bytes()).map_err(|error| unwritten(&error))?;
    Ok(match faults {
        Faults::Cases { wrong, .. } if wrong.is_empty() => Exit::Ok,
        _ => Exit::Unwell,
    })
}

enum Faults {
    /// It cannot be loaded.
    Refused(String),
    Cases {
        /// What would not be as before in a server that takes it.
        changes: Vec<String>,
        count: usize,
        /// What is wrong, one line or more each.
        wrong: Vec<String>,
    },
}

async fn faults(config: &Config, plugin: &mut Authored) -> Result<Faults, Fault> {
    if let Err(error) = plugin.trial(&Map::new()).await {
        return Ok(Faults::Refused(error.to_string()));
    }
    let changes = match dropped(config, plugin.source()).await? {
        Dropped::Refused(sentence) => return Ok(Faults::Refused(sentence)),
        Dropped::Taken(changes) => changes,
    };
    let cases = plugin
        .cases()
        .map_err(|error| Fault::new(Exit::NoInput, &format!("its cases: {error}")))?;
    let count = cases.len();
    let mut wrong = Vec::new();
    for (name, case) in cases {
        let case = match case {
            Ok(case) => case,
            Err(error) => {
                wrong.push(format!("case {name}: {error}\n"));
                continue;
            }
        };
        match (plugin.answer(&case).await, &case.expected) {
            (Ok(found), Some(expected)) if found == *expected => {}
            (Ok(found), Some(expected)) => wrong.push(format!(
                "case {name} answers something else than expected\n  expected {expected}\n  found    {found}\n"
            )),
            (Ok(found), None) => wrong.push(format!("case {name} has no expected.json; it answers\n  {found}\n")),
            (Err(error), _) => wrong.push(format!("case {name}: {error}\n")),
        }
    }
    Ok(Faults::Cases { changes, count, wrong })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::testing::{self, shipped};

    /// The plugin `otp` as its author has it, with one case of these files.
    fn otp(root: &Path, input: &str, expected: Option<&str>) -> std::path::PathBuf {
        let folder = root.join("otp");
        let case = folder.join("cases/one");
        fs::create_dir_all(&case).unwrap();
        fs::write(folder.join("plugin.toml"), shipped("otp").manifest).unwrap();
        fs::create_dir_all(folder.join("target/wasm32-wasip2/release")).unwrap();
        fs::write(
            folder.join("target/wasm32-wasip2/release/plugin_otp.wasm"),
            shipped("otp").wasm,
        )
        .unwrap();
        fs::write(case.join("input.json"), input).unwrap();
        if let Some(expected) = expected {
            fs::write(case.join("expected.json"), expected).unwrap();
        }
        folder
    }

    async fn checked(folder: &Path) -> Result<(String, Exit), Fault> {
        let config = testing::config(folder);
        let mut out = Vec::new();
        let options = Chosen::of(folder);
        let exit = run(&config, &options, &mut out).await?;
        Ok((String::from_utf8(out).unwrap(), exit))
    }

    const INPUT: &str = r#"{"kind": "otp", "body": {"code": "1234"}}"#;

    #[tokio::test]
    async fn a_plugin_is_checked_where_cargo_has_built_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = otp(root.path(), INPUT, None);
        let (said, exit) = checked(&folder).await.unwrap();
        assert_eq!(exit, Exit::Unwell);
        let place = "in a server, it serves in the place of the bundled plugin otp\n";
        let cases = said.strip_prefix(place).unwrap();
        assert!(
            cases.starts_with("case one has no expected.json; it answers\n  {\"problem\":"),
            "{said}"
        );
        let answer = cases.lines().nth(1).unwrap().trim();
        fs::write(folder.join("cases/one/expected.json"), answer).unwrap();
        let held = format!("{place}it can be loaded, and all of its cases hold: 1\n");
        assert_eq!(checked(&folder).await.unwrap(), (held, Exit::Ok));
    }

    #[tokio::test]
    async fn each_fault_of_a_case_is_a_sentence() {
        for (input, expected, sentence) in [
            (
                INPUT,
                "{}",
                "case one answers something else than expected\n  expected {}\n",
            ),
            ("{", "{}", "input.json: "),
            (
                "{\"voices\": {}}",
                "{}",
                "is not for a plugin of the world message-handler@1.0",
            ),
            (
                r#"{"kind": "otp", "body": {}, "config": {"x": 1}}"#,
                "{}",
                "its configuration has no x",
            ),
        ] {
            let root = tempfile::tempdir().unwrap();
            let (said, exit) = checked(&otp(root.path(), input, Some(expected))).await.unwrap();
            assert!(said.contains(sentence), "{sentence:?} is not in {said}");
            assert!(said.ends_with("it can be loaded; of 1 cases 1 do not hold\n"), "{said}");
            assert_eq!(exit, Exit::Unwell);
        }
    }

    #[tokio::test]
    async fn what_a_server_would_refuse_is_refused_in_its_words() {
        let root = tempfile::tempdir().unwrap();
        let folder = otp(root.path(), INPUT, None);
        fs::write(folder.join("plugin.wasm"), "no component").unwrap();
        let (said, exit) = checked(&folder).await.unwrap();
        assert!(said.starts_with("plugin otp cannot be loaded: the file "), "{said}");
        assert_eq!(exit, Exit::Unwell);
    }

    #[tokio::test]
    async fn what_is_not_there_is_named() {
        let root = tempfile::tempdir().unwrap();
        let fault = checked(&root.path().join("nowhere")).await.unwrap_err();
        assert!(
            fault.exit == Exit::NoInput && fault.sentence.contains("nowhere"),
            "{fault}"
        );
        let folder = otp(root.path(), INPUT, None);
        fs::remove_dir_all(folder.join("target")).unwrap();
        let fault = checked(&folder).await.unwrap_err();
        assert!(
            fault.exit == Exit::NoInput && fault.sentence.contains("build it first"),
            "{fault}"
        );
    }
}
