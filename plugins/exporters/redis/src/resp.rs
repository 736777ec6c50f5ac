//! Redis' wire protocol, version 2, as far as a client of a few commands needs it.

use narthex_sdk::Error;
use narthex_sdk::tcp::Connection;

/// The longest reply text that is read, in bytes; a longer one is a protocol error.
const BULK_BYTES_MAX: u32 = 8 * 1024 * 1024;

/// The most elements of one array, and how deep arrays lie in each other.
const ARRAY_LENGTH_MAX: u32 = 16 * 1024;
const ARRAY_DEPTH_MAX: u32 = 8;

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reply {
    /// A status or a text.
    Text(String),
    /// The server's refusal.
    Error(String),
    /// A number.
    Integer(i64),
    /// Several answers.
    Array(Vec<Reply>),
    /// Nothing.
    Nil,
}

impl Reply {
    /// The text of a text.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number of a number.
    pub(crate) fn as_number(&self) -> Option<f64> {
        match self {
            Self::Integer(number) => Some(*number as f64),
            _ => None,
        }
    }

    /// The element behind a name, of an array of names and values in turn.
    pub(crate) fn field(&self, name: &str) -> Option<&Reply> {
        let (pairs, _) = self.elements().as_chunks::<2>();
        let pair = pairs.iter().find(|[key, _]| key.as_text() == Some(name));
        pair.map(|[_, value]| value)
    }

    /// The elements of an array; any other answer has none.
    pub(crate) fn elements(&self) -> &[Reply] {
        match self {
            Self::Array(elements) => elements,
            _ => &[],
        }
    }
}

/// Appends a command to what will be written.
pub(crate) fn command(to: &mut Vec<u8>, words: &[&str]) {
    to.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        to.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
}

/// Sends a command and reads its answer.
pub(crate) fn ask(connection: &mut Connection, words: &[&str]) -> Result<Reply, Error> {
    let mut bytes = Vec::new();
    command(&mut bytes, words);
    connection.write(&bytes)?;
    read(connection)
}

/// Reads one answer.
pub(crate) fn read(connection: &mut Connection) -> Result<Reply, Error> {
    read_at(connection, 0)
}

fn read_at(connection: &mut Connection, depth: u32) -> Result<Reply, Error> {
    let line = connection.read_line()?;
    let line = String::from_utf8_lossy(&line).into_owned();
    let fault = || Error::Protocol(format!("not an answer of Redis: {line:?}"));
    let rest = line.get(1..).ok_or_else(fault)?;
    let length = || match rest.parse::<i64>() {
        Ok(-1) => Ok(None),
        Ok(length) => u32::try_from(length).map(Some).map_err(|_| fault()),
        Err(_) => Err(fault()),
    };
    match line.as_bytes()[0] {
        b'+' => Ok(Reply::Text(rest.to_owned())),
        b'-' => Ok(Reply::Error(rest.to_owned())),
        b':' => rest.parse().map(Reply::Integer).map_err(|_| fault()),
        b'$' => match length()? {
            None => Ok(Reply::Nil),
            Some(length) if length > BULK_BYTES_MAX => Err(Error::Protocol(format!(
                "an answer of {length} bytes; at most {BULK_BYTES_MAX} are read"
            ))),
            Some(length) => {
                let mut bytes = connection.read_exact(length + 2)?;
                bytes.truncate(length as usize);
                Ok(Reply::Text(String::from_utf8_lossy(&bytes).into_owned()))
            }
        },
        b'*' => match length()? {
            None => Ok(Reply::Nil),
            Some(length) if length > ARRAY_LENGTH_MAX || depth == ARRAY_DEPTH_MAX => Err(fault()),
            Some(length) => (0..length)
                .map(|_| read_at(connection, depth + 1))
                .collect::<Result<_, _>>()
                .map(Reply::Array),
        },
        _ => Err(fault()),
    }
}

#[cfg(test)]
mod tests {
    use narthex_sdk::fake::Host;

    use super::*;

    fn replies(bytes: &str) -> Result<Reply, Error> {
        Host::new().dialogue("redis:6379", bytes).install();
        read(&mut Connection::open("redis", 6379)?)
    }

    #[test]
    fn answers_of_every_kind() {
        let text = |text: &str| Reply::Text(text.to_owned());
        for (bytes, reply) in [
            ("+PONG\r\n", text("PONG")),
            ("-ERR no\r\n", Reply::Error("ERR no".to_owned())),
            (":-7\r\n", Reply::Integer(-7)),
            ("$5\r\na\r\nbc\r\n", text("a\r\nbc")),
            ("$0\r\n\r\n", text("")),
            ("$-1\r\n", Reply::Nil),
            ("*-1\r\n", Reply::Nil),
            (
                "*2\r\n*1\r\n:1\r\n$1\r\nx\r\n",
                Reply::Array(vec![Reply::Array(vec![Reply::Integer(1)]), text("x")]),
            ),
        ] {
            assert_eq!(replies(bytes).unwrap(), reply, "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for bytes in [
            "\r\n",
            "HTTP/1.1 400 Bad Request\r\n",
            "$x\r\n",
            "$-2\r\n",
            "$99999999\r\n",
            "*99999\r\n",
            ":1.5\r\n",
            &"*1\r\n".repeat(20),
        ] {
            assert!(
                matches!(replies(bytes), Err(Error::Protocol(_))),
                "{bytes:?}"
            );
        }
        for bytes in ["", "+PON", "$5\r\nab\r\n", "*2\r\n:1\r\n"] {
            assert!(
                matches!(replies(bytes), Err(Error::Unavailable(_))),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn a_command_is_an_array_of_texts() {
        let mut bytes = Vec::new();
        command(&mut bytes, &["CONFIG", "GET", "maxmemory"]);
        let text = "*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$9\r\nmaxmemory\r\n";
        assert_eq!(String::from_utf8(bytes).unwrap(), text);
    }
}
