//! `switchboard plugin run FOLDER [CASE]`: what a plugin answers, and what that costs.

use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value};
use switchboard_core::config::Config;
use switchboard_plugins::Limits;
use tokio::time::Instant;

use super::Around;
use super::authored::{self, Authored, beside};
use crate::cli::exit::{Exit, Fault};
use crate::cli::unwritten;
use crate::wiring;

const RED: &str = "\u{1b}[31m";
const PLAIN: &str = "\u{1b}[0m";

/// Which plugin, and which case of it.
#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    #[command(flatten)]
    plugin: authored::Chosen,
    /// One case. Without it: all of them.
    case: Option<String>,
}

/// Exits with 1 when a case cannot be run or goes over a limit.
pub(super) async fn run(
    config: &Config,
    options: &Options,
    paint: bool,
    mut around: Around<'_>,
) -> Result<Exit, Fault> {
    let most = wiring::max_wasm_mib(config);
    let mut plugin = Authored::read(&options.plugin, &around, wiring::engine(config, None)?, most)?;
    plugin.announce(&mut around);
    let limits = match plugin.trial(&Map::new()).await {
        Ok(trial) => trial.limits(),
        Err(error) => return Err(Fault::new(Exit::Unwell, &error)),
    };
    let mut cases = plugin.cases()?;
    if cases.is_empty() {
        say(
            &mut around,
            "it has no cases: a case is a folder in cases, with input.json in it\n",
        )?;
    }
    if let Some(wanted) = &options.case {
        let names: Vec<_> = cases.keys().cloned().collect();
        cases.retain(|name, _| name == wanted);
        if cases.is_empty() {
            let sentence = format!("there is no case {wanted}; there are: {}", names.join(", "));
            return Err(Fault::new(Exit::NoInput, &sentence));
        }
    }
    // Counting takes time, so it is not done in the run that is timed.
    let mut counted = Authored::read(&options.plugin, &around, wiring::counting_engine(config)?, most)?;
    let mut exit = Exit::Ok;
    for (name, case) in cases {
        let case = match case {
            Ok(case) => case,
            Err(error) => {
                exit = Exit::Unwell;
                say(&mut around, &format!("{name}: {error}\n"))?;
                continue;
            }
        };
        // Made before the clock starts.
        let _ = plugin.trial(&case.config).await;
        let since = Instant::now();
        let answer = plugin.answer(&case).await;
        let took = since.elapsed();
        let (text, is_over) = match answer {
            Ok(answer) => {
                // Those that the load took are not the case's.
                let _ = counted.trial(&case.config).await;
                let _ = counted.instructions(&case.config);
                let _ = counted.answer(&case).await;
                let used = Used {
                    took,
                    memory_bytes: plugin.peak_memory(&case.config),
                    instructions: counted.instructions(&case.config),
                };
                let (value, beside) = (&answer.value, beside(&answer));
                let cost = Cost::of(value, &used, &limits);
                let text = format!("{name}\n{value:#}\n{beside}{}\n", cost.told(paint));
                (text, cost.is_over())
            }
            Err(error) => (format!("{name}: {error}\n"), true),
        };
        if is_over {
            exit = Exit::Unwell;
        }
        say(&mut around, &text)?;
    }
    Ok(exit)
}

fn say(around: &mut Around<'_>, text: &str) -> Result<(), Fault> {
    around.out.write_all(text.as_bytes()).map_err(|error| unwritten(&error))
}

/// What one call used.
struct Used {
    took: Duration,
    memory_bytes: u64,
    instructions: u64,
}

