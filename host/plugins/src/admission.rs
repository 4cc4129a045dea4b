//! What a file must be before it may run: a valid component of bearable size that imports nothing but what is linked and exports
//! what its world promises. Refused here, with a sentence, and not at the first call.

use std::borrow::Cow;

use wasmtime::component::InstancePre;
use wasmtime::wasmparser::{BinaryReaderError, Parser, Payload};

use crate::aside::aside;
use crate::cache::Code;
use crate::call::Guest;
use crate::engine::Engine;
use crate::load_error::Refusal;
use crate::plugin::Origin;
use crate::precompiled::fingerprint;
use crate::wasi;
use crate::world::{TYPES, VERSION, World};

/// A component that may run.
pub(crate) struct Admitted {
    /// SHA-256, in lower-case hexadecimal.
    pub(crate) fingerprint: String,
    pub(crate) linked: InstancePre<Guest>,
}

/// A component that wants to run.
pub(crate) struct Candidate {
    /// The id of its plugin.
    pub(crate) plugin: String,
    pub(crate) origin: Origin,
    pub(crate) world: World,
    pub(crate) wasm: Cow<'static, [u8]>,
    /// The fingerprint that the operator wants it to have.
    pub(crate) pinned: Option<String>,
}

/// Checks, compiles (or loads compiled code) and links. All of that takes long, so it happens off the async threads.
pub(crate) async fn admit(engine: &Engine, candidate: Candidate) -> Result<Admitted, Refusal> {
    let engine = engine.clone();
    aside("compiling its component", move || examine(&engine, candidate)).await?
}

fn examine(engine: &Engine, candidate: Candidate) -> Result<Admitted, Refusal> {
    let Candidate {
        plugin,
        origin,
        world,
        wasm,
        pinned,
    } = candidate;
    let inner = engine.inner();
    looks_like_a_component(&wasm, inner.max_wasm_mib)?;
    let fingerprint = fingerprint(&wasm);
    if let Some(pinned) = pinned.filter(|pinned| *pinned != fingerprint) {
        return Err(Refusal::Pinned {
            found: fingerprint,
            pinned,
        });
    }
    // Before it is compiled, which takes long and is kept.
    let names = Names::read(&wasm).map_err(|error| Refusal::Invalid(error.to_string()))?;
    names.imports_are_linked()?;
    names.exports_the_interface(world)?;
    let code = Code {
        plugin: &plugin,
        origin,
        wasm: &wasm,
        fingerprint: &fingerprint,
    };
    let component = inner
        .cache
        .component(&inner.wasmtime, &code)
        .map_err(|error| Refusal::Invalid(format!("{error:#}")))?;
    let linked = inner
        .linker
        .instantiate_pre(&component)
        .map_err(|error| Refusal::Types(format!("{error:#}")))?;
    Ok(Admitted { fingerprint, linked })
}

fn looks_like_a_component(wasm: &[u8], most_mib: u32) -> Result<(), Refusal> {
    if wasm.len() > (most_mib as usize) << 20 {
        return Err(Refusal::TooLarge {
            size_bytes: wasm.len(),
            most_mib,
        });
    }
    match wasm {
        [] => Err(Refusal::NotAComponent("is empty")),
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Err(Refusal::NotAComponent(
            "is a core module and not a component; build it for wasm32-wasip2",
        )),
        _ => Err(Refusal::NotAComponent("is not WebAssembly")),
    }
}

/// What a component imports and exports, by name. That it is valid besides, the compiler finds out, and the linker that it imports
/// nothing else.
struct Names<'a> {
    imports: Vec<&'a str>,
    exports: Vec<&'a str>,
}

