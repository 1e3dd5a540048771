//! Names in messages: as a terminal may show them, in a list, and the one that was meant.

use std::fmt::{self, Display, Formatter, Write};

/// Most names that a message lists.
const MOST: usize = 24;
/// How alike, from 0 to 1, names are of which one may be a slip for the other.
const ALIKE: f64 = 0.8;

/// Text on one line that leaves the terminal as it is: whoever makes a file may put anything into its names. Control
/// characters, line separators and those that turn the direction of writing are shown escaped, as `\n` and `\u{1b}`;
/// all else as it is, backslashes too, since most names that have one mean it.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a>(pub &'a str);

impl Display for Plain<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            let turns =
                matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            match c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}') {
                true => write!(f, "{}", c.escape_default())?,
                false => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Names in a list, as `` `a`, `b` ``: of very many the first, and how many more there are.
pub fn listed(names: impl IntoIterator<Item: AsRef<str>>) -> String {
    let mut names = names.into_iter();
    let mut first: Vec<String> = names.by_ref().take(MOST).map(|name| format!("`{}`", Plain(name.as_ref()))).collect();
    match names.count() {
        0 => {}
        more => first.push(format!("… ({more} more)")),
    }
    first.join(", ")
}

/// The one of `known` that somebody who wrote `name` may have meant: the same whatever the case, dashes and spaces, else
/// the one that is most alike, if it is much alike.
pub fn meant<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let name = letters(name);
    let alike = |known: &str| match letters(known) {
        same if !name.is_empty() && same == name => 2.0,
        other => strsim::jaro_winkler(&other, &name),
    };
    let rated = known.into_iter().map(|known| (known, alike(known))).filter(|(_, alike)| *alike >= ALIKE);
    rated.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(known, _)| known)
}

/// What to say after a name that does not exist: the one that was meant, and those that there are.
pub fn known_are(name: &str, known: &[impl AsRef<str>]) -> String {
    if known.is_empty() {
        return "there is none".into();
    }
    let meant = meant(name, known.iter().map(AsRef::as_ref));
    let meant = meant.map_or(String::new(), |meant| format!("did you mean `{}`? ", Plain(meant)));
    format!("{meant}there are {}", listed(known))
}

#[cfg(test)]
mod tests {
    use super::{Plain, known_are, listed, meant};

    #[test]
    fn what_would_move_the_cursor_is_escaped() {
        let shown = |text| Plain(text).to_string();
        assert_eq!(shown("a\nb\tc\r"), "a\\nb\\tc\\r");
        assert_eq!(shown("\x1b[31mred\u{9b}0m\0"), "\\u{1b}[31mred\\u{9b}0m\\u{0}");
        assert_eq!(shown("\u{202e}evil\u{2028}"), "\\u{202e}evil\\u{2028}");
        assert_eq!(shown("größe/é 'q' \"d\" C:\\models 名"), "größe/é 'q' \"d\" C:\\models 名");
    }

    #[test]
    fn the_name_that_was_meant() {
        let known = ["batch", "height", "sequence_length", "rtx-4090"];
        let meant = |name| meant(name, known);
        assert_eq!(
            (meant("Batch"), meant("batch_size"), meant("hight")),
            (Some("batch"), Some("batch"), Some("height"))
        );
        assert_eq!((meant("RTX 4090"), meant("seq_length")), (Some("rtx-4090"), Some("sequence_length")));
        assert_eq!((meant("x"), meant(""), meant("depth")), (None, None, None));
    }

    #[test]
    fn lists_end() {
        let many: Vec<String> = (0..30).map(|i| format!("n{i}")).collect();
        let text = listed(&many);
        assert!(text.starts_with("`n0`, `n1`, ") && text.ends_with("`n23`, … (6 more)"), "{text}");
        assert_eq!(listed(["a\n"]), "`a\\n`");
        assert_eq!(known_are("b", &["a", "c"]), "there are `a`, `c`");
        assert_eq!(known_are("Batch", &["batch"]), "did you mean `batch`? there are `batch`");
        assert_eq!(known_are("x", &[] as &[&str]), "there is none");
    }
}
