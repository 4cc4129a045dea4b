//! Guests written by hand in WebAssembly text, for tests and benches alike.
//!
//! A guest here is a core module with the contract's flattened exports, lifted to a component. Its memory starts with the bytes a
//! test lays out, because a hostile guest answers with what no compiler would produce.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SizeAlign, Type, TypeDefKind};

/// Where the laid out bytes begin.
const BASE: u32 = 1024;

/// The text of a guest and the bytes it finds in memory.
pub(crate) struct GuestText {
    pub(crate) kind: &'static str,
    /// Pages of 64 KiB.
    pub(crate) pages: u32,
    /// Whether it also imports from WASI: `$stderr`, `$write`, `$now`, `$random`, `$environment`, `$arguments`, `$folder`, `$after`
    /// and `$block`.
    pub(crate) wasi: bool,
    /// Where the host is told to put what it brings.
    pub(crate) room: &'static str,
    /// More functions, for its `next` to call.
    pub(crate) functions: String,
    pub(crate) image: Vec<u8>,
}

impl Default for GuestText {
    fn default() -> Self {
        Self {
            kind: "x",
            pages: 2,
            wasi: false,
            room: "(local.get $at)",
            functions: String::new(),
            image: Vec::new(),
        }
    }
}

impl GuestText {
    fn place(&mut self, bytes: &[u8]) -> u32 {
        self.image.resize(self.image.len().next_multiple_of(4), 0);
        let at = BASE + u32::try_from(self.image.len()).unwrap();
        self.image.extend_from_slice(bytes);
        at
    }

    /// Pointers, lengths and cases, four bytes each.
    pub(crate) fn words(&mut self, words: &[u32]) -> u32 {
        let bytes: Vec<_> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.place(&bytes)
    }

    /// A string as its pointer and length.
    pub(crate) fn string(&mut self, text: impl AsRef<[u8]>) -> [u32; 2] {
        let text = text.as_ref();
        [self.place(text), u32::try_from(text.len()).unwrap()]
    }

    /// `ok(send)` of `count` times the same text.
    pub(crate) fn send(&mut self, count: u32, text: [u32; 2]) -> u32 {
        let content = self.case("content", "content", 0, &text);
        let contents = self.list(&content, count);
        self.answer(1, contents, count)
    }

    /// `ok(send)` of one open content.
    pub(crate) fn send_open(&mut self, name: [u32; 2], json: [u32; 2]) -> u32 {
        let content = self.case("content", "content", 13, &[name[0], name[1], json[0], json[1]]);
        let contents = self.list(&content, 1);
        self.answer(1, contents, 1)
    }

    /// `ok(do)` of `count` times the effect `teleport`.
    pub(crate) fn act(&mut self, count: u32) -> u32 {
        let ([name, name_len], [json, json_len]) = (self.string("teleport"), self.string("{}"));
        let effect = self.case("effects", "effect", 19, &[name, name_len, json, json_len]);
        let effects = self.list(&effect, count);
        self.answer(0, effects, count)
    }

    /// `ok` of a step with a list.
    pub(crate) fn answer(&mut self, step: u32, list: u32, count: u32) -> u32 {
        // A result of a step or a problem: its case, the step's case, the step's list, and room for the largest problem.
        self.align(8);
        self.words(&[0, step, list, count, 0, 0, 0, 0, 0, 0, 0, 0])
    }

