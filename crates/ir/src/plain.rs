//! Names of files, as a terminal may show them.

use std::fmt::{self, Display, Formatter, Write};

/// Text on one line that leaves the terminal as it is: whoever makes a file may put anything into its names. Control
/// characters, line separators and those that turn the direction of writing are shown escaped, as `\n` and `\u{1b}`;
/// all else as it is, backslashes too, since most names that have one mean it.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a>(pub &'a str);

impl Display for Plain<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let turns =
            |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        for c in self.0.chars() {
            match c {
                c if c.is_control() => write!(f, "{}", c.escape_default())?,
                '\u{2028}' | '\u{2029}' => write!(f, "{}", c.escape_default())?,
                c if turns(c) => write!(f, "{}", c.escape_default())?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Plain;

    #[test]
    fn what_would_move_the_cursor_is_escaped() {
        let shown = |text| Plain(text).to_string();
        assert_eq!(shown("a\nb\tc\r"), "a\\nb\\tc\\r");
        assert_eq!(shown("\x1b[31mred\u{9b}0m\0"), "\\u{1b}[31mred\\u{9b}0m\\u{0}");
        assert_eq!(shown("\u{202e}evil\u{2028}"), "\\u{202e}evil\\u{2028}");
        assert_eq!(shown("größe/é 'q' \"d\" C:\\models 名"), "größe/é 'q' \"d\" C:\\models 名");
    }
}
