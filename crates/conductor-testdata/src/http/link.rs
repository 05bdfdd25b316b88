//! The header `Link` of an answer (RFC 8288), as far as it names the next page.

/// The target of the first link with the relation `next`.
pub(super) fn next(header: &str) -> Option<&str> {
    let mut rest = header;
    loop {
        let (_, after) = rest.split_once('<')?;
        let (target, after) = after.split_once('>')?;
        let end = parameters_end(after);
        if is_next(&after[..end]) {
            return Some(target.trim());
        }
        rest = &after[end..];
    }
}

/// Where the parameters of one link end: at a comma that is not in quotes.
fn parameters_end(text: &str) -> usize {
    let mut quoted = false;
    for (position, character) in text.char_indices() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => return position,
            _ => {}
        }
    }
    text.len()
}

fn is_next(parameters: &str) -> bool {
    parameters.split(';').filter_map(|parameter| parameter.split_once('=')).any(|(name, value)| {
        let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
        name.trim().eq_ignore_ascii_case("rel") && relations.any(|relation| relation.eq_ignore_ascii_case("next"))
    })
}

#[cfg(test)]
mod tests {
    use super::next;

    #[test]
    fn the_next_page_is_found_among_other_links() {
        for (header, expected) in [
            ("<https://a.example/o?page=2>; rel=\"next\"", Some("https://a.example/o?page=2")),
            ("</o?page=1,2>; rel=prev, </o?page=3>; title=\"a, b\"; rel=\"last next\"", Some("/o?page=3")),
            ("</o>; title=\"rel=next\"; rel=prev", None),
            ("</o>; REL=Next", Some("/o")),
            ("</o>; rel=first", None),
            ("", None),
        ] {
            assert_eq!(next(header), expected, "{header}");
        }
    }
}
