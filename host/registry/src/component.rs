//! What a component imports and exports, read from its bytes, and the config that says so in a
//! registry.
//!
//! The binary format is that of the component model: a preamble, then sections, each an id, a
//! length and content. Only the component's own imports and exports are looked at; what is nested
//! in it is skipped by its length. It is not a validation: that is the compiler's.

use serde::Serialize;

use crate::digest::Digest;
use crate::error::PackageError;

/// Magic number, version 13, layer 1: a component and no core module.
const PREAMBLE: &[u8] = b"\0asm\x0d\0\x01\0";

/// The ids of the sections that are looked at.
const IMPORTS: u8 = 10;
const EXPORTS: u8 = 11;

/// So many names are read; a component of ours has a dozen.
const NAMES_MAX: usize = 1000;

/// The names at a component's outside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ComponentNames {
    /// What it needs.
    pub imports: Vec<String>,
    /// What it gives.
    pub exports: Vec<String>,
}

/// The config of an image with one component, as the WebAssembly working group of the CNCF has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WasmConfig {
    created: &'static str,
    architecture: &'static str,
    os: &'static str,
    layer_digests: Vec<Digest>,
    component: ComponentNames,
}

/// The config for an image with this component. It holds no time, so that the same component
/// makes the same package.
///
/// # Errors
/// It is no component.
pub(crate) fn wasm_config(component: &[u8], layers: &[Digest]) -> Result<Vec<u8>, PackageError> {
    let config = WasmConfig {
        created: "1970-01-01T00:00:00Z",
        architecture: "wasm",
        os: "wasip2",
        layer_digests: layers.to_vec(),
        component: ComponentNames::of(component)?,
    };
    serde_json::to_vec(&config).map_err(|error| PackageError::Invalid(error.to_string()))
}

impl ComponentNames {
    /// Reads them.
    ///
    /// # Errors
    /// It is no component.
    pub fn of(component: &[u8]) -> Result<Self, PackageError> {
        let fault = || PackageError::Invalid("the component is not a WebAssembly component".into());
        let mut rest = component.strip_prefix(PREAMBLE).ok_or_else(fault)?;
        let mut names = Self::default();
        while let Some((id, after)) = rest.split_first() {
            let mut reader = Reader(after);
            let section = reader.bytes().ok_or_else(fault)?;
            rest = reader.0;
            let list = match *id {
                IMPORTS => &mut names.imports,
                EXPORTS => &mut names.exports,
                _ => continue,
            };
            let is_import = *id == IMPORTS;
            read_names(section, is_import, list).ok_or_else(fault)?;
        }
        Ok(names)
    }
}

/// Reads the names of one section; None where it is not built as it should be.
fn read_names(section: &[u8], is_import: bool, list: &mut Vec<String>) -> Option<()> {
    let mut reader = Reader(section);
    for _ in 0..reader.number()? {
        // What the name is: plain, or an interface's.
        reader.byte()?;
        let name = std::str::from_utf8(reader.bytes()?).ok()?;
        if list.len() == NAMES_MAX {
            return None;
        }
        list.push(name.to_owned());
        if is_import {
            reader.description()?;
        } else {
            reader.sort()?;
            reader.number()?;
            if reader.byte()? == 1 {
                reader.description()?;
            }
        }
    }
    Some(())
}

/// What is still to be read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    /// An unsigned number of up to 32 bits, seven a byte, lowest first.
    fn number(&mut self) -> Option<u32> {
        let mut number = 0u32;
        for shift in (0..32).step_by(7) {
            let byte = self.byte()?;
            let bits = u32::from(byte & 0x7f);
            number |= bits.checked_shl(shift).filter(|b| b >> shift == bits)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// Bytes with their length before them.
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    /// What kind of thing an index counts; a core thing has its kind in a second byte.
    fn sort(&mut self) -> Option<u8> {
        match self.byte()? {
            0 => self.byte(),
            sort => Some(sort),
        }
    }

    /// The type of what is imported or exported.
    fn description(&mut self) -> Option<()> {
        match self.byte()? {
            // A core module.
            0 => (self.byte()? == 0x11).then(|| self.number())?,
            // A function, component or instance.
            1 | 4 | 5 => self.number(),
            // A type: equal to another, or a resource of its own.
            3 => match self.byte()? {
                0 => self.number(),
                1 => Some(0),
                _ => None,
            },
            _ => None,
        }
        .map(|_| ())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A component that imports an instance and a type, exports a function, and holds custom
    /// sections; `extra` makes another of it.
    pub(crate) fn component(extra: &[u8]) -> Vec<u8> {
        let section = |id: u8, content: &[u8]| {
            let mut bytes = vec![id, u8::try_from(content.len()).unwrap()];
            bytes.extend(content);
            bytes
        };
        let imports = b"\x02\x00\x13narthex:plugin/log@\x05\x00\x00\x01t\x03\x01";
        let exports = b"\x02\x00\x04init\x01\x00\x00\x00\x01m\x00\x11\x07\x01\x01\x02";
        let custom = [b"\x04note", extra].concat();
        [
            PREAMBLE.to_vec(),
            section(0, &custom),
            section(IMPORTS, imports),
            section(EXPORTS, exports),
        ]
        .concat()
    }

    #[test]
    fn names_at_the_outside_are_read() {
        let names = ComponentNames::of(&component(b"")).unwrap();
        assert_eq!(names.imports, ["narthex:plugin/log@", "t"]);
        assert_eq!(names.exports, ["init", "m"]);
    }

    #[test]
    fn what_is_cut_off_or_no_component_is_refused() {
        let whole = component(b"x");
        // Cut between two sections it is a component again.
        for length in 0..whole.len() {
            let read = ComponentNames::of(&whole[..length]);
            assert_eq!(
                read.is_ok(),
                length >= 8 && !is_inside(&whole, length),
                "{length}"
            );
        }
        assert!(ComponentNames::of(b"\0asm\x01\0\0\0").is_err());
        let endless = [PREAMBLE, b"\x0a\xff\xff\xff\xff\xff\xff"].concat();
        assert!(ComponentNames::of(&endless).is_err());
        let many = [PREAMBLE, b"\x0a\x05\xff\xff\xff\xff\x0f"].concat();
        assert!(ComponentNames::of(&many).is_err());
    }

    /// Whether a cut at `length` lies inside a section.
    fn is_inside(whole: &[u8], length: usize) -> bool {
        let mut at = PREAMBLE.len();
        while at < length {
            at += 2 + usize::from(whole[at + 1]);
        }
        at != length
    }
}
