//! Placeholders in texts: names in braces, such as `{application}`. What is in braces and no name is text.

/// The names in a text, in their order.
pub(crate) fn names(text: &str) -> impl Iterator<Item = &str> {
    parts(text).filter_map(|part| part.ok())
}

/// A text with its placeholders filled in, in one pass: what is filled in is not looked at again.
///
/// # Errors
/// The first name that stands for nothing.
pub(crate) fn filled(text: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let filled = parts(text).map(|part| match part {
        Ok(name) => value(name).ok_or_else(|| name.to_owned()),
        Err(literal) => Ok(literal.to_owned()),
    });
    filled.collect()
}

/// The names (`Ok`) and what is between them (`Err`).
fn parts(mut rest: &str) -> impl Iterator<Item = Result<&str, &str>> {
    std::iter::from_fn(move || {
        if let Some((name, after)) = placeholder(rest) {
            rest = after;
            return Some(Ok(name));
        }
        if rest.is_empty() {
            return None;
        }
        // A brace that begins no placeholder is text.
        let next = rest.match_indices('{').map(|(at, _)| at).find(|at| *at > 0 && placeholder(&rest[*at..]).is_some());
        let (literal, after) = rest.split_at(next.unwrap_or(rest.len()));
        rest = after;
        Some(Err(literal))
    })
}

/// The name that a text begins with, in braces, and what follows.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('{')?.split_once('}')?;
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_inner);
    is_name.then_some((name, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_braces_are_filled_in_once_and_all_else_stays() {
        let value = |name: &str| match name {
            "application" => Some("{run}".to_owned()),
            "images.main-1" => Some("shop:2".to_owned()),
            _ => None,
        };
        for (text, expected) in [
            ("", Ok("")),
            ("plain", Ok("plain")),
            ("{application}", Ok("{run}")),
            ("a-{application}-{images.main-1}", Ok("a-{run}-shop:2")),
            ("{{application}}", Ok("{{run}}")),
            (r#"{"id":"{application}","n":{}}"#, Ok(r#"{"id":"{run}","n":{}}"#)),
            ("{ application }", Ok("{ application }")),
            ("{unclosed", Ok("{unclosed")),
            ("{aplication}", Err("aplication")),
            ("x{application}{y}{z}", Err("y")),
        ] {
            assert_eq!(filled(text, value), expected.map(str::to_owned).map_err(str::to_owned), "{text}");
        }
        assert_eq!(names("{a}-{ b }-{c.d}").collect::<Vec<_>>(), ["a", "c.d"]);
    }
}
