//! What a template has written so far, within its limit.

use crate::html::Escaper;
use crate::node::Pipe;
use crate::value::Value;

#[derive(Debug)]
pub(super) struct Output {
    text: String,
    /// Of all that is written, what is set aside included.
    bytes_left: usize,
    bytes_max: usize,
    /// Where in the HTML we are, if HTML is written.
    html: Option<Escaper>,
}

/// What was written before a template that is executed for its text.
#[derive(Debug)]
pub(super) struct SetAside {
    text: String,
    html: Option<Escaper>,
}

impl Output {
    pub(super) fn new(bytes_max: usize, is_html: bool) -> Self {
        Self {
            text: String::new(),
            bytes_left: bytes_max,
            bytes_max,
            html: is_html.then(Escaper::default),
        }
    }

    pub(super) fn is_html(&self) -> bool {
        self.html.is_some()
    }

    /// Counts what is about to be written.
    fn charge(&mut self, len: usize) -> Result<(), String> {
        match self.bytes_left.checked_sub(len) {
            Some(left) => {
                self.bytes_left = left;
                Ok(())
            }
            None => Err(format!(
                "exceeded the limit of {} bytes of output",
                self.bytes_max
            )),
        }
    }

    pub(super) fn plain(&mut self, text: &str) -> Result<(), String> {
        self.charge(text.len())?;
        self.text.push_str(text);
        Ok(())
    }

    /// Text of the template itself.
    pub(super) fn literal(&mut self, text: &str) -> Result<(), String> {
        self.charge(text.len())?;
        match &mut self.html {
            Some(html) => html.literal(text, &mut self.text),
            None => {
                self.text.push_str(text);
                Ok(())
            }
        }
    }

    /// A value, escaped for the place that the template's own text has led to.
    pub(super) fn escaped(&mut self, pipe: &Pipe, value: &Value) -> Result<(), String> {
        let Some(html) = &mut self.html else {
            return Ok(());
        };
        let text = html.escape(pipe, value)?;
        self.plain(&text)
    }

    pub(super) fn finish(&mut self) -> Result<String, String> {
        if let Some(html) = &self.html {
            html.finish()?;
        }
        Ok(std::mem::take(&mut self.text))
    }

    pub(super) fn set_aside(&mut self) -> SetAside {
        let html = self.html.as_ref().map(|_| Escaper::default());
        SetAside {
            text: std::mem::take(&mut self.text),
            html: std::mem::replace(&mut self.html, html),
        }
    }

    /// What was written since, and goes on where it was.
    pub(super) fn take_back(&mut self, outer: SetAside) -> Result<String, String> {
        let inner = self.finish()?;
        self.text = outer.text;
        self.html = outer.html;
        Ok(inner)
    }
}
