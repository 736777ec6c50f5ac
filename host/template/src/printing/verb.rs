//! `printf`: verbs, flags, widths and precisions, and Go's marks for what does not fit together.

use super::float::formatted;
use super::write::{write_fields, write_value};
use crate::quote::{is_print, quoted_with};
use crate::value::Value;

/// The widest field and the longest precision, as in Go.
const WIDTH_MAX: usize = 1_000_000;

/// What stands between the percent sign and the verb.
#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    plus: bool,
    /// `%+v`: structs with the names of their fields.
    names: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// A format being worked off.
struct Printer<'a> {
    values: &'a [Value],
    next: usize,
    /// Whether an index in brackets was used: then values may be left over.
    is_reordered: bool,
    text: String,
    bytes_max: usize,
    /// Whether more was asked for than the limit allows.
    is_over: bool,
}

/// As `fmt.Sprintf`.
///
/// # Errors
///
/// Where more comes out than the limit allows.
pub(crate) fn format(format: &str, values: &[Value], bytes_max: usize) -> Result<String, String> {
    let mut printer = Printer {
        values,
        next: 0,
        is_reordered: false,
        text: String::new(),
        bytes_max,
        is_over: false,
    };
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        printer.text.push_str(&rest[..at]);
        rest = printer.directive(&rest[at + 1..])?;
        if printer.is_over || printer.text.len() > bytes_max {
            return Err(format!("printf made more than {bytes_max} bytes"));
        }
    }
    printer.text.push_str(rest);
    printer.leftover();
    Ok(printer.text)
}

