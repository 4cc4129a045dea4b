//! `switchboard plugin new NAME`: a crate that builds with plain cargo, with the contract and a first case in it.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use clap::{Args, ValueEnum};
use switchboard_plugins::{RESERVED, is_id};

use crate::cli::exit::{Exit, Fault};
use crate::cli::unwritten;

/// What to write.
#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    /// The id of the plugin, and the name of the folder that is made here: 1 to 64 of a-z, 0-9 and -, first a letter.
    #[arg(value_parser = id)]
    name: String,
    /// What it is for.
    #[arg(long, value_enum, default_value_t = Kind::MessageHandler)]
    world: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Turns the body of a send into messages.
    MessageHandler,
    /// Speaks somebody else's HTTP API.
    Dialect,
    /// Turns text into sound.
    TtsProvider,
}

/// A file of the new folder: its path, and its text with `{{id}}`, `{{crate}}` and `{{what}}` for what differs.
type Template = (&'static str, &'static str);

macro_rules! contract {
    ($($name:literal)*) => {
        [$((concat!("wit/", $name, ".wit"), include_str!(concat!("../../../../../wit/", $name, ".wit")))),*]
    };
}

const CONTRACT: [Template; 8] =
    contract!("package" "types" "http" "content" "effects" "message-handler" "dialect" "tts-provider");

const SHARED: [Template; 3] = [
    ("Cargo.toml", include_str!("template/Cargo.toml.txt")),
    ("README.md", include_str!("template/README.md.txt")),
    (".gitignore", include_str!("template/gitignore.txt")),
];

const MESSAGE_HANDLER: &[Template] = &[
    ("plugin.toml", include_str!("template/message-handler/plugin.toml")),
    ("src/lib.rs", include_str!("template/message-handler/lib.rs.txt")),
    (
        "cases/greets/input.json",
        "{ \"kind\": \"{{id}}\", \"body\": { \"name\": \"Ada\" } }\n",
    ),
    (
        "cases/greets/expected.json",
        "{ \"send\": [{ \"text\": { \"body\": \"Hello, Ada!\", \"previewUrl\": false } }] }\n",
    ),
    (
        "cases/greets-in-the-operators-words/input.json",
        "{ \"kind\": \"{{id}}\", \"body\": { \"name\": \"Ada\" }, \"config\": { \"greeting\": \"Ahoy\" } }\n",
    ),
    (
        "cases/greets-in-the-operators-words/expected.json",
        "{ \"send\": [{ \"text\": { \"body\": \"Ahoy, Ada!\", \"previewUrl\": false } }] }\n",
    ),
];

const DIALECT: &[Template] = &[
    ("plugin.toml", include_str!("template/dialect/plugin.toml")),
    ("src/lib.rs", include_str!("template/dialect/lib.rs.txt")),
    (
        "cases/ping/input.json",
        r#"{
  "request": {
    "method": "get", "baseUrl": "https://chat.example.com", "route": "/{{id}}/ping", "path": "/{{id}}/ping",
    "params": [], "query": [], "headers": [], "body": "empty",
    "caller": { "subject": "shop", "scopes": [] }
  }
}
"#,
    ),
    (
        "cases/ping/expected.json",
        r#"{
  "respond": {
    "status": 200, "headers": [["content-type", "application/json"]], "body": { "whole": { "text": { "pong": "shop" } } }
  }
}
"#,
    ),
];

const TTS_PROVIDER: &[Template] = &[
    ("plugin.toml", include_str!("template/tts-provider/plugin.toml")),
    ("src/lib.rs", include_str!("template/tts-provider/lib.rs.txt")),
    (
        "cases/speech/input.json",
        "{ \"speech\": { \"text\": \"Hi\", \"voice\": \"{{id}}\", \"speed\": 1, \"language\": null } }\n",
    ),
    (
        "cases/speech/expected.json",
        "{ \"pcm\": { \"rate\": 16000, \"samples\": [0, 0] } }\n",
    ),
];

impl Kind {
    const fn files(self) -> &'static [Template] {
        match self {
            Self::MessageHandler => MESSAGE_HANDLER,
            Self::Dialect => DIALECT,
            Self::TtsProvider => TTS_PROVIDER,
        }
    }

    const fn what(self) -> &'static str {
        match self {
            Self::MessageHandler => "A message-handler: it adds a value of `type` to `POST /api/messages/send`.",
            Self::Dialect => "A dialect: it adds routes that speak somebody else's HTTP API.",
            Self::TtsProvider => "A tts-provider: it adds voices.",
        }
    }
}

