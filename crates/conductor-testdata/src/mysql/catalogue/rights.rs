//! What the user may do, as the server shows it: some of the catalogue is only there for those who have a right to it.

use std::collections::BTreeMap;

use conductor_core::ports::PortError;
use sqlx::Row;
use sqlx::mysql::MySqlRow;

use super::super::session::Session;
use super::super::trouble::Trouble;

/// Everything that the user was granted, by name or by active roles, as far as it is shown.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Grants(Vec<Grant>);

#[derive(Debug, PartialEq, Eq)]
struct Grant {
    /// False where a right is taken back for one database.
    is_given: bool,
    privileges: Vec<String>,
    /// `*`, or a pattern with `%` and `_`.
    database: String,
    /// `*`, or a name.
    table: String,
    /// The user or the role that has them.
    grantee: String,
}

impl Grants {
    /// True where triggers of the table are shown, or there are none.
    pub(super) fn may_see_triggers(&self, database: &str, table: &str) -> bool {
        let has = |grant: &&Grant| grant.has("TRIGGER");
        let of: Vec<&Grant> = self.0.iter().filter(|grant| grant.is_of(database, table)).collect();
        if of.iter().any(|grant| !grant.is_given && has(grant)) {
            return false;
        }
        // Of several patterns that fit a database some servers take the one that says most, and no others.
        let mut by_database = BTreeMap::new();
        for grant in of.iter().filter(|grant| grant.is_given && grant.is_of_database()) {
            *by_database.entry(grant.grantee.as_str()).or_insert(true) &= has(grant);
        }
        by_database.into_values().any(|all| all)
            || of.iter().any(|grant| grant.is_given && !grant.is_of_database() && has(grant))
    }

    /// True for a right to everything.
    pub(super) fn has_everywhere(&self, privilege: &str) -> bool {
        let mut everywhere = self.0.iter().filter(|grant| grant.is_given && grant.database == "*");
        everywhere.any(|grant| grant.has(privilege))
    }
}

impl Grant {
    fn has(&self, privilege: &str) -> bool {
        self.privileges.iter().any(|found| found == privilege || found == "ALL PRIVILEGES" || found == "ALL")
    }

    fn is_of_database(&self) -> bool {
        self.table == "*" && self.database != "*"
    }

    fn is_of(&self, database: &str, table: &str) -> bool {
        match self.table.as_str() {
            "*" => self.database == "*" || is_like(database, &self.database),
            name => name == table && self.database == database,
        }
    }

    /// A line such as ``GRANT SELECT, DELETE ON `shop`.* TO `cleaner`@`%` ``; `None` for what is about no table.
    fn read(line: &str) -> Option<Self> {
        let (is_given, rest, end) = match line.strip_prefix("GRANT ") {
            Some(rest) => (true, rest, " TO "),
            None => (false, line.strip_prefix("REVOKE ")?, " FROM "),
        };
        let (privileges, rest) = split(rest, " ON ")?;
        let (object, rest) = split(rest, end)?;
        let grantee = split(rest, " ").map_or(rest, |(grantee, _)| grantee).to_owned();
        let (database, table) = split(object, ".")?;
        let mut listed = Vec::new();
        let mut left = privileges;
        while let Some((privilege, rest)) = split(left, ", ") {
            listed.push(privilege.to_owned());
            left = rest;
        }
        listed.push(left.to_owned());
        Some(Self { is_given, privileges: listed, database: name(database)?, table: name(table)?, grantee })
    }
}

/// Reads what the server shows of the user's rights.
pub(super) async fn grants(session: &mut Session<'_>) -> Result<Grants, PortError> {
    let act = "could not see the rights of the user in";
    let rows = session.shown("SHOW GRANTS").await?.map_err(|trouble| session.failed(act, trouble))?;
    let line = |row: &MySqlRow| row.try_get_unchecked::<String, _>(0);
    let lines: Result<Vec<String>, sqlx::Error> = rows.iter().map(line).collect();
    let lines = lines.map_err(|source| session.failed(act, Trouble::from(source)))?;
    Ok(Grants(lines.iter().filter_map(|line| Grant::read(line)).collect()))
}

/// Splits at the first separator that is not part of a quoted name.
fn split<'a>(text: &'a str, separator: &str) -> Option<(&'a str, &'a str)> {
    let mut is_quoted = false;
    for (at, character) in text.char_indices() {
        if !is_quoted && text[at..].starts_with(separator) {
            return Some((&text[..at], &text[at + separator.len()..]));
        }
        is_quoted ^= character == '`';
    }
    None
}