impl<'a> Printer<'a> {
    /// Works off what follows a percent sign; what is left of the format.
    fn directive(&mut self, format: &'a str) -> Result<&'a str, String> {
        let mut flags = Flags::default();
        let mut rest = format;
        loop {
            match rest.chars().next() {
                Some('+') => flags.plus = true,
                Some('-') => flags.minus = true,
                Some('#') => flags.sharp = true,
                Some(' ') => flags.space = true,
                Some('0') => flags.zero = true,
                _ => break,
            }
            rest = &rest[1..];
        }
        let mut is_good = true;
        let mut is_indexed = self.index(&mut rest, &mut is_good);
        if let Some(after) = rest.strip_prefix('*') {
            rest = after;
            is_indexed = false;
            match self.star() {
                Some(width) => {
                    flags.minus |= width < 0;
                    flags.width = usize::try_from(width.unsigned_abs()).ok();
                }
                None => self.text.push_str("%!(BADWIDTH)"),
            }
        } else {
            flags.width = number(&mut rest);
            is_good &= !(is_indexed && flags.width.is_some());
        }
        if let Some(after) = rest.strip_prefix('.') {
            rest = after;
            is_good &= !is_indexed;
            is_indexed = self.index(&mut rest, &mut is_good);
            if let Some(after) = rest.strip_prefix('*') {
                rest = after;
                is_indexed = false;
                match self.star().map(usize::try_from) {
                    Some(Ok(precision)) => flags.precision = Some(precision),
                    Some(Err(_)) => {}
                    None => self.text.push_str("%!(BADPREC)"),
                }
            } else {
                flags.precision = Some(number(&mut rest).unwrap_or(0));
            }
        }
        if !is_indexed {
            self.index(&mut rest, &mut is_good);
        }
        self.bounded(&flags)?;
        let Some(verb) = rest.chars().next() else {
            self.text.push_str("%!(NOVERB)");
            return Ok(rest);
        };
        rest = &rest[verb.len_utf8()..];
        if verb == '%' {
            self.text.push('%');
        } else if !is_good {
            self.text.push_str(&format!("%!{verb}(BADINDEX)"));
        } else if let Some(value) = self.values.get(self.next) {
            self.next += 1;
            self.value(flags, verb, value);
        } else {
            self.text.push_str(&format!("%!{verb}(MISSING)"));
        }
        Ok(rest)
    }

    fn bounded(&self, flags: &Flags) -> Result<(), String> {
        let asked = flags.width.max(flags.precision).unwrap_or(0);
        if asked > self.bytes_max.min(WIDTH_MAX) {
            return Err(format!("printf made more than {} bytes", self.bytes_max));
        }
        Ok(())
    }

    /// Reads an index in brackets, if there is one; one that is no index is not good.
    fn index(&mut self, rest: &mut &'a str, is_good: &mut bool) -> bool {
        let Some(inner) = rest.strip_prefix('[') else {
            return false;
        };
        self.is_reordered = true;
        let (index, behind) = inner.split_once(']').unwrap_or(("", inner));
        *rest = behind;
        let index = index.parse::<usize>().ok().and_then(|at| at.checked_sub(1));
        match index.filter(|at| *at < self.values.len()) {
            Some(at) => {
                self.next = at;
                true
            }
            None => {
                *is_good = false;
                false
            }
        }
    }

    /// A width or precision among the values.
    fn star(&mut self) -> Option<i64> {
        let value = self.values.get(self.next)?;
        self.next += 1;
        let size = value.as_int()?;
        let is_fine = usize::try_from(size.unsigned_abs()).is_ok_and(|size| size <= WIDTH_MAX);
        is_fine.then_some(size)
    }

    /// Names the values that no verb asked for.
    fn leftover(&mut self) {
        if self.is_reordered || self.next >= self.values.len() {
            return;
        }
        self.text.push_str("%!(EXTRA ");
        for (i, value) in self.values.iter().skip(self.next).enumerate() {
            if i > 0 {
                self.text.push_str(", ");
            }
            self.named(value);
        }
        self.text.push(')');
    }

    /// `type=value`
    fn named(&mut self, value: &Value) {
        if !matches!(value, Value::Nil) {
            self.text.push_str(&value.type_name());
            self.text.push('=');
        }
        write_value(&mut self.text, value, 0);
    }

    /// `%!verb(type=value)`
    fn bad(&mut self, verb: char, value: &Value) {
        self.text.push_str("%!");
        self.text.push(verb);
        self.text.push('(');
        self.named(value);
        self.text.push(')');
    }

    fn value(&mut self, mut flags: Flags, verb: char, value: &Value) {
        if verb == 'v' && flags.plus {
            (flags.plus, flags.names) = (false, true);
        }
        match verb {
            'T' => return self.padded(flags, &value.type_name()),
            'v' if flags.sharp => return self.padded(flags, &go_syntax(value)),
            _ => {}
        }
        if let Value::Nil = value {
            if verb == 'v' {
                return self.padded(flags, "<nil>");
            }
            return self.bad(verb, value);
        }
        self.element(flags, verb, value, 0);
    }

    /// Prints a value, or one that lies so deep in it.
    fn element(&mut self, flags: Flags, verb: char, value: &Value, depth: usize) {
        if "vsqxX".contains(verb)
            && let Some(own) = value.own_text()
        {
            return self.string(flags, verb, &own, value);
        }
        match value {
            Value::Nil => self.padded(flags, "<nil>"),
            Value::Bool(is) => match verb {
                'v' | 't' => self.padded(flags, if *is { "true" } else { "false" }),
                _ => self.bad(verb, value),
            },
            Value::Int(_) | Value::Duration(_) | Value::Name(_) | Value::Byte(_) => {
                self.integer(flags, verb, value);
            }
            Value::Float(number) => self.float(flags, verb, *number),
            Value::String(text) | Value::Markup(_, text) => {
                self.string(flags, verb, text, value);
            }
            Value::Time(_) => self.bad(verb, value),
            Value::List(list) => {
                self.text.push('[');
                for (i, item) in list.items().iter().enumerate() {
                    if i > 0 {
                        self.text.push(' ');
                    }
                    self.element(flags, verb, item, depth + 1);
                }
                self.text.push(']');
            }
            Value::Map(map) => {
                self.text.push_str("map[");
                for (i, (key, item)) in map.entries().iter().enumerate() {
                    if i > 0 {
                        self.text.push(' ');
                    }
                    self.element(flags, verb, &Value::String(key.clone()), depth + 1);
                    self.text.push(':');
                    self.element(flags, verb, item, depth + 1);
                }
                self.text.push(']');
            }
            Value::Struct(found) => self.structure(flags, verb, found, depth),
        }
    }

    fn structure(&mut self, flags: Flags, verb: char, found: &crate::value::Struct, depth: usize) {
        if found.is_pointer() {
            if depth > 0 {
                return write_value(&mut self.text, &Value::Struct(found.clone()), depth);
            }
            self.text.push('&');
        }
        if verb == 'v' && !flags.names {
            return write_fields(&mut self.text, found.fields());
        }
        self.text.push('{');
        for (i, (name, field)) in found.fields().iter().enumerate() {
            if i > 0 {
                self.text.push(' ');
            }
            if verb == 'v' {
                self.text.push_str(name);
                self.text.push(':');
            }
            self.element(flags, verb, field, depth + 1);
        }
        self.text.push('}');
    }

    fn string(&mut self, flags: Flags, verb: char, text: &str, value: &Value) {
        let cut: String = match flags.precision {
            Some(most) => text.chars().take(most).collect(),
            None => text.to_owned(),
        };
        match verb {
            'v' | 's' => self.padded(flags, &cut),
            'q' if flags.sharp && !cut.contains('`') && cut.chars().all(is_print) => {
                self.padded(flags, &format!("`{cut}`"));
            }
            'q' => self.padded(flags, &quoted_with(&cut, '"', flags.plus)),
            'x' | 'X' => {
                let hex: Vec<String> = cut
                    .bytes()
                    .map(|byte| match verb {
                        'x' => format!("{byte:02x}"),
                        _ => format!("{byte:02X}"),
                    })
                    .collect();
                let between = if flags.space { " " } else { "" };
                self.padded(flags, &hex.join(between));
            }
            _ => self.bad(verb, value),
        }
    }

    fn integer(&mut self, flags: Flags, verb: char, value: &Value) {
        let number = value.as_int().unwrap_or_default();
        let size = number.unsigned_abs();
        let digits = match verb {
            'd' | 'v' => size.to_string(),
            'b' => format!("{size:b}"),
            'o' | 'O' => format!("{size:o}"),
            'x' => format!("{size:x}"),
            'X' => format!("{size:X}"),
            'c' | 'q' | 'U' => return self.character(flags, verb, number),
            _ => return self.bad(verb, value),
        };
        let mut flags = flags;
        let prefix = match verb {
            'b' if flags.sharp => "0b",
            'o' if flags.sharp && !digits.starts_with('0') => "0",
            'O' => "0o",
            'x' if flags.sharp => "0x",
            'X' if flags.sharp => "0X",
            _ => "",
        };
        let sign = sign(number < 0, flags);
        let mut least = flags.precision.unwrap_or(0);
        if flags.precision.is_some() {
            flags.zero = false;
            if least == 0 && number == 0 {
                return self.padded(flags, "");
            }
        } else if let (true, false, Some(width)) = (flags.zero, flags.minus, flags.width) {
            least = width.saturating_sub(sign.len());
        }
        let digits = format!("{digits:0>least$}");
        flags.zero = false;
        self.padded(flags, &format!("{sign}{prefix}{digits}"));
    }

    fn character(&mut self, flags: Flags, verb: char, number: i64) {
        let code = u32::try_from(number).ok();
        let c = code.and_then(char::from_u32).unwrap_or('\u{fffd}');
        let mut flags = flags;
        flags.zero = false;
        match verb {
            'c' => self.padded(flags, c.encode_utf8(&mut [0; 4])),
            'q' => {
                let text = c.to_string();
                self.padded(flags, &quoted_with(&text, '\'', flags.plus));
            }
            _ => {
                let shown = if flags.sharp && is_print(c) {
                    format!("U+{number:04X} '{c}'")
                } else {
                    format!("U+{number:04X}")
                };
                self.padded(flags, &shown);
            }
        }
    }

    fn float(&mut self, flags: Flags, verb: char, number: f64) {
        let text = match verb {
            'v' => formatted(number, 'g', flags.precision),
            'g' | 'G' => formatted(number, verb, flags.precision),
            'e' | 'E' | 'f' | 'F' => formatted(number, verb, flags.precision.or(Some(6))),
            _ => return self.bad(verb, &Value::Float(number)),
        };
        let mut flags = flags;
        let (is_negative, size) = match text.strip_prefix('-') {
            Some(size) => (true, size),
            None => (false, text.trim_start_matches('+')),
        };
        let sign = match sign(is_negative, flags) {
            "" if text.starts_with('+') => "+",
            sign => sign,
        };
        let size = if flags.sharp {
            with_point(size, verb, flags)
        } else {
            size.to_owned()
        };
        if !number.is_finite() {
            flags.zero = false;
        }
        if let (true, false, Some(width)) = (flags.zero, flags.minus, flags.width) {
            let least = width.saturating_sub(sign.len());
            flags.zero = false;
            return self.padded(flags, &format!("{sign}{size:0>least$}"));
        }
        self.padded(flags, &format!("{sign}{size}"));
    }

    /// Fills up to the width, which counts characters.
    fn padded(&mut self, flags: Flags, text: &str) {
        let missing = flags
            .width
            .map_or(0, |width| width.saturating_sub(text.chars().count()));
        if self.text.len().saturating_add(missing) > self.bytes_max {
            self.is_over = true;
            return;
        }
        let fill = if flags.zero && !flags.minus { '0' } else { ' ' };
        if !flags.minus {
            self.text.extend(std::iter::repeat_n(fill, missing));
        }
        self.text.push_str(text);
        if flags.minus {
            self.text.extend(std::iter::repeat_n(' ', missing));
        }
    }
}

fn sign(is_negative: bool, flags: Flags) -> &'static str {
    match (is_negative, flags.plus, flags.space) {
        (true, _, _) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        (false, false, false) => "",
    }
}

