//! Texts as letters carry them: quoted-printable bodies (RFC 2045) and encoded words in headers (RFC
//! 2047). Both are, byte for byte, what Go's packages make, and so what Alertmanager sends.

/// The longest line of a body, without the mark of a line that goes on.
const LINE_BYTES_MAX: usize = 75;

/// The longest encoded word is 75 bytes; this is what is left of it for the text.
const WORD_BYTES_MAX: usize = 75 - WORD_BEGIN.len() - WORD_END.len();

const WORD_BEGIN: &str = "=?utf-8?q?";
const WORD_END: &str = "?=";

/// The lines of a quoted-printable body, and what the last of them has so far.
#[derive(Default)]
struct Lines {
    text: String,
    line: String,
}

impl Lines {
    fn push(&mut self, piece: &str) {
        if self.line.len() + piece.len() > LINE_BYTES_MAX {
            self.text.push_str(&self.line);
            self.text.push_str("=\r\n");
            self.line.clear();
        }
        self.line.push_str(piece);
    }

    /// A space at the end of a line would be lost.
    fn protect_space(&mut self) {
        if let Some(space) = self
            .line
            .chars()
            .last()
            .filter(|last| " \t".contains(*last))
        {
            self.line.pop();
            self.push(if space == ' ' { "=20" } else { "=09" });
        }
    }

    fn end(&mut self) {
        self.protect_space();
        self.text.push_str(&self.line);
        self.text.push_str("\r\n");
        self.line.clear();
    }
}

/// A body in quoted-printable. Lines may end in LF, CR or both; they end in both then.
pub(crate) fn quoted_printable(body: &str) -> String {
    let mut lines = Lines::default();
    let mut before = 0;
    for byte in body.bytes() {
        match byte {
            b'\n' if before == b'\r' => {}
            b'\r' | b'\n' => lines.end(),
            b'=' => lines.push("=3D"),
            b' '..=b'~' | b'\t' => lines.push(char::from(byte).encode_utf8(&mut [0; 4])),
            other => lines.push(&format!("={other:02X}")),
        }
        before = byte;
    }
    lines.protect_space();
    lines.text + &lines.line
}

/// A header's value: as it is, where it is plain ASCII, else in encoded words. So it has no line
/// breaks either way.
pub(crate) fn header_value(value: &str) -> String {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\t');
    if value.bytes().all(is_plain) {
        return value.to_owned();
    }
    let (mut text, mut length) = (WORD_BEGIN.to_owned(), 0);
    for character in value.chars() {
        let encoded = encoded(character);
        // A character stays in one word.
        if length + encoded.len() > WORD_BYTES_MAX {
            text.push_str(WORD_END);
            text.push(' ');
            text.push_str(WORD_BEGIN);
            length = 0;
        }
        length += encoded.len();
        text.push_str(&encoded);
    }
    text + WORD_END
}

fn encoded(character: char) -> String {
    match character {
        ' ' => "_".to_owned(),
        '!'..='~' if !"=?_".contains(character) => character.to_string(),
        other => {
            let mut bytes = [0; 4];
            let bytes = other.encode_utf8(&mut bytes).bytes();
            bytes.map(|byte| format!("={byte:02X}")).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_folded_and_keep_their_spaces() {
        let long = "x".repeat(75);
        for (body, expected) in [
            ("", String::new()),
            ("a=b\tc", "a=3Db\tc".to_owned()),
            ("é", "=C3=A9".to_owned()),
            ("a \nb\t\r\nc\rd ", "a=20\r\nb=09\r\nc\r\nd=20".to_owned()),
            ("\n\n", "\r\n\r\n".to_owned()),
            ("\r\r\n", "\r\n\r\n".to_owned()),
            (long.as_str(), long.clone()),
            (format!("{long}x").as_str(), format!("{long}=\r\nx")),
            (format!("{long}=").as_str(), format!("{long}=\r\n=3D")),
            (
                format!("{}=", &long[2..]).as_str(),
                format!("{}=\r\n=3D", &long[2..]),
            ),
            (
                format!("{}=", &long[3..]).as_str(),
                format!("{}=3D", &long[3..]),
            ),
            (
                format!("{} ", &long[1..]).as_str(),
                format!("{}=\r\n=20", &long[1..]),
            ),
        ] {
            assert_eq!(quoted_printable(body), expected, "{body:?}");
        }
    }

    #[test]
    fn headers_stay_as_they_are_or_are_encoded() {
        for (value, expected) in [
            ("[FIRING:1] a_b=c?", "[FIRING:1] a_b=c?"),
            ("Größe =?_", "=?utf-8?q?Gr=C3=B6=C3=9Fe_=3D=3F=5F?="),
            ("a\r\nBcc: x@y", "=?utf-8?q?a=0D=0ABcc:_x@y?="),
            ("", ""),
        ] {
            assert_eq!(header_value(value), expected);
        }
        let words = header_value(&"ü".repeat(12));
        let full = format!("=?utf-8?q?{}?=", "=C3=BC".repeat(10));
        assert_eq!(words, format!("{full} =?utf-8?q?=C3=BC=C3=BC?="));
    }
}