/// Makes the folder in `parent`.
pub(in crate::cli) fn run(options: &Options, parent: &Path, out: &mut dyn Write) -> Result<(), Fault> {
    let Options { name, world } = options;
    if *world == Kind::Dialect && RESERVED.contains(&name.as_str()) {
        let sentence =
            format!("a dialect cannot be called {name}: its routes would begin with /{name}, which is the host's own");
        return Err(Fault::new(Exit::Usage, &sentence));
    }
    let folder = parent.join(name);
    let unmade =
        |path: &Path, error: &io::Error| Fault::new(Exit::CannotCreate, &format!("{}: {error}", path.display()));
    // Nothing of anybody's is written over.
    fs::create_dir(&folder).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            let sentence = format!("there is something called {name} here already: remove it, or choose another name");
            Fault::new(Exit::CannotCreate, &sentence)
        }
        _ => unmade(&folder, &error),
    })?;
    for (path, template) in SHARED.iter().chain(&CONTRACT).chain(world.files()) {
        let path = folder.join(path);
        let text = template
            .replace("{{id}}", name)
            .replace("{{crate}}", &name.replace('-', "_"))
            .replace("{{what}}", world.what());
        let written = path
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&path, text));
        written.map_err(|error| unmade(&path, &error))?;
    }
    writeln!(
        out,
        "{name} is a plugin now. Next:\n  cd {name}\n  cargo build --release --target wasm32-wasip2\n  switchboard plugin check ."
    )
    .map_err(|error| unwritten(&error))
}

fn id(text: &str) -> Result<String, String> {
    is_id(text)
        .then(|| text.to_owned())
        .ok_or_else(|| "must be 1 to 64 of a-z, 0-9 and -, first a letter".to_owned())
}

#[cfg(test)]
mod tests {
    use switchboard_plugins::trial::{Case, Trial};
    use switchboard_plugins::{Engine, EngineOptions, PluginSource};

    use super::*;

    fn made(name: &str, world: Kind) -> tempfile::TempDir {
        let parent = tempfile::tempdir().unwrap();
        let options = Options {
            name: name.to_owned(),
            world,
        };
        run(&options, parent.path(), &mut Vec::new()).unwrap();
        parent
    }

    #[test]
    fn a_new_plugin_has_everything_and_nothing_is_left_to_fill_in() {
        for world in Kind::value_variants() {
            let parent = made("my-first", *world);
            let folder = parent.path().join("my-first");
            for (path, _) in SHARED.iter().chain(&CONTRACT).chain(world.files()) {
                let text = fs::read_to_string(folder.join(path)).unwrap();
                assert!(!text.contains("{{"), "{path} of {world:?}: {text}");
            }
            let shipped = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit")).unwrap();
            for file in shipped.map(|entry| entry.unwrap().file_name()) {
                let is_wit = file.to_string_lossy().ends_with(".wit");
                assert_eq!(folder.join("wit").join(&file).exists(), is_wit, "{}", file.display());
            }
            let cases = Case::all(&folder.join("cases")).unwrap();
            assert!(!cases.is_empty() && cases.values().all(Result::is_ok), "{cases:?}");
            let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
            assert!(manifest.contains("name = \"plugin-my-first\""));
        }
    }

    #[tokio::test]
    async fn its_manifest_is_one_that_a_server_takes() {
        let engine = Engine::new(EngineOptions::default()).unwrap();
        for world in Kind::value_variants() {
            let parent = made("my-first", *world);
            let manifest = fs::read_to_string(parent.path().join("my-first/plugin.toml")).unwrap();
            let source = PluginSource::bundled("my-first", manifest, &b"not built yet"[..]);
            let refused = Trial::load(&engine, source, "x".parse().unwrap()).await.unwrap_err();
            // The manifest comes first.
            assert!(refused.to_string().contains("the file "), "{refused}");
        }
    }

    #[test]
    fn nothing_that_is_there_is_written_over_and_a_name_is_an_id() {
        let parent = made("otp", Kind::Dialect);
        let options = Options {
            name: "otp".to_owned(),
            world: Kind::MessageHandler,
        };
        let fault = run(&options, parent.path(), &mut Vec::new()).unwrap_err();
        assert_eq!(fault.exit, Exit::CannotCreate);
        assert_eq!(
            fault.sentence,
            "there is something called otp here already: remove it, or choose another name"
        );
        for hostile in ["../otp", "Otp", "", "a/b", "7up", "-x"] {
            assert!(id(hostile).is_err(), "{hostile}");
        }
    }

    #[test]
    fn a_dialect_is_not_called_as_the_hosts_own_routes_begin() {
        let parent = tempfile::tempdir().unwrap();
        let begun = |world| {
            let options = Options {
                name: "api".to_owned(),
                world,
            };
            run(&options, parent.path(), &mut Vec::new())
        };
        let fault = begun(Kind::Dialect).unwrap_err();
        assert_eq!(fault.exit, Exit::Usage);
        assert!(!parent.path().join("api").exists());
        begun(Kind::MessageHandler).unwrap();
    }
}
