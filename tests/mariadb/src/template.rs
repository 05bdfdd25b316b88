//! The data of a fresh server.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use conductor_bed::{Error, Folder, Template, program};

use crate::FOLDERS;
use crate::error::BedError;
use crate::programs::Programs;

/// It is removed when the process ends.
static TEMPLATE: Template = Template::new(FOLDERS);

/// Copies the data of a fresh server to where there is nothing yet.
pub(crate) fn copy_to(data: &Path, programs: &Programs) -> Result<(), BedError> {
    TEMPLATE.copy_to(data, programs.identity, |folder, data| {
        fs::create_dir(data).map_err(Error::file("make", data))?;
        programs.identity.give(data)?;
        let mut server = programs.server(folder.path());
        server.arg("--bootstrap").stdin(script(folder, programs)?).stdout(Stdio::null());
        Ok(program::run("mariadbd", &mut server)?)
    })
}

/// The statements by which a server makes its own tables. A statement ends where its line does.
fn script(folder: &Folder, programs: &Programs) -> Result<File, BedError> {
    let path = folder.file("bootstrap.sql");
    let mut file = File::create(&path).map_err(Error::file("write", &path))?;
    let mut text = b"CREATE DATABASE mysql;\nUSE mysql;\n".to_vec();
    for script in &programs.scripts {
        text.extend(fs::read(script).map_err(Error::file("read", script))?);
        text.push(b'\n');
    }
    file.write_all(&text).map_err(Error::file("write", &path))?;
    Ok(File::open(&path).map_err(Error::file("read", &path))?)
}
