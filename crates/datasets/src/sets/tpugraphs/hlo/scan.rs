//! A place in the text of a module, and what can be read there.

/// What is wrong, and in which line.
pub type Wrong = (usize, String);

/// The text from some place on. Comments (`/* … */`, `// …`) are blank.
#[derive(Clone, Copy)]
pub struct Scan<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Scan<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { rest: text, line: 1 }
    }

    /// An error at this place.
    pub fn wrong(&self, message: impl Into<String>) -> Wrong {
        (self.line, message.into())
    }

    /// Passes over so many bytes, which it gives.
    fn pass(&mut self, length: usize) -> Self {
        let (passed, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        let before = Self { rest: passed, line: self.line };
        self.rest = rest;
        self.line += passed.matches('\n').count();
        before
    }

    /// Passes over blanks and comments; over ends of lines only where `lines` says so.
    fn blank(&mut self, lines: bool) {
        loop {
            let text = self.rest.trim_start_matches(|c: char| c.is_whitespace() && (lines || c != '\n'));
            let comment = match text {
                _ if text.starts_with("/*") => text.find("*/").map_or(text.len(), |end| end + 2),
                _ if text.starts_with("//") => text.find('\n').unwrap_or(text.len()),
                _ => 0,
            };
            self.pass(self.rest.len() - text.len() + comment);
            if comment == 0 {
                return;
            }
        }
    }

    /// True at the end.
    pub fn is_over(&mut self) -> bool {
        self.blank(true);
        self.rest.is_empty()
    }

    /// True if `token` is here, with nothing before it. It is passed.
    pub fn eat_here(&mut self, token: &str) -> bool {
        let found = self.rest.starts_with(token);
        self.pass(if found { token.len() } else { 0 });
        found
    }

    /// True if `token` is next in this line. It is passed.
    pub fn eat_in_line(&mut self, token: &str) -> bool {
        self.blank(false);
        self.eat_here(token)
    }

    /// True if `token` is next. It is passed.
    pub fn eat(&mut self, token: &str) -> bool {
        self.blank(true);
        self.eat_here(token)
    }

    /// Passes over `token`, which must be next.
    pub fn expect(&mut self, token: &str) -> Result<(), Wrong> {
        if self.eat(token) {
            return Ok(());
        }
        let found: String = self.rest.chars().take_while(|c| *c != '\n').take(20).collect();
        Err(self.wrong(format!("`{found}` in place of `{token}`")))
    }

    /// A name without its `%`; empty where there is none.
    pub fn word(&mut self) -> &'a str {
        self.eat("%");
        let is = |c: char| c.is_alphanumeric() || "_-.".contains(c);
        self.pass(self.rest.len() - self.rest.trim_start_matches(is).len()).rest
    }

    /// The name that is next.
    pub fn ahead(&self) -> &'a str {
        let mut ahead = *self;
        ahead.word()
    }

    /// Passes over what is next, and the rest of its line.
    pub fn line(&mut self) {
        self.blank(true);
        self.until("\n");
    }

    /// What lies between `open`, which must be next, and the bracket that closes it. Both are passed.
    pub fn bracketed(&mut self, open: &str) -> Result<Self, Wrong> {
        self.expect(open)?;
        let start = *self;
        let inner = self.until("");
        let close = match open {
            "(" => ")",
            "[" => "]",
            _ => "}",
        };
        if self.eat_here(close) { Ok(inner) } else { Err(start.wrong(format!("`{open}` that is not closed"))) }
    }

    /// What comes before any of `ends` or a closing bracket, outside brackets and quotes.
    pub fn until(&mut self, ends: &str) -> Self {
        let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
        let end = self.rest.char_indices().find(|&(_, c)| {
            if quoted {
                quoted = escaped || c != '"';
                escaped = !escaped && c == '\\';
                return false;
            }
            let closes = matches!(c, ')' | ']' | '}');
            if depth == 0 && (closes || ends.contains(c)) {
                return true;
            }
            quoted = c == '"';
            depth += usize::from(matches!(c, '(' | '[' | '{'));
            depth -= usize::from(closes);
            false
        });
        self.pass(end.map_or(self.rest.len(), |(end, _)| end))
    }

    /// Parts between commas. Nothing has no parts.
    pub fn parts(mut self) -> Vec<Self> {
        let mut parts = Vec::new();
        while !self.is_over() {
            parts.push(self.until(","));
            self.pass(1);
        }
        parts
    }

    /// All of it, without blanks around it.
    pub fn all(mut self) -> &'a str {
        self.blank(true);
        self.rest.trim_end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_quotes_and_comments() {
        let mut scan = Scan::new(" /*index=5*/ ( a{1,0},\n b=\"),\\\"\", // c\n(d, e)) rest");
        let inner = scan.bracketed("(").unwrap();
        let parts: Vec<_> = inner.parts().into_iter().map(Scan::all).collect();
        assert_eq!(parts, ["a{1,0}", "b=\"),\\\"\"", "(d, e)"]);
        assert_eq!((scan.word(), scan.is_over(), scan.line), ("rest", true, 3));
        assert_eq!(Scan::new("\n(a(").bracketed("(").err(), Some((2, "`(` that is not closed".into())));
        assert_eq!(Scan::new("a\n").expect("=").err(), Some((1, "`a` in place of `=`".into())));
    }
}
