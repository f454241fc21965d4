//! Lines of a configuration file, indented by their depth.

use std::fmt::Display;

/// Comments are broken before this column.
const COMMENT_COLUMNS_MAX: usize = 100;

/// A text that grows by lines.
#[derive(Debug, Default)]
pub struct Sheet {
    text: String,
    depth: usize,
}

impl Sheet {
    /// One line.
    pub fn line(&mut self, line: impl Display) {
        self.indent();
        self.text.push_str(&line.to_string());
        self.text.push('\n');
    }

    /// An empty line, unless there is one already or nothing at all.
    pub fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// A remark for people, over as many lines as it takes. What would end a line is taken out.
    pub fn comment(&mut self, text: impl Display) {
        let text = text.to_string();
        let mut line = String::from("#");
        let width = COMMENT_COLUMNS_MAX.saturating_sub(self.depth * INDENT.len());
        for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
            if word.is_empty() {
                continue;
            }
            if line.len() > 1 && line.chars().count() + 1 + word.chars().count() > width {
                self.line(&line);
                line.truncate(1);
            }
            line.push(' ');
            line.push_str(word);
        }
        self.line(line);
    }

    /// The head of a section whose lines are indented until it is closed.
    pub fn open(&mut self, head: impl Display) {
        self.line(head);
        self.depth += 1;
    }

    /// The end of a section that ends by indentation alone.
    pub fn end(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// The end of a section in braces.
    pub fn close(&mut self) {
        self.end();
        self.line("}");
    }

    /// What was written.
    pub fn into_text(self) -> String {
        self.text
    }

    fn indent(&mut self) {
        self.text.extend(std::iter::repeat_n(INDENT, self.depth));
    }
}

const INDENT: &str = "    ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_stay_comments() {
        let mut sheet = Sheet::default();
        sheet.gap();
        sheet.open("a {");
        sheet.comment("one\nflush\u{b}\rtwo");
        sheet.comment("word ".repeat(30));
        sheet.close();
        sheet.gap();
        sheet.gap();
        let text = sheet.into_text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0..2], ["a {", "    # one flush two"]);
        assert!(lines[2..4].iter().all(|line| line.starts_with("    # word") && line.len() <= 100));
        assert_eq!(lines[4..], ["}", ""]);
    }
}