/// A quoted name or `*`; `None` for what is neither, such as a procedure.
fn name(text: &str) -> Option<String> {
    match text {
        "*" => Some(text.to_owned()),
        quoted => Some(quoted.strip_prefix('`')?.strip_suffix('`')?.replace("``", "`")),
    }
}

/// The server's own comparison of a database with the pattern of a right.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut pattern = pattern.chars();
    let mut text = text.chars();
    match pattern.next() {
        None => text.next().is_none(),
        Some('%') => {
            let mut rest = Some(text);
            while let Some(from) = rest {
                if is_like(from.as_str(), pattern.as_str()) {
                    return true;
                }
                let mut behind = from;
                rest = behind.next().map(|_| behind);
            }
            false
        }
        Some('_') => text.next().is_some() && is_like(text.as_str(), pattern.as_str()),
        Some('\\') => text.next() == pattern.next() && is_like(text.as_str(), pattern.as_str()),
        Some(letter) => text.next() == Some(letter) && is_like(text.as_str(), pattern.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(lines: &[&str]) -> Grants {
        Grants(lines.iter().filter_map(|line| Grant::read(line)).collect())
    }

    fn sees(lines: &[&str], database: &str, table: &str) -> bool {
        grants(lines).may_see_triggers(database, table)
    }

    #[test]
    fn the_right_to_see_triggers_is_found_wherever_it_was_granted() {
        for granted in [
            "GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION",
            "GRANT SELECT, DELETE, TRIGGER ON `shop`.* TO `cleaner`@`%`",
            "GRANT SELECT (`id`, `run`), TRIGGER ON `shop`.`orders` TO `cleaner`",
            "GRANT TRIGGER ON `sh%`.* TO `cleaner`@`%` IDENTIFIED BY PASSWORD '*1'",
            "GRANT TRIGGER ON `s_op`.* TO `cleaner`@`%`",
        ] {
            assert!(sees(&[granted], "shop", "orders"), "{granted}");
        }
        for other in [
            "GRANT SELECT, DELETE ON `shop`.* TO `cleaner`@`%`",
            "GRANT TRIGGER ON `shop`.`lines` TO `cleaner`@`%`",
            "GRANT TRIGGER ON `sh\\_p`.* TO `cleaner`@`%`",
            "GRANT TRIGGER ON `shops`.* TO `cleaner`@`%`",
            "GRANT SELECT (`a, TRIGGER, b`) ON `shop`.`orders` TO `cleaner`@`%`",
            "GRANT EXECUTE ON PROCEDURE `shop`.`orders` TO `cleaner`@`%`",
            "GRANT `TRIGGER` TO `cleaner`@`%`",
            "GRANT USAGE ON *.* TO `cleaner`@`%`",
        ] {
            assert!(!sees(&[other], "shop", "orders"), "{other}");
        }
        let taken = ["GRANT TRIGGER ON *.* TO `cleaner`@`%`", "REVOKE TRIGGER ON `shop`.* FROM `cleaner`@`%`"];
        assert!(!sees(&taken, "shop", "orders"));
        assert!(sees(&taken, "other", "orders"));
    }

    #[test]
    fn a_pattern_that_a_server_may_pass_over_for_a_narrower_one_gives_no_right() {
        let (wide, narrow) = ("GRANT TRIGGER ON `sh%`.* TO `cleaner`@`%`", "GRANT SELECT ON `shop`.* TO `cleaner`@`%`");
        assert!(!sees(&[wide, narrow], "shop", "orders"));
        assert!(!sees(&[narrow, wide], "shop", "orders"));
        let role = "GRANT TRIGGER ON `shop`.* TO `seer`";
        assert!(sees(&[narrow, role], "shop", "orders"), "rights of a role are added");
        let table = "GRANT TRIGGER ON `shop`.`orders` TO `cleaner`@`%`";
        assert!(sees(&[narrow, table], "shop", "orders"), "rights to a table are added");
    }

    #[test]
    fn a_right_to_everything_is_told_from_one_to_a_database() {
        assert!(grants(&["GRANT SELECT, PROCESS ON *.* TO `cleaner`@`%`"]).has_everywhere("PROCESS"));
        assert!(grants(&["GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost`"]).has_everywhere("PROCESS"));
        assert!(!grants(&["GRANT ALL PRIVILEGES ON `shop`.* TO `cleaner`@`%`"]).has_everywhere("PROCESS"));
        assert!(!grants(&["GRANT USAGE ON *.* TO `cleaner`@`%`"]).has_everywhere("PROCESS"));
    }
}
