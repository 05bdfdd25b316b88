//! The data of a fresh server.

use std::path::Path;
use std::process::Command;

use conductor_bed::{Identity, Template, program};

use crate::error::BedError;
use crate::{FOLDERS, programs};

/// It is removed when the process ends.
static TEMPLATE: Template = Template::new(FOLDERS);

/// Copies the data of a fresh server to where there is nothing yet.
pub(crate) fn copy_to(data: &Path, identity: Identity) -> Result<(), BedError> {
    TEMPLATE.copy_to(data, identity, |_, data| {
        let mut initdb = Command::new(programs::file("initdb")?);
        initdb.args(["--no-sync", "--no-instructions", "--auth=trust", "--username=postgres", "--encoding=UTF8"]);
        initdb.args(["--no-locale", "--wal-segsize=1", "--pgdata"]).arg(data).current_dir("/");
        identity.run_as(&mut initdb);
        Ok(program::run("initdb", &mut initdb)?)
    })
}
