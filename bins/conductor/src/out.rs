//! Printing. Nobody who stops reading can turn it into an end: a closed pipe must not leave an environment scaled up. And
//! nobody whose text is shown can turn it into orders to the terminal.

use std::borrow::Cow;
use std::io::{self, ErrorKind, Write};

use anyhow::Context;
use serde::Serialize;

use crate::exit::Failed;

/// Says something on the way. That nobody reads it is no reason to stop.
pub(crate) fn line(text: &str) {
    let _ = writeln!(io::stdout(), "{}", harmless(text));
}

/// The same beside the answer, on standard error.
pub(crate) fn aside(text: &str) {
    let _ = writeln!(io::stderr(), "{}", harmless(text));
}

/// Prints what was asked for.
///
/// # Errors
/// When it could not be written for another reason than that its reader has enough.
pub(crate) fn answer(text: &str) -> Result<(), Failed> {
    written(&harmless(text))
}

fn written(text: &str) -> Result<(), Failed> {
    let mut out = io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("could not write to standard output").map_err(Failed::because)
        }
        _ => Ok(()),
    }
}

/// Prints what was asked for, as JSON.
///
/// # Errors
/// As [`answer`].
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failed> {
    let text = serde_json::to_string_pretty(value).map_err(Failed::because)?;
    written(&format!("{}\n", harmless_json(&text)))
}

/// A text that orders a terminal nothing. Names and errors come from servers, clusters and applications: a control character
/// in one of them, shown as it is, could wipe the screen, forge what was told before or set the title of the window.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    escaped(text, |letter| letter.escape_unicode().to_string())
}

/// The same for a document of JSON: there they stand in strings alone, which have a way of their own to say them.
fn harmless_json(text: &str) -> Cow<'_, str> {
    escaped(text, |letter| format!("\\u{:04x}", u32::from(letter)))
}

fn escaped(text: &str, as_text: impl Fn(char) -> String) -> Cow<'_, str> {
    if !text.contains(orders) {
        return Cow::Borrowed(text);
    }
    let letters = text.chars().map(|letter| if orders(letter) { as_text(letter) } else { letter.to_string() });
    Cow::Owned(letters.collect())
}

/// True of what does something to a terminal instead of being shown: control characters but for ends of lines and tabs, and
/// what turns the direction of writing, so that a text looks like another one.
fn orders(letter: char) -> bool {
    let turns = matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (letter.is_control() && letter != '\n' && letter != '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_orders_a_terminal_is_shown_and_not_done() {
        let title = "shop\u{1b}]0;owned\u{7}\r\u{9b}2J\u{7f}\u{202e}pohs\n\tü→";
        assert_eq!(harmless(title), "shop\\u{1b}]0;owned\\u{7}\\u{d}\\u{9b}2J\\u{7f}\\u{202e}pohs\n\tü→");
        assert!(matches!(harmless("a plain\ttext\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn json_stays_what_it_says() {
        let told = serde_json::json!({ "name": "\u{1b}[2J\u{9b}2J\u{7f}" });
        let text = serde_json::to_string_pretty(&told).unwrap();
        let shown = harmless_json(&text);
        assert!(!shown.contains(orders), "{shown:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), told);
    }
}
