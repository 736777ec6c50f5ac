//! Numbers and texts, in all the ways in which they are written.

use crate::expression::Generator;

impl Generator<'_> {
    /// A scalar.
    pub(crate) fn scalar(&mut self, depth: usize) -> String {
        match self.dice.below(if depth == 0 { 3 } else { 8 }) {
            0 => format!("{}", self.dice.below(100)),
            1 => format!("{:.3}", 10.0 * self.dice.fraction() - 5.0),
            2 => self.number(),
            3 => format!("scalar(sum({}))", self.vector(depth - 1).text),
            4 => "time()".to_owned(),
            5 => {
                // Of one series, or of several and then none of them.
                let room = self
                    .dice
                    .one(&["room=\"room-1\"", "room=~\".+\"", "room=\"none\""]);
                format!("scalar(temperature{{instance=\"instance-3\",{room}}})")
            }
            6 => self
                .dice
                .one(&["pi()", "-pi()", "-(1 + 1)", "-time()"])
                .to_owned(),
            _ => {
                let operator = self.dice.one(&["+", "-", "*", "/"]);
                let (left, right) = (self.scalar(depth - 1), self.scalar(depth - 1));
                format!("({left} {operator} {right})")
            }
        }
    }

    /// A number as it may be written.
    pub(crate) fn number(&mut self) -> String {
        let written = self.dice.one(&[
            "0", "1", "2", "3", "0.5", ".25", "5.", "1e3", "1E-2", "2.5e+1", "0x1F", "0XaB", "017",
            "Inf", "inf", "+Inf", "NaN", "nan", "1e308", "4.9e-324", "100", "7",
        ]);
        written.to_owned()
    }

    /// A text.
    pub(crate) fn string(&mut self) -> String {
        let written = self.dice.one(&[
            "\"a text\"",
            "'it''s'",
            "'a \"text\"'",
            "`back\\quoted`",
            r#""\t\x41\u00e4\101\"""#,
            r#"'\'\a'"#,
            "\"ä€😀\"",
            r#""\q""#,
            "\"no end",
            "\"\"",
        ]);
        written.to_owned()
    }
}
