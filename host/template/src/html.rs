//! Follows HTML as a template writes it and escapes each value for the place where it stands, as
//! Go's html/template does.
//!
//! Go looks at all paths through a template before it executes any; here the place is found while
//! the text is written, so that only the path that is taken counts. What a value writes never
//! changes the place.

mod attribute;
mod escape;
mod script;

use self::attribute::{Content, content_of};
use self::script::Script;
use crate::node::{ExprKind, Pipe};
use crate::printing::printed;
use crate::value::{Markup, Value};

/// What ends an attribute's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delimiter {
    Double,
    Single,
    /// A space or the end of the tag.
    Space,
}

/// How far into a URL we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UrlPart {
    Start,
    BeforeQuery,
    QueryOrFragment,
}

/// Elements whose content is not HTML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Script,
    Style,
    Textarea,
    Title,
}

impl Element {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Script, "script"),
        (Self::Style, "style"),
        (Self::Textarea, "textarea"),
        (Self::Title, "title"),
    ];

    fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find_map(|(element, known)| name.eq_ignore_ascii_case(known).then_some(element))
    }

    fn name(self) -> &'static str {
        let mut all = Self::ALL.into_iter();
        all.find_map(|(element, name)| (element == self).then_some(name))
            .unwrap_or_default()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Text,
    Comment,
    /// Inside a tag, outside of attributes.
    Tag,
    /// In the name of an attribute, which was read so far.
    Name(String),
    /// Behind the name of an attribute.
    AfterName(Content),
    /// Behind its equals sign.
    BeforeValue(Content),
    Value(Content, Delimiter),
    /// In the content of an element that is not HTML.
    Raw(Element),
}

/// Where in the HTML we are.
#[derive(Debug, Clone)]
pub(crate) struct Escaper {
    place: Place,
    /// The element whose tag we are in, if its content is not HTML.
    element: Option<Element>,
    url: UrlPart,
    script: Script,
}

impl Default for Escaper {
    fn default() -> Self {
        Self {
            place: Place::Text,
            element: None,
            url: UrlPart::Start,
            script: Script::default(),
        }
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\x0c' | '\r')
}

impl Escaper {
    /// Writes text of the template itself, without its comments, and follows it.
    pub(crate) fn literal(&mut self, text: &str, out: &mut String) -> Result<(), String> {
        let mut rest = text;
        while !rest.is_empty() {
            let was_comment = self.place == Place::Comment;
            let was_text = self.place == Place::Text;
            let len = self.advance(rest)?;
            let (passed, behind) = rest.split_at(len);
            let is_comment = self.place == Place::Comment;
            if was_text {
                // Of what begins a tag or comment only the last bracket does.
                let from = passed.rfind('<').filter(|_| self.place != Place::Text);
                let (plain, tag) = passed.split_at(from.unwrap_or(passed.len()));
                out.push_str(&escape::without_stray_brackets(plain));
                out.push_str(if is_comment { "" } else { tag });
            } else if !was_comment {
                out.push_str(passed);
            }
            rest = behind;
        }
        Ok(())
    }

    /// Whether the text can end here.
    pub(crate) fn finish(&self) -> Result<(), String> {
        if self.place == Place::Text {
            return Ok(());
        }
        Err("html/template: ends in a non-text context".to_owned())
    }

    /// Passes a stretch of text up to the next change of place; its length, never 0.
    fn advance(&mut self, text: &str) -> Result<usize, String> {
        match self.place.clone() {
            Place::Text => Ok(self.text(text)),
            Place::Comment => Ok(match text.find("-->") {
                Some(at) => {
                    self.place = Place::Text;
                    at + 3
                }
                None => text.len(),
            }),
            Place::Tag => self.tag(text),
            Place::Name(name) => Ok(self.name(&name, text)),
            Place::AfterName(content) => Ok(self.after_name(content, text)),
            Place::BeforeValue(content) => Ok(self.before_value(content, text)),
            Place::Value(content, delimiter) => Ok(self.value(content, delimiter, text)),
            Place::Raw(element) => Ok(self.raw(element, text)),
        }
    }

