//! Components whose core is written by hand in WebAssembly text, so that they do exactly what a
//! test says, and no compiler is needed for them.
//!
//! The canonical ABI hands lists and texts over as addresses and lengths, and results as the
//! address of a record. [`Handmade`] has a core in which every export works, and every part of it
//! can be replaced.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Parts of a core module. Addresses below 1024 hold the answers, those from 4096 on are handed
/// out by `cabi_realloc`, anew in each call.
#[derive(Debug, Clone)]
pub(crate) struct Handmade {
    pub(crate) world: &'static str,
    /// A WIT package with a world `made` for a guest that imports or exports more than the
    /// contract has; empty where it does not.
    pub(crate) wit: &'static str,
    /// Imports, in the text format.
    pub(crate) imports: String,
    /// Globals, further functions, tables.
    pub(crate) more: String,
    /// Bodies of the exports; each leaves the address of its answer.
    pub(crate) init: String,
    pub(crate) reconfigure: String,
    pub(crate) shutdown: String,
    /// `collect`, `refresh` or `notify`, as the world has it.
    pub(crate) call: String,
    /// The page of metrics that `collect` answers with, where it does.
    pub(crate) text: String,
}

/// The address of `ok` without a value.
pub(crate) const OK: &str = "i32.const 16";
/// The address of a collection's answer, which is the text.
pub(crate) const TEXT: &str = "i32.const 64";
/// The address of `ok(true)`.
pub(crate) const TRUE: &str = "i32.const 256";

impl Handmade {
    /// An exporter that answers with a page.
    pub(crate) fn exporter(text: &str) -> Self {
        Self {
            world: "exporter",
            wit: "",
            imports: String::new(),
            more: String::new(),
            init: OK.to_owned(),
            reconfigure: OK.to_owned(),
            shutdown: String::new(),
            call: TEXT.to_owned(),
            text: text.to_owned(),
        }
    }

    /// An exporter whose collection is this code.
    pub(crate) fn collecting(call: &str) -> Self {
        Self {
            call: call.to_owned(),
            ..Self::exporter("made 1\n")
        }
    }

    fn module(&self) -> String {
        let Self {
            imports,
            more,
            init,
            reconfigure,
            shutdown,
            call,
            text,
            ..
        } = self;
        let (name, parameters) = match self.world {
            "exporter" => ("collector@0.1.0#collect", 6),
            "discovery" => ("discoverer@0.1.0#refresh", 0),
            _ => ("notifier@0.1.0#notify", 15),
        };
        let parameters = "(param i32) ".repeat(parameters);
        let content_type = "text/plain; version=0.0.4";
        let (type_length, length) = (content_type.len(), text.len());
        let escaped: String = text.bytes().map(|byte| format!("\\{byte:02x}")).collect();
        let word = |number: usize| -> String {
            let number = u32::try_from(number).unwrap();
            number
                .to_le_bytes()
                .map(|byte| format!("\\{byte:02x}"))
                .concat()
        };
        // ok, exposition: the content type and the bytes.
        let answer = format!(
            "\\00\\00\\00\\00\\00\\00\\00\\00\\01\\00\\00\\00\\00\\00\\00\\00{}{}{}{}",
            word(512),
            word(type_length),
            word(1024),
            word(length)
        );
        format!(
            r#"(module
                {imports}
                (memory (export "memory") 2)
                (global $free (mut i32) (i32.const 4096))
                {more}
                (data (i32.const 32) "\01")
                (data (i32.const 64) "{answer}")
                (data (i32.const 256) "\00\00\00\00\01")
                (data (i32.const 512) "{content_type}")
                (data (i32.const 1024) "{escaped}")
                (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                    (local $at i32)
                    global.get $free
                    local.get 2
                    i32.add
                    i32.const 1
                    i32.sub
                    i32.const 0
                    local.get 2
                    i32.sub
                    i32.and
                    local.tee $at
                    local.get 3
                    i32.add
                    global.set $free
                    local.get $at)
                (func (export "narthex:plugin/lifecycle@0.1.0#init") (param i32 i32) (result i32)
                    {init})
                (func (export "narthex:plugin/lifecycle@0.1.0#reconfigure") (param i32 i32)
                    (result i32) {reconfigure})
                (func (export "narthex:plugin/lifecycle@0.1.0#health") (result i32) i32.const 32)
                (func (export "narthex:plugin/lifecycle@0.1.0#shutdown") {shutdown})
                (func (export "narthex:plugin/{name}") {parameters} (result i32)
                    (global.set $free (i32.const 4096))
                    {call})
            )"#
        )
    }

    /// The component.
    pub(crate) fn build(&self) -> Vec<u8> {
        let mut resolve = Resolve::default();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit/v0.1");
        let (package, _) = resolve.push_path(folder).unwrap();
        let (package, name) = match self.wit {
            "" => (package, self.world),
            wit => (resolve.push_str("made.wit", wit).unwrap(), "made"),
        };
        let world = resolve.select_world(&[package], Some(name)).unwrap();
        let mut module = wat::parse_str(self.module()).unwrap();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
            .unwrap();
        let mut encoder = ComponentEncoder::default();
        encoder.module(&module).unwrap().validate(true);
        encoder.encode().unwrap()
    }

    /// The manifest for it, under a name and a version, with more lines.
    pub(crate) fn manifest(&self, name: &str, version: &str, more: &str) -> String {
        let world = self.world;
        format!(
            "name = \"{name}\"\nversion = \"{version}\"\nworld = \"{world}\"\nwit = \"0.1\"\n{more}"
        )
    }
}