/// What one call cost, each with the most it may.
struct Cost {
    /// Of WebAssembly; the same on every machine.
    instructions: u64,
    measures: [(&'static str, f64, u32); 3],
    /// The code of what the host stopped it with.
    stopped: Option<String>,
}

impl Cost {
    fn of(answer: &Value, used: &Used, limits: &Limits) -> Self {
        let code = answer.pointer("/problem/code").and_then(Value::as_str);
        let kib = |bytes: u64| f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / 1024.0;
        Self {
            instructions: used.instructions,
            measures: [
                ("ms", used.took.as_secs_f64() * 1000.0, limits.cpu_ms),
                ("MiB of memory", kib(used.memory_bytes) / 1024.0, limits.memory_mib),
                (
                    "KiB of answer in JSON",
                    kib(answer.to_string().len() as u64),
                    limits.answer_kib,
                ),
            ],
            stopped: code.filter(|code| code.starts_with("plugin_")).map(str::to_owned),
        }
    }

    /// Whether the host found it too much. The measures are by the clock on the wall, which runs on while others have the processor, and
    /// in JSON, which is longer than what it stands for.
    fn is_over(&self) -> bool {
        self.stopped.is_some()
    }

    /// In one line, with what is too much in red.
    fn told(&self, paint: bool) -> String {
        let (red, plain) = if paint { (RED, PLAIN) } else { ("", "") };
        let mut line = String::from(" ");
        for (unit, used, most) in &self.measures {
            let (red, plain) = if *used > f64::from(*most) {
                (red, plain)
            } else {
                ("", "")
            };
            let _ = write!(line, " {red}{used:.1} of {most} {unit}{plain},");
        }
        let _ = write!(line, " {} instructions", self.instructions);
        if let Some(code) = &self.stopped {
            let _ = write!(line, ", {red}stopped by the host: {code}{plain}");
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::testing::{self, shipped};

    const LIMITS: Limits = Limits {
        cpu_ms: 50,
        memory_mib: 8,
        answer_kib: 1,
        log_kib: 1,
    };

    fn cost(answer: &Value, ms: u64, mib: u64) -> Cost {
        let used = Used {
            took: Duration::from_millis(ms),
            memory_bytes: mib << 20,
            instructions: 1234,
        };
        Cost::of(answer, &used, &LIMITS)
    }

    async fn ran(folder: &Path, case: Option<&str>) -> Result<(String, Exit), Fault> {
        let (mut out, mut words) = (Vec::new(), Vec::new());
        let around = Around {
            target_dir: None,
            out: &mut out,
            words: &mut words,
        };
        let options = Options {
            plugin: authored::Chosen::of(folder),
            case: case.map(str::to_owned),
        };
        let exit = run(&testing::config(folder), &options, false, around).await?;
        assert_eq!(String::from_utf8(words).unwrap(), "loading otp ...\n");
        Ok((String::from_utf8(out).unwrap(), exit))
    }

    #[tokio::test]
    async fn what_is_behind_a_problem_stands_below_the_answer() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("otp");
        let case = folder.join("cases/unknown-language");
        fs::create_dir_all(&case).unwrap();
        // With its schema the configuration would be refused before.
        let (manifest, _) = shipped("otp").manifest.split_once("[config_schema]").unwrap();
        fs::write(folder.join("plugin.toml"), manifest).unwrap();
        fs::write(folder.join("plugin.wasm"), shipped("otp").wasm).unwrap();
        let input = r#"{"kind": "otp", "body": {"code": "493027"}, "config": {"default_language": "tlh"}}"#;
        fs::write(case.join("input.json"), input).unwrap();
        let (said, _) = ran(&folder, None).await.unwrap();
        let because = "\n  because  plugin otp 0.1.0: the plugin reports a failure of its own: default_language is not a language of this \
                       plugin\n";
        assert!(said.contains(because), "{said}");
        let fault = ran(&folder, Some("none")).await.unwrap_err();
        assert_eq!(fault.sentence, "there is no case none; there are: unknown-language");

        fs::remove_dir_all(folder.join("cases")).unwrap();
        let (said, exit) = ran(&folder, None).await.unwrap();
        assert!(said.starts_with("it has no cases") && exit == Exit::Ok, "{said}");
    }

    #[test]
    fn what_was_used_stands_beside_the_most_it_may_be() {
        let cost = cost(&json!({"send": []}), 2, 1);
        assert_eq!(
            cost.told(true),
            "  2.0 of 50 ms, 1.0 of 8 MiB of memory, 0.0 of 1 KiB of answer in JSON, 1234 instructions"
        );
        assert!(!cost.is_over());
    }

    #[test]
    fn what_is_too_much_is_red_on_a_terminal_and_nowhere_else() {
        let slow = cost(&json!({}), 51, 1);
        assert!(!slow.is_over());
        assert!(
            slow.told(true)
                .starts_with("  \u{1b}[31m51.0 of 50 ms\u{1b}[0m, 1.0 of")
        );
        assert!(!slow.told(false).contains('\u{1b}'));
        let large = cost(&json!("x".repeat(2048)), 1, 1);
        assert!(
            !large.is_over()
                && large
                    .told(true)
                    .contains("\u{1b}[31m2.0 of 1 KiB of answer in JSON\u{1b}[0m")
        );
        let stopped = cost(&json!({"problem": {"code": "plugin_trap"}}), 1, 1);
        assert!(
            stopped.is_over()
                && stopped
                    .told(false)
                    .ends_with("instructions, stopped by the host: plugin_trap")
        );
        assert!(!cost(&json!({"problem": {"code": "invalid_field"}}), 1, 1).is_over());
    }
}