impl<'a> Names<'a> {
    fn read(wasm: &'a [u8]) -> Result<Self, BinaryReaderError> {
        let (mut imports, mut exports) = (Vec::new(), Vec::new());
        // Of what is inside of it, only what it passes on itself gets out.
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        imports.push(import?.name.name);
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        exports.push(export?.name.name);
                    }
                }
                _ => {}
            }
        }
        Ok(Self { imports, exports })
    }

    fn imports_are_linked(&self) -> Result<(), Refusal> {
        let imports = self.imports.iter().copied();
        let strangers: Vec<_> = imports.filter(|name| !is_linked(name)).collect();
        if strangers.is_empty() {
            Ok(())
        } else {
            Err(Refusal::Imports {
                strangers: strangers.join(", "),
            })
        }
    }

    fn exports_the_interface(&self, world: World) -> Result<(), Refusal> {
        let interface = world.interface();
        if self.exports.iter().any(|name| is_version_of(name, &interface, VERSION)) {
            return Ok(());
        }
        let found = if self.exports.is_empty() {
            "nothing".to_owned()
        } else {
            self.exports.join(", ")
        };
        Err(Refusal::Exports {
            wanted: format!("{interface}@{VERSION}"),
            found,
        })
    }
}

fn is_linked(import: &str) -> bool {
    let wasi = || {
        wasi::LINKED
            .iter()
            .any(|(interface, _)| is_version_of(import, interface, wasi::VERSION))
    };
    TYPES.iter().any(|interface| is_version_of(import, interface, VERSION)) || wasi()
}