    fn text(&mut self, text: &str) -> usize {
        let mut from = 0;
        while let Some(at) = text[from..].find('<').map(|at| from + at) {
            let behind = &text[at + 1..];
            if behind.starts_with("!--") {
                self.place = Place::Comment;
                return at + 4;
            }
            let is_end = behind.starts_with('/');
            let name = behind.strip_prefix('/').unwrap_or(behind);
            if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
                let len = tag_name_len(name);
                self.place = Place::Tag;
                self.element = if is_end {
                    None
                } else {
                    Element::named(&name[..len])
                };
                return text.len() - name.len() + len;
            }
            from = at + 1;
        }
        text.len()
    }

    fn tag(&mut self, text: &str) -> Result<usize, String> {
        let spaces = text.len() - text.trim_start_matches(is_space).len();
        if spaces > 0 {
            return Ok(spaces);
        }
        match text.chars().next() {
            Some('>') => {
                self.place = match self.element.take() {
                    Some(element) => Place::Raw(element),
                    None => Place::Text,
                };
                self.script = Script::default();
                Ok(1)
            }
            Some(c @ ('"' | '\'' | '<' | '=')) => Err(format!(
                "html/template: {c:?} in attribute name: {text:.32?}"
            )),
            Some('/') => Ok(1),
            _ => {
                self.place = Place::Name(String::new());
                Ok(self.name("", text))
            }
        }
    }

    /// Reads on in the name of an attribute.
    fn name(&mut self, before: &str, text: &str) -> usize {
        let is_end = |c: char| is_space(c) || matches!(c, '=' | '>' | '/' | '"' | '\'' | '<');
        let len = text.find(is_end).unwrap_or(text.len());
        let name = format!("{before}{}", &text[..len]);
        self.place = if len == text.len() {
            Place::Name(name)
        } else {
            Place::AfterName(content_of(&name))
        };
        // At its end the name takes no character, and what is behind it does.
        if len == 0 {
            return self.after_name(content_of(before), text);
        }
        len
    }

    fn after_name(&mut self, content: Content, text: &str) -> usize {
        let spaces = text.len() - text.trim_start_matches(is_space).len();
        if spaces > 0 {
            self.place = Place::AfterName(content);
            return spaces;
        }
        if text.starts_with('=') {
            self.place = Place::BeforeValue(content);
            return 1;
        }
        // An attribute without a value.
        self.place = Place::Tag;
        match text.chars().next() {
            Some('/') => 1,
            Some('>') | None => self.tag(text).unwrap_or(text.len()),
            Some(c) => {
                self.place = Place::Name(c.to_string());
                c.len_utf8()
            }
        }
    }

    fn before_value(&mut self, content: Content, text: &str) -> usize {
        let spaces = text.len() - text.trim_start_matches(is_space).len();
        if spaces > 0 {
            return spaces;
        }
        let (delimiter, len) = match text.chars().next() {
            Some('"') => (Delimiter::Double, 1),
            Some('\'') => (Delimiter::Single, 1),
            _ => (Delimiter::Space, 0),
        };
        self.enter_value(content, delimiter);
        if len == 0 {
            return self.value(content, delimiter, text);
        }
        len
    }

    fn enter_value(&mut self, content: Content, delimiter: Delimiter) {
        self.place = Place::Value(content, delimiter);
        self.url = UrlPart::Start;
        self.script = Script::default();
    }

    fn value(&mut self, content: Content, delimiter: Delimiter, text: &str) -> usize {
        let end = match delimiter {
            Delimiter::Double => text.find('"'),
            Delimiter::Single => text.find('\''),
            Delimiter::Space => text.find(|c| is_space(c) || c == '>'),
        };
        let inner = &text[..end.unwrap_or(text.len())];
        match content {
            Content::Url | Content::Srcset => self.follow_url(inner),
            Content::Script | Content::Style => {
                let unescaped = escape::attribute_unescaped(inner);
                self.script.follow(&unescaped, content == Content::Style);
            }
            Content::Plain => {}
        }
        match end {
            None => text.len(),
            Some(at) => {
                self.place = Place::Tag;
                match delimiter {
                    Delimiter::Double | Delimiter::Single => at + 1,
                    // The space or bracket is the tag's; there is at least one of the two.
                    Delimiter::Space => at + self.tag(&text[at..]).unwrap_or(1),
                }
            }
        }
    }

    fn follow_url(&mut self, text: &str) {
        if text.contains(['#', '?']) {
            self.url = UrlPart::QueryOrFragment;
        } else if self.url == UrlPart::Start && !text.trim().is_empty() {
            self.url = UrlPart::BeforeQuery;
        }
    }

