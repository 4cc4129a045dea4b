//! `switchboard plugin check FOLDER`: whether a server would take a plugin, what that would do to others there, and whether it does what
//! its cases say.

use serde_json::Map;
use switchboard_core::config::Config;

use super::Around;
use super::authored::{Authored, Chosen, beside};
use super::dropped::{Dropped, dropped};
use crate::cli::exit::{Exit, Fault};
use crate::cli::unwritten;
use crate::wiring;

pub(super) async fn run(config: &Config, options: &Chosen, mut around: Around<'_>) -> Result<Exit, Fault> {
    let (engine, most) = (wiring::engine(config, None)?, wiring::max_wasm_mib(config));
    let mut plugin = Authored::read(options, &around, engine, most)?;
    plugin.announce(&mut around);
    let faults = faults(config, &mut plugin).await?;
    let said = match &faults {
        Faults::Refused(sentence) => format!("{sentence}\n"),
        Faults::Cases { changes, count, wrong } => {
            let changes: String = changes
                .iter()
                .map(|change| format!("in a server, {change}\n"))
                .collect();
            let verdict = match (count, wrong.len()) {
                (0, _) => "it can be loaded; it has no cases, so nothing says what it does".to_owned(),
                (count, 0) => format!("it can be loaded, and all of its cases hold: {count}"),
                (count, 1) => format!("it can be loaded, but 1 of {count} cases does not hold:"),
                (count, wrong) => format!("it can be loaded, but {wrong} of {count} cases do not hold:"),
            };
            format!("{changes}{verdict}\n{}", wrong.concat())
        }
    };
    around
        .out
        .write_all(said.as_bytes())
        .map_err(|error| unwritten(&error))?;
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
    let cases = plugin.cases()?;
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
        let answer = match plugin.answer(&case).await {
            Ok(answer) => answer,
            Err(error) => {
                wrong.push(format!("case {name}: {error}\n"));
                continue;
            }
        };
        let (found, beside) = (&answer.value, beside(&answer));
        match &case.expected {
            Some(expected) if found == expected => {}
            Some(expected) => wrong.push(format!(
                "case {name} answers something else than expected\n  expected {expected}\n  found    {found}\n{beside}"
            )),
            None => wrong.push(format!(
                "case {name} has no expected.json; it answers\n  {found}\n{beside}"
            )),
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
        // With its schema a configuration that the component does not bear would be refused before.
        let (manifest, _) = shipped("otp").manifest.split_once("[config_schema]").unwrap();
        fs::write(folder.join("plugin.toml"), manifest).unwrap();
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
        let (mut out, mut words) = (Vec::new(), Vec::new());
        let around = Around {
            target_dir: None,
            out: &mut out,
            words: &mut words,
        };
        let exit = run(&config, &Chosen::of(folder), around).await?;
        assert_eq!(String::from_utf8(words).unwrap(), "loading otp ...\n");
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
            cases.starts_with(
                "it can be loaded, but 1 of 1 cases does not hold:\ncase one has no expected.json; it answers\n  {\"problem\":"
            ),
            "{said}"
        );
        let answer = cases.lines().nth(2).unwrap().trim();
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
                "case one: with its config in the place of an operator's, plugin otp cannot be loaded: [grants.otp] config sets x, \
                 which its plugin.toml does not have; it has default_language\n",
            ),
            (
                r#"{"kind": "opt", "body": {}}"#,
                "{}",
                "case one: the input has the kind opt, which the plugin does not offer; it offers otp\n",
            ),
            (
                r#"{"kind": "otp", "body": {"code": "493027"}, "config": {"default_language": "tlh"}}"#,
                "{}",
                "\n  because  plugin otp 0.1.0: the plugin reports a failure of its own: default_language is not a language of this \
                 plugin\n",
            ),
        ] {
            let root = tempfile::tempdir().unwrap();
            let (said, exit) = checked(&otp(root.path(), input, Some(expected))).await.unwrap();
            assert!(said.contains(sentence), "{sentence:?} is not in {said}");
            assert!(
                said.contains("it can be loaded, but 1 of 1 cases does not hold:\n"),
                "{said}"
            );
            assert_eq!(exit, Exit::Unwell);
        }
    }

    #[tokio::test]
    async fn a_plugin_without_cases_is_told_so_and_one_with_several_wrong_ones_how_many() {
        let root = tempfile::tempdir().unwrap();
        let folder = otp(root.path(), INPUT, None);
        let second = folder.join("cases/two");
        fs::create_dir(&second).unwrap();
        let (said, exit) = checked(&folder).await.unwrap();
        assert!(said.contains("but 2 of 2 cases do not hold:\n"), "{said}");
        assert_eq!(exit, Exit::Unwell);

        fs::remove_dir_all(folder.join("cases")).unwrap();
        let (said, exit) = checked(&folder).await.unwrap();
        assert!(
            said.ends_with("it has no cases, so nothing says what it does\n"),
            "{said}"
        );
        assert_eq!(exit, Exit::Ok);
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