    /// The bytes of a variant's case, as the contract lays them out.
    fn case(&self, interface: &str, variant: &str, case: u32, payload: &[u32]) -> Vec<u8> {
        let (size, offset) = layout(interface, variant);
        let mut bytes = vec![0; size];
        bytes[0] = u8::try_from(case).unwrap();
        for (place, word) in payload.iter().enumerate() {
            let at = offset + 4 * place;
            bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    fn list(&mut self, item: &[u8], count: u32) -> u32 {
        self.align(8);
        self.place(&item.repeat(usize::try_from(count).unwrap()))
    }

    pub(crate) fn align(&mut self, to: usize) {
        self.image.resize(self.image.len().next_multiple_of(to), 0);
    }

    /// The component, with `next` as the body of its function: it may use `$outcomes` and leaves a pointer to the result.
    pub(crate) fn component(mut self, next: &str) -> Vec<u8> {
        let strings = [self.kind, "A kind for tests.", r#"{"type": "object"}"#, "{}"];
        let fields: Vec<_> = strings.iter().flat_map(|text| self.string(text)).collect();
        let kind = self.words(&fields);
        let kinds = self.words(&[kind, 1]);
        let functions = format!(
            r#"(func (export "switchboard:plugin/message-handler@1.0.0#kinds") (result i32) (i32.const {kinds}))
                (func (export "switchboard:plugin/message-handler@1.0.0#next")
                    (param i32 i32 i64 i32 i32 i32 i32 i32 i32 i32) (param $outcomes i32) (result i32)
                    (local $left i32) (local $handle i32)
                    {next})"#
        );
        self.lifted("message-handler", &functions)
    }

    /// The component of a world, which has these functions.
    pub(crate) fn lifted(&self, world: &str, functions: &str) -> Vec<u8> {
        let image: String = self.image.iter().map(|byte| format!("\\{byte:02x}")).collect();
        let heap = BASE + u32::try_from(self.image.len().next_multiple_of(8)).unwrap();
        let imports = if self.wasi { WASI } else { "" };
        let (pages, room, more) = (self.pages, self.room, &self.functions);
        let text = format!(
            r#"(module
                {imports}
                (memory (export "memory") {pages})
                (table $table 1 funcref)
                (global $heap (mut i32) (i32.const {heap}))
                (func $begin)
                (start $begin)
                (data (i32.const {BASE}) "{image}")
                (func $f (param $depth i32) (result i32)
                    (i32.add (i32.const 1) (call $f (i32.add (local.get $depth) (i32.const 1)))))
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                    (local $at i32)
                    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
                    (global.set $heap (i32.add (local.get $at) (local.get 3)))
                    {room})
                {more}
                {functions})"#
        );
        lift(&wat::parse_str(text).unwrap(), world, self.wasi)
    }
}

const WASI: &str = r#"
    (import "wasi:cli/stderr@0.2.6" "get-stderr" (func $stderr (result i32)))
    (import "wasi:io/streams@0.2.6" "[method]output-stream.blocking-write-and-flush"
        (func $write (param i32 i32 i32 i32)))
    (import "wasi:clocks/wall-clock@0.2.6" "now" (func $now (param i32)))
    (import "wasi:random/random@0.2.6" "get-random-u64" (func $random (result i64)))
    (import "wasi:cli/environment@0.2.6" "get-environment" (func $environment (param i32)))
    (import "wasi:cli/environment@0.2.6" "get-arguments" (func $arguments (param i32)))
    (import "wasi:cli/environment@0.2.6" "initial-cwd" (func $folder (param i32)))
    (import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration" (func $after (param i64) (result i32)))
    (import "wasi:io/poll@0.2.6" "[method]pollable.block" (func $block (param i32)))"#;

/// The contract with the part of WASI that [`WASI`] imports.
const WASI_WORLD: &str = "
    package test:wasi;
    world with-wasi {
        import wasi:cli/stderr@0.2.6;
        import wasi:clocks/wall-clock@0.2.6;
        import wasi:clocks/monotonic-clock@0.2.6;
        import wasi:random/random@0.2.6;
        import wasi:cli/environment@0.2.6;
        include switchboard:plugin/message-handler-plugin@1.0.0;
    }
    package wasi:io@0.2.6 {
        interface error { resource error; }
        interface poll {
            resource pollable { block: func(); }
        }
        interface streams {
            use error.{error};
            variant stream-error { last-operation-failed(error), closed }
            resource output-stream {
                blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
            }
        }
    }
    package wasi:cli@0.2.6 {
        interface stderr {
            use wasi:io/streams@0.2.6.{output-stream};
            get-stderr: func() -> output-stream;
        }
        interface environment {
            get-environment: func() -> list<tuple<string, string>>;
            get-arguments: func() -> list<string>;
            initial-cwd: func() -> option<string>;
        }
    }
    package wasi:clocks@0.2.6 {
        interface wall-clock {
            record datetime { seconds: u64, nanoseconds: u32 }
            now: func() -> datetime;
        }
        interface monotonic-clock {
            use wasi:io/poll@0.2.6.{pollable};
            subscribe-duration: func(when: u64) -> pollable;
        }
    }
    package wasi:random@0.2.6 {
        interface random {
            get-random-u64: func() -> u64;
        }
    }";

const CONTRACT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit");

/// Size of a variant of the contract, and where its payload begins.
fn layout(interface: &str, variant: &str) -> (usize, usize) {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(CONTRACT).unwrap();
    let mut sizes = SizeAlign::default();
    sizes.fill(&resolve);
    let interface = resolve.packages[package].interfaces[interface];
    let id = resolve.interfaces[interface].types[variant];
    let TypeDefKind::Variant(cases) = &resolve.types[id].kind else {
        panic!("{variant} is no variant")
    };
    let offset = sizes.payload_offset(cases.tag(), cases.cases.iter().map(|case| case.ty.as_ref()));
    (sizes.size(&Type::Id(id)).size_wasm32(), offset.size_wasm32())
}

fn lift(module: &[u8], world: &str, wasi: bool) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let (mut package, _) = resolve.push_path(CONTRACT).unwrap();
    let mut world = format!("{world}-plugin");
    if wasi {
        package = resolve.push_str("wasi.wit", WASI_WORLD).unwrap();
        "with-wasi".clone_into(&mut world);
    }
    let world = resolve.select_world(&[package], Some(&world)).unwrap();
    let mut module = module.to_vec();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&module).unwrap();
    encoder.encode().unwrap()
}