/// Whether `name` is `interface@version` or `interface@version.<patch>`.
fn is_version_of(name: &str, interface: &str, version: &str) -> bool {
    let rest = name.strip_prefix(interface).and_then(|rest| rest.strip_prefix('@'));
    rest.and_then(|rest| rest.strip_prefix(version)).is_some_and(|patch| {
        patch.is_empty()
            || patch
                .strip_prefix('.')
                .is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|b| b.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineOptions;
    use crate::testing::{engine, guest};
    use proptest::prelude::*;

    fn candidate(wasm: impl Into<Cow<'static, [u8]>>) -> Candidate {
        Candidate {
            plugin: "guest".to_owned(),
            origin: Origin::Folder,
            world: World::MessageHandler,
            wasm: wasm.into(),
            pinned: None,
        }
    }

    async fn refusal(wat: &str) -> String {
        admit(&engine(), candidate(wat::parse_str(wat).unwrap()))
            .await
            .err()
            .map_or_else(|| "admitted".to_owned(), |refusal| refusal.to_string())
    }

    #[tokio::test]
    async fn the_network_and_the_disk_are_strangers_each_by_name() {
        let refusal = refusal(
            r#"(component
                (import "wasi:http/outgoing-handler@0.2.6" (instance))
                (import "wasi:sockets/tcp@0.2.6" (instance))
                (import "wasi:io/streams@0.2.99" (instance))
                (import "wasi:filesystem/preopens@0.2.6" (instance)))"#,
        )
        .await;
        assert!(
            refusal
                .contains("wasi:http/outgoing-handler@0.2.6, wasi:sockets/tcp@0.2.6, wasi:filesystem/preopens@0.2.6,"),
            "{refusal}"
        );
        assert!(!refusal.contains("streams"), "{refusal}");
    }

    #[tokio::test]
    async fn each_way_out_is_a_stranger_by_itself() {
        for import in [
            "wasi:sockets/network@0.2.6",
            "wasi:sockets/instance-network@0.2.6",
            "wasi:sockets/tcp@0.2.6",
            "wasi:sockets/tcp-create-socket@0.2.6",
            "wasi:sockets/udp@0.2.6",
            "wasi:sockets/udp-create-socket@0.2.6",
            "wasi:sockets/ip-name-lookup@0.2.6",
            "wasi:filesystem/types@0.2.6",
            "wasi:filesystem/preopens@0.2.6",
            "wasi:http/types@0.2.6",
            "wasi:http/outgoing-handler@0.2.6",
            "wasi:http/incoming-handler@0.2.6",
            "wasi:config/store@0.2.0-rc.1",
            "wasi:keyvalue/store@0.2.0-draft",
            "wasi:cli/run@0.2.6",
            "env",
        ] {
            let refusal = refusal(&format!("(component (import {import:?} (instance)))")).await;
            assert!(refusal.contains(&format!("it imports {import},")), "{refusal}");
        }
        let function = refusal(r#"(component (import "getenv" (func)))"#).await;
        assert!(function.contains("it imports getenv,"), "{function}");
    }

    #[tokio::test]
    async fn another_version_of_a_linked_interface_is_a_stranger() {
        for import in [
            "wasi:io/streams@0.3.0",
            "wasi:io/streams@0.20.0",
            "wasi:io/streams",
            "switchboard:plugin/types@1.1.0",
            "host",
        ] {
            let refusal = refusal(&format!("(component (import {import:?} (instance)))")).await;
            assert!(refusal.contains(&format!("it imports {import},")), "{refusal}");
        }
    }

    #[tokio::test]
    async fn what_is_refused_for_its_imports_or_exports_is_not_compiled_before() {
        let cache = tempfile::tempdir().unwrap();
        let options = EngineOptions {
            cache_dir: Some(cache.path().join("code")),
            ..EngineOptions::default()
        };
        let engine = Engine::new(options).unwrap();
        let wat = |text| candidate(wat::parse_str(text).unwrap());
        // What is inside may be called anything.
        let inner = r#"(component
            (import "wasi:http/types@0.2.6" (instance))
            (component (import "inside" (func)) (export "inside-too" (func 0))))"#;
        let refused = admit(&engine, wat(inner)).await.err().unwrap();
        assert!(
            refused
                .to_string()
                .starts_with("it imports wasi:http/types@0.2.6, which"),
            "{refused}"
        );
        let refused = admit(&engine, wat("(component (component))")).await.err().unwrap();
        assert!(refused.to_string().ends_with("it exports nothing"), "{refused}");
        assert!(!cache.path().join("code").exists());
        admit(&engine, candidate(guest("unreachable"))).await.unwrap();
        assert!(cache.path().join("code").exists());
    }

    #[tokio::test]
    async fn a_component_of_another_contract_is_told_what_is_missing() {
        assert_eq!(
            refusal("(component)").await,
            "it does not export switchboard:plugin/message-handler@1.0; it exports nothing"
        );
        let newer = r#"(component (instance $i) (export "switchboard:plugin/message-handler@2.0.0" (instance $i)))"#;
        assert!(
            refusal(newer)
                .await
                .ends_with("it exports switchboard:plugin/message-handler@2.0.0")
        );
    }

    #[tokio::test]
    async fn what_is_no_component_is_called_what_it_is() {
        for (bytes, sentence) in [
            (&b""[..], "the file is empty"),
            (b"(component)", "the file is not WebAssembly"),
            (b"\x7fELF\x02\x01\x01\0\0\0\0\0", "the file is not WebAssembly"),
            (
                b"\0asm\x01\0\0\0",
                "the file is a core module and not a component; build it for wasm32-wasip2",
            ),
        ] {
            let refusal = admit(&engine(), candidate(bytes)).await.err().unwrap();
            assert_eq!(refusal.to_string(), sentence);
        }
    }

    #[tokio::test]
    async fn a_file_over_the_cap_is_refused_before_it_is_read() {
        let most = (10 << 20) + 1;
        let refusal = admit(&engine(), candidate(vec![0; most])).await.err().unwrap();
        assert_eq!(
            refusal.to_string(),
            format!("the component has {most} bytes; this host allows 10 MiB")
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_cut_or_damaged_file_is_refused_and_never_a_crash(cut in 8usize..400, at in 8usize..400, bit in 0u8..8) {
            let whole = guest("unreachable");
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let cut_at = cut % whole.len();
            let refused = runtime.block_on(admit(&engine(), candidate(whole[..cut_at].to_vec()))).err();
            prop_assert!(refused.is_some(), "cut at {}", cut_at);
            let mut damaged = whole.clone();
            let at = at % whole.len();
            damaged[at] ^= 1 << bit;
            // Some damage is harmless, such as another letter in a name; what matters is that there is an answer.
            let _ = runtime.block_on(admit(&engine(), candidate(damaged)));
        }
    }
}