/// `#`: a point in every float, and with `%g` the zeros up to its digits.
fn with_point(size: &str, verb: char, flags: Flags) -> String {
    let (mantissa, exponent) = match size.find(['e', 'E']) {
        Some(at) => size.split_at(at),
        None => (size, ""),
    };
    let mut mantissa = mantissa.to_owned();
    if !mantissa.contains('.') {
        mantissa.push('.');
    }
    if "vgG".contains(verb) {
        let wanted = flags.precision.unwrap_or(6);
        let digits = mantissa.trim_start_matches(['0', '.']);
        let mut there = digits.bytes().filter(u8::is_ascii_digit).count();
        there += usize::from(mantissa == "0.");
        mantissa.extend(std::iter::repeat_n('0', wanted.saturating_sub(there)));
    }
    mantissa + exponent
}

fn number(rest: &mut &str) -> Option<usize> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, behind) = rest.split_at(digits);
    *rest = behind;
    if number.is_empty() {
        return None;
    }
    Some(number.parse().unwrap_or(usize::MAX))
}

/// `%#v`: the value as Go source.
fn go_syntax(value: &Value) -> String {
    let all = |items: Vec<String>| items.join(", ");
    match value {
        Value::Nil => "<nil>".to_owned(),
        Value::String(text) | Value::Markup(_, text) => quoted_with(text, '"', false),
        Value::Byte(byte) => format!("{byte:#x}"),
        Value::Duration(_) | Value::Name(_) => value.as_int().unwrap_or_default().to_string(),
        Value::Float(number) => formatted(*number, 'g', None),
        Value::List(list) => {
            let items = all(list.items().iter().map(go_syntax).collect());
            format!("{}{{{items}}}", list.ty().name)
        }
        Value::Map(map) => {
            let entry = |(key, item): (&std::sync::Arc<str>, &Value)| {
                format!("{}:{}", quoted_with(key, '"', false), go_syntax(item))
            };
            let entries = all(map.entries().iter().map(entry).collect());
            format!("{}{{{entries}}}", map.ty().name)
        }
        Value::Struct(found) => {
            let field = |(name, value): &(&str, Value)| format!("{name}:{}", go_syntax(value));
            let fields = all(found.fields().iter().map(field).collect());
            let mark = if found.is_pointer() { "&" } else { "" };
            format!("{mark}{}{{{fields}}}", found.ty().name)
        }
        other => {
            let mut text = String::new();
            write_value(&mut text, other, 0);
            text
        }
    }
}