    fn raw(&mut self, element: Element, text: &str) -> usize {
        let end = end_tag(text, element.name());
        let inner = &text[..end.unwrap_or(text.len())];
        if matches!(element, Element::Script | Element::Style) {
            self.script.follow(inner, element == Element::Style);
        }
        match end {
            None => text.len(),
            Some(at) => {
                self.place = Place::Tag;
                at + "</".len() + element.name().len()
            }
        }
    }

    /// A value for the place where we are.
    pub(crate) fn escape(&mut self, pipe: &Pipe, value: &Value) -> Result<String, String> {
        if let Place::BeforeValue(content) = self.place {
            self.enter_value(content, Delimiter::Space);
        }
        let asked = Asked::of(pipe);
        let text = match value {
            Value::Nil => String::new(),
            other => printed(other),
        };
        let is_html = matches!(value, Value::Markup(Markup::Html, _));
        match &self.place {
            Place::Text if is_html || asked == Asked::Html => Ok(text),
            Place::Text => Ok(escape::html(&text)),
            Place::Comment => Ok(String::new()),
            Place::Raw(Element::Textarea | Element::Title) => Ok(match asked {
                Asked::Html => text,
                _ if is_html => escape::html_normal(&text),
                _ => escape::html(&text),
            }),
            Place::Raw(element) => self.script.escape(value, *element == Element::Style),
            Place::Value(content, delimiter) => {
                self.attribute(*content, *delimiter, value, &text, asked)
            }
            Place::Tag | Place::Name(_) | Place::AfterName(_) => Ok(escape::attribute_name(&text)),
            Place::BeforeValue(_) => Ok(String::new()),
        }
    }

    fn attribute(
        &self,
        content: Content,
        delimiter: Delimiter,
        value: &Value,
        text: &str,
        asked: Asked,
    ) -> Result<String, String> {
        let inner = match content {
            Content::Plain => {
                let is_html = matches!(value, Value::Markup(Markup::Html, _));
                let text = if is_html {
                    escape::without_tags(text)
                } else {
                    text.to_owned()
                };
                return Ok(match (asked, is_html) {
                    (Asked::Html, _) if delimiter != Delimiter::Space => text,
                    (_, true) => escape::attribute_normal(&text, delimiter == Delimiter::Space),
                    (_, false) => quoted(&text, delimiter),
                });
            }
            Content::Url | Content::Srcset => self.url(value, text, asked),
            Content::Script | Content::Style => {
                self.script.escape(value, content == Content::Style)?
            }
        };
        Ok(quoted(&inner, delimiter))
    }

    fn url(&self, value: &Value, text: &str, asked: Asked) -> String {
        if asked == Asked::Query {
            return text.to_owned();
        }
        let is_url = matches!(value, Value::Markup(Markup::Url, _));
        match self.url {
            UrlPart::Start if !is_url && !escape::is_safe_url(text) => "#ZgotmplZ".to_owned(),
            UrlPart::Start | UrlPart::BeforeQuery => escape::url(text, true),
            UrlPart::QueryOrFragment => escape::url(text, is_url),
        }
    }
}

fn quoted(text: &str, delimiter: Delimiter) -> String {
    match delimiter {
        Delimiter::Double | Delimiter::Single => escape::html(text),
        Delimiter::Space => escape::html_without_spaces(text),
    }
}

/// The escaping that a pipeline ends with of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Nothing,
    Html,
    Query,
}

impl Asked {
    fn of(pipe: &Pipe) -> Self {
        let last = pipe
            .commands
            .last()
            .and_then(|command| command.words.first());
        match last.map(|word| &word.kind) {
            Some(ExprKind::Identifier(name)) if name == "html" => Self::Html,
            Some(ExprKind::Identifier(name)) if name == "urlquery" => Self::Query,
            _ => Self::Nothing,
        }
    }
}

/// The length of the name that a tag begins with.
fn tag_name_len(text: &str) -> usize {
    let is_inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-');
    text.find(|c| !is_inside(c)).unwrap_or(text.len())
}

/// Where the end tag of an element begins.
fn end_tag(text: &str, name: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = text[from..].find("</").map(|at| from + at) {
        let behind = &text[at + 2..];
        let is_it = behind
            .get(..name.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(name))
            && behind[name.len()..]
                .chars()
                .next()
                .is_none_or(|c| is_space(c) || matches!(c, '/' | '>'));
        if is_it {
            return Some(at);
        }
        from = at + 2;
    }
    None
}

#[cfg(test)]
mod tests;
