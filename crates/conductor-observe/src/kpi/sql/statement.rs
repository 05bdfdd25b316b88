//! One statement that reads, with its parameters by name. Pure: nothing here talks to a database.

/// A value that is bound by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parameter {
    /// The start of the window, excluded.
    From,
    /// The end of the window, included.
    To,
    /// The run's id.
    Run,
}

/// A statement, cut at its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// What stands before each parameter, and after the last one: one piece more than parameters.
    pieces: Vec<String>,
    parameters: Vec<Parameter>,
}

/// Words that no statement that only reads has, outside of names in quotes.
const FORBIDDEN: [&str; 9] = ["insert", "update", "delete", "merge", "into", "call", "execute", "truncate", "drop"];

impl Statement {
    /// Cuts a statement at its parameters.
    ///
    /// # Errors
    /// When it is not a single `SELECT`, or has parameters that there are not.
    pub(super) fn parse(sql: &str) -> Result<Self, String> {
        let mut cut = Self { pieces: vec![String::new()], parameters: Vec::new() };
        let mut rest = sql.trim();
        let mut words = Vec::new();
        let mut ended = false;
        while let Some(first) = rest.chars().next() {
            let token = token(rest)?;
            let (text, after) = rest.split_at(token);
            let is_space = first.is_whitespace() || is_comment(text);
            if ended && !is_space {
                return Err("it is more than one statement".to_owned());
            }
            if let Some(name) = text.strip_prefix(':').filter(|name| name.starts_with(char::is_alphabetic)) {
                cut.parameters.push(match name {
                    "from" => Parameter::From,
                    "to" => Parameter::To,
                    "run" => Parameter::Run,
                    _ => return Err(format!("there is no parameter :{name}; there are :from, :to and :run")),
                });
                cut.pieces.push(String::new());
            } else if text == ";" {
                ended = true;
            } else {
                if first.is_alphabetic() {
                    words.push(text.to_ascii_lowercase());
                }
                // A comment means something to MySQL.
                let kept = if is_comment(text) { " " } else { text };
                if let Some(piece) = cut.pieces.last_mut() {
                    piece.push_str(kept);
                }
            }
            rest = after;
        }
        match words.first().map(String::as_str) {
            Some("select" | "with") => {}
            Some(other) => return Err(format!("it begins with {}", other.to_uppercase())),
            None => return Err("it is empty".to_owned()),
        }
        if let Some(word) = words.iter().find(|word| FORBIDDEN.contains(&word.as_str())) {
            return Err(format!("it has the word {}", word.to_uppercase()));
        }
        Ok(cut)
    }

    /// Whether it has a parameter.
    pub(super) fn has(&self, parameter: Parameter) -> bool {
        self.parameters.contains(&parameter)
    }

    /// Its parameters, in the order of the text.
    pub(super) fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Its text, with what a database has for each parameter, which is given with its place from 1 on.
    pub(super) fn text(&self, placeholder: impl Fn(usize, Parameter) -> String) -> String {
        let mut text = self.pieces[0].clone();
        for (position, parameter) in self.parameters.iter().enumerate() {
            text.push_str(&placeholder(position + 1, *parameter));
            text.push_str(&self.pieces[position + 1]);
        }
        text
    }
}

fn is_comment(text: &str) -> bool {
    text.starts_with("--") || text.starts_with("/*")
}

/// The length of the first token: a word, a text or name in quotes, a comment, a parameter, `::`, or one character.
fn token(rest: &str) -> Result<usize, String> {
    let until = |end: &str, skip: usize, what: &str| {
        let found = rest[skip..].find(end).map(|at| skip + at + end.len());
        found.ok_or_else(|| format!("{what} has no end"))
    };
    let word = |text: &str| text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let first = rest.chars().next().unwrap_or_default();
    Ok(match first {
        // A quote within quotes is two, which are two texts side by side here.
        '\'' | '"' | '`' => {
            let length = until(&first.to_string(), 1, "a text in quotes")?;
            if rest[..length].contains('\\') {
                return Err("it has a backslash in quotes, which databases read differently".to_owned());
            }
            length
        }
        '$' if rest[1..].starts_with(['$']) => until("$$", 2, "a text in $$")?,
        '-' if rest.starts_with("--") => rest.find('\n').map_or(rest.len(), |at| at + 1),
        '#' => return Err("it has a #, which begins a comment in MySQL".to_owned()),
        '/' if rest.starts_with("/*") => until("*/", 2, "a comment")?,
        ':' if rest.starts_with("::") => 2,
        ':' => 1 + word(&rest[1..]),
        c if c.is_alphanumeric() || c == '_' => word(rest),
        c => c.len_utf8(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(sql: &str) -> String {
        let statement = Statement::parse(sql).unwrap();
        statement.text(|place, parameter| format!("<{place} {parameter:?}>"))
    }

    #[test]
    fn parameters_are_found_where_they_are_and_nowhere_else() {
        assert_eq!(
            text("SELECT count(*) FROM orders WHERE at > :from AND at <= :to AND run_id = :run"),
            "SELECT count(*) FROM orders WHERE at > <1 From> AND at <= <2 To> AND run_id = <3 Run>"
        );
        assert_eq!(
            text("SELECT a::int, ':from', \":to\" FROM t -- :run\n;  "),
            "SELECT a::int, ':from', \":to\" FROM t  "
        );
        assert_eq!(text("select /* :from; drop */ 1"), "select   1");
        assert_eq!(text("SELECT 'it''s; :to'"), "SELECT 'it''s; :to'");
        assert!(Statement::parse("SELECT 1 WHERE x > :from").unwrap().has(Parameter::From));
    }

    #[test]
    fn what_is_not_a_single_select_is_refused() {
        for (sql, why) in [
            ("", "it is empty"),
            ("DELETE FROM orders", "it begins with DELETE"),
            ("SELECT 1; SELECT 2", "it is more than one statement"),
            ("SELECT 1; DROP TABLE orders", "it is more than one statement"),
            ("WITH gone AS (DELETE FROM orders RETURNING *) SELECT count(*) FROM gone", "it has the word DELETE"),
            ("SELECT 1 INTO OUTFILE '/tmp/x'", "it has the word INTO"),
            ("SELECT :since", "there is no parameter :since; there are :from, :to and :run"),
            ("SELECT 'open", "a text in quotes has no end"),
            ("SELECT 1 /* open", "a comment has no end"),
            ("SELECT '\\'; DROP TABLE x; --'", "it has a backslash in quotes, which databases read differently"),
            ("SELECT 1 # more", "it has a #, which begins a comment in MySQL"),
        ] {
            assert_eq!(Statement::parse(sql).unwrap_err(), why, "{sql}");
        }
    }
}
