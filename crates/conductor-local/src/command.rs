//! The command line of a replica, with its placeholders filled in. Nothing is run here.

use std::path::Path;

/// What placeholders stand for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values<'a> {
    pub(crate) version: &'a str,
    pub(crate) port: u16,
    pub(crate) ready_port: u16,
    pub(crate) replica: u64,
    pub(crate) dir: &'a Path,
}

const NAMES: [&str; 5] = ["version", "port", "readyPort", "replica", "dir"];

/// The first placeholder in a word that does not exist.
pub(crate) fn unknown_placeholder(word: &str) -> Option<&str> {
    placeholders(word).find(|name| !NAMES.contains(name))
}

/// Whether a word has this placeholder.
pub(crate) fn names(word: &str, placeholder: &str) -> bool {
    placeholders(word).any(|name| name == placeholder)
}

/// A word with its placeholders filled in, in one pass: what is filled in is not looked at again.
pub(crate) fn filled(word: &str, values: &Values<'_>) -> String {
    let mut text = String::new();
    let mut rest = word;
    while let Some((before, name, after)) = next(rest) {
        text.push_str(before);
        match name {
            "version" => text.push_str(values.version),
            "port" => text.push_str(&values.port.to_string()),
            "readyPort" => text.push_str(&values.ready_port.to_string()),
            "replica" => text.push_str(&values.replica.to_string()),
            "dir" => text.push_str(&values.dir.to_string_lossy()),
            other => text.push_str(&format!("{{{other}}}")),
        }
        rest = after;
    }
    text + rest
}

fn placeholders(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let (_, name, after) = next(rest)?;
        rest = after;
        Some(name)
    })
}

/// Text before the next placeholder, its name, and the text after it. Braces around anything but a name are text.
fn next(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let open = from + text[from..].find('{')?;
        let close = open + text[open..].find('}')?;
        let name = &text[open + 1..close];
        if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Some((&text[..open], name, &text[close + 1..]));
        }
        from = open + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values<'static> {
        Values { version: "v{port}", port: 80, ready_port: 81, replica: 3, dir: Path::new("/a shop") }
    }

    #[test]
    fn every_placeholder_is_filled_in_once() {
        assert_eq!(filled("{dir}/x-{version}:{port}/{readyPort}#{replica}", &values()), "/a shop/x-v{port}:80/81#3");
        assert_eq!(filled("{\"a\": {}}", &values()), "{\"a\": {}}");
    }

    #[test]
    fn unknown_placeholders_are_found_and_json_is_none() {
        assert_eq!(unknown_placeholder("--port={prot}"), Some("prot"));
        assert_eq!(unknown_placeholder("{port} {\"key\": 1}"), None);
    }
}
