//! The tokens of a text with a few of them looked at in advance.

use crate::lexer::{Kind, Lexer, Token};

#[derive(Debug)]
pub(super) struct Tokens<'a> {
    lexer: Lexer<'a>,
    /// Read and not yet used; the next one is last.
    waiting: Vec<Token<'a>>,
    /// The line of the token that was read last.
    line: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            lexer: Lexer::new(text),
            waiting: Vec::new(),
            line: 1,
        }
    }

    /// Where reading has come to: the line that errors name.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    fn read(&mut self) -> Token<'a> {
        let token = self.lexer.next();
        self.line = token.line;
        token
    }

    pub(super) fn next(&mut self) -> Token<'a> {
        match self.waiting.pop() {
            Some(token) => token,
            None => self.read(),
        }
    }

    pub(super) fn put_back(&mut self, token: Token<'a>) {
        self.waiting.push(token);
    }

    pub(super) fn peek(&mut self) -> Token<'a> {
        let token = self.next();
        self.put_back(token.clone());
        token
    }

    pub(super) fn next_non_space(&mut self) -> Token<'a> {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    /// Drops spaces and looks at what is behind them.
    pub(super) fn peek_non_space(&mut self) -> Token<'a> {
        let token = self.next_non_space();
        self.put_back(token.clone());
        token
    }

    /// Looks at what is behind a space and keeps the space.
    pub(super) fn peek_past_space(&mut self) -> Token<'a> {
        let first = self.next();
        if first.kind != Kind::Space {
            self.put_back(first.clone());
            return first;
        }
        let second = self.peek();
        self.put_back(first);
        second
    }
}
