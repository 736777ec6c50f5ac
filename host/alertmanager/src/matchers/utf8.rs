//! The grammar in which names may be any UTF-8: names and values are quoted, or free of what has a
//! meaning of its own.

use narthex_model::Matcher;

use super::classic::operator;
use super::{MatcherParseError, matcher};

/// What a name or a value cannot have outside of quotes.
pub(super) fn is_reserved(character: char) -> bool {
    character.is_whitespace() || "{}!=~,\\\"'`".contains(character)
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Comma,
    Operator(&'static str),
    /// Quotes and all.
    Quoted(String),
    Unquoted(String),
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Self::Open => "{",
            Self::Close => "}",
            Self::Comma => ",",
            Self::Operator(text) => text,
            Self::Quoted(text) | Self::Unquoted(text) => text,
        }
    }
}

/// A token, and the columns where it begins and ends.
type Placed = (Token, usize, usize);

fn error(text: String) -> MatcherParseError {
    MatcherParseError::new(text)
}

/// Cuts a text into tokens.
fn tokens(text: &str) -> Result<Vec<Placed>, MatcherParseError> {
    let characters: Vec<char> = text.chars().collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(&character) = characters.get(at) {
        let start = at;
        at += 1;
        let next = characters.get(at).copied();
        let token = match character {
            space if space.is_whitespace() => continue,
            '{' => Token::Open,
            '}' => Token::Close,
            ',' => Token::Comma,
            '=' | '!' => {
                let operator = match (character, next) {
                    ('=', Some('~')) => "=~",
                    ('!', Some('=')) => "!=",
                    ('!', Some('~')) => "!~",
                    ('=', _) => "=",
                    _ => {
                        let text = format!("{start}:{at}: !: expected one of '=~'");
                        return Err(error(text));
                    }
                };
                at = start + operator.len();
                Token::Operator(operator)
            }
            '"' => {
                at = end_of_quoted(&characters, at)
                    .map_err(|end| error(format!("{start}:{end}: {text}: missing end \"")))?;
                Token::Quoted(characters[start..at].iter().collect())
            }
            reserved if is_reserved(reserved) => {
                let text = format!("{start}:{at}: {reserved}: invalid input");
                return Err(error(text));
            }
            _ => {
                let rest = characters[at..].iter();
                at += rest.take_while(|next| !is_reserved(**next)).count();
                Token::Unquoted(characters[start..at].iter().collect())
            }
        };
        found.push((token, start, at));
    }
    Ok(found)
}

/// The place behind the quote that ends what begins at `at`, or else the end of it all.
fn end_of_quoted(characters: &[char], mut at: usize) -> Result<usize, usize> {
    while let Some(character) = characters.get(at) {
        at += match character {
            '\\' => 2,
            '"' => return Ok(at + 1),
            _ => 1,
        };
    }
    Err(characters.len())
}

/// Reads what is left of a list of tokens.
struct Reader {
    tokens: std::iter::Peekable<std::vec::IntoIter<Placed>>,
    end: usize,
}

impl Reader {
    /// The next token, where it is of the kind that is expected.
    fn expect(
        &mut self,
        expected: &str,
        is_expected: impl Fn(&Token) -> bool,
    ) -> Result<Token, MatcherParseError> {
        match self.tokens.next() {
            Some((token, ..)) if is_expected(&token) => Ok(token),
            Some((token, start, end)) => {
                let text = token.text();
                Err(error(format!(
                    "{start}:{end}: unexpected {text}: {expected}"
                )))
            }
            None => Err(error(format!("0:{}: end of input: {expected}", self.end))),
        }
    }

    fn text(&mut self, expected: &str) -> Result<String, MatcherParseError> {
        let is_text = |token: &Token| matches!(token, Token::Quoted(_) | Token::Unquoted(_));
        match self.expect(expected, is_text)? {
            Token::Quoted(quoted) => {
                unquoted(&quoted).ok_or_else(|| error(format!("{quoted}: invalid input")))
            }
            other => Ok(other.text().to_owned()),
        }
    }

    fn is_next(&mut self, token: &Token) -> bool {
        self.tokens.peek().is_some_and(|(next, ..)| next == token)
    }

    fn matcher(&mut self) -> Result<Matcher, MatcherParseError> {
        let name = self.text("expected label name")?;
        let expected = "expected an operator such as '=', '!=', '=~' or '!~'";
        let token = self.expect(expected, |token| matches!(token, Token::Operator(_)))?;
        let value = self.text("expected label value")?;
        let (op, _) = operator(token.text()).ok_or_else(|| error(expected.to_owned()))?;
        matcher(&name, op, value)
    }
}

/// Reads a list.
pub(super) fn parse(text: &str) -> Result<Vec<Matcher>, MatcherParseError> {
    let mut reader = Reader {
        tokens: tokens(text)?.into_iter().peekable(),
        end: text.chars().count(),
    };
    let is_open = reader.is_next(&Token::Open);
    if is_open {
        reader.tokens.next();
    }
    let mut matchers = Vec::new();
    while reader.tokens.peek().is_some() && !reader.is_next(&Token::Close) {
        matchers.push(reader.matcher()?);
        if reader.tokens.peek().is_none() || reader.is_next(&Token::Close) {
            break;
        }
        reader.expect("expected a comma or close brace", |token| {
            *token == Token::Comma
        })?;
    }
    if is_open {
        reader.expect("expected close brace", |token| *token == Token::Close)?;
    } else if reader.is_next(&Token::Close) {
        return Err(error(format!(
            "0:{}: }}: expected opening brace",
            reader.end
        )));
    }
    match reader.tokens.next() {
        None => Ok(matchers),
        Some((token, start, end)) => {
            let text = token.text();
            Err(error(format!(
                "{start}:{end}: {text}: expected end of input"
            )))
        }
    }
}

/// Reads one matcher.
pub(super) fn parse_one(text: &str) -> Result<Matcher, MatcherParseError> {
    if text.starts_with('{') || text.ends_with('}') {
        return Err(MatcherParseError::new(
            "matcher cannot start or end with braces",
        ));
    }
    let mut matchers = parse(text)?;
    match (matchers.pop(), matchers.len()) {
        (Some(matcher), 0) => Ok(matcher),
        (None, _) => Err(MatcherParseError::new("no matchers")),
        (Some(_), others) => {
            let count = others + 1;
            Err(error(format!("expected 1 matcher, found {count}")))
        }
    }
}

/// What a quoted text says, as Go's `strconv.Unquote` reads it.
fn unquoted(quoted: &str) -> Option<String> {
    let text = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let mut bytes = Vec::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\n' {
            return None;
        }
        if character != '\\' {
            bytes.extend(character.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        let escape = characters.next()?;
        let mut number = |first: Option<char>, digits: usize, radix: u32| {
            let more = characters.by_ref().take(digits);
            let text: String = first.into_iter().chain(more).collect();
            u32::from_str_radix(&text, radix).ok()
        };
        let byte = match escape {
            'a' => 0x07,
            'b' => 0x08,
            'f' => 0x0c,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'v' => 0x0b,
            '\\' => b'\\',
            '"' => b'"',
            'x' => u8::try_from(number(None, 2, 16)?).ok()?,
            '0'..='7' => u8::try_from(number(Some(escape), 2, 8)?).ok()?,
            'u' | 'U' => {
                let digits = if escape == 'u' { 4 } else { 8 };
                let point = char::from_u32(number(None, digits, 16)?)?;
                bytes.extend(point.encode_utf8(&mut [0; 4]).bytes());
                continue;
            }
            _ => return None,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
}
