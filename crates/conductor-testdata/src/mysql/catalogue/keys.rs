//! Foreign keys that point at declared tables: nothing else may be changed by what is deleted.

use conductor_core::ports::{FailureKind, PortError};

use super::super::session::Session;
use super::super::settings::MysqlTestDataSettings;
use super::super::statement::quoted;
use super::read::{self, ForeignKey};
use super::rights::Grants;
use super::{Checked, Pointing, refused};

/// Gives each table the keys that point at it, and answers with pairs of declared tables: a child, and its parent.
pub(super) async fn pointing(
    settings: &MysqlTestDataSettings,
    tables: &mut [Checked],
    grants: &Grants,
    session: &mut Session<'_>,
) -> Result<Vec<(usize, usize)>, PortError> {
    let mut pairs = Vec::new();
    for position in 0..tables.len() {
        for key in seen(settings, &tables[position], grants, session).await? {
            let child = tables.iter().position(|table| table.place == [key.database.as_str(), key.table.as_str()]);
            let name = &tables[position].name;
            match child {
                Some(child) => pairs.push((child, position)),
                None if key.changes_rows() => {
                    let act = format!(
                        "deleting from {name} would change rows of {}.{} (ON DELETE {}), which is not declared; expected it \
                         among tables",
                        key.database, key.table, key.on_delete
                    );
                    return Err(refused(settings, &act));
                }
                None => {}
            }
            tables[position].pointing.push(Pointing {
                child: format!("{}.{}", quoted(&key.database), quoted(&key.table)),
                changes_rows: key.changes_rows(),
                is_own: child == Some(position),
                columns: key.columns,
            });
        }
    }
    Ok(pairs)
}

/// All keys that point at a table. That none is hidden is known from the engine, which tells it with a right of its own.
async fn seen(
    settings: &MysqlTestDataSettings,
    table: &Checked,
    grants: &Grants,
    session: &mut Session<'_>,
) -> Result<Vec<ForeignKey>, PortError> {
    let (of, name, user) = (table.place.each_ref().map(String::as_str), &table.name, &settings.user);
    let Some(children) = read::children(session, of, grants.has_everywhere("PROCESS")).await? else {
        let act = session.act(&format!(
            "{user} cannot see whether tables that it has no right to point at {name}, whose rows might be changed; expected the \
             right PROCESS (GRANT PROCESS ON *.*) in"
        ));
        return Err(PortError::new(FailureKind::Rejected, act));
    };
    let mut keys = Vec::new();
    for (child, all) in children {
        let found = read::foreign_keys(session, of, &child).await?;
        if found.len() < all {
            let act = format!(
                "{} keys of a table that {user} cannot see point at {name}, and its rows might be changed; expected a right to see \
                 all tables that do, such as REFERENCES",
                all - found.len()
            );
            return Err(refused(settings, &act));
        }
        keys.extend(found);
    }
    Ok(keys)
}
