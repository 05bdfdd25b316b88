//! The data of a fresh server, made once for a process: to copy it takes a fraction of the time.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::error::BedError;
use crate::folder::Folder;
use crate::programs::Programs;

/// It is removed when the process ends.
static TEMPLATE: Mutex<Option<Folder>> = Mutex::new(None);

/// Copies the data of a fresh server to where there is nothing yet.
pub(crate) fn copy_to(data: &Path, programs: &Programs) -> Result<(), BedError> {
    let template = template(programs)?;
    let output = Command::new("cp").args(["-a", "--reflink=auto"]).arg(template).arg(data).output();
    finish("cp", output.map_err(|source| BedError::Start { program: "cp", source })?)
}

fn template(programs: &Programs) -> Result<PathBuf, BedError> {
    let mut made = TEMPLATE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(folder) = &*made {
        return Ok(folder.path().join("data"));
    }
    let folder = Folder::make(programs.identity)?;
    let data = folder.path().join("data");
    fs::create_dir(&data).map_err(|source| BedError::File { act: "make", path: data.clone(), source })?;
    programs.identity.give(&data)?;
    let script = script(&folder, programs)?;
    let output = programs
        .server(folder.path())
        .arg("--bootstrap")
        .stdin(script)
        .stdout(Stdio::null())
        .output()
        .map_err(|source| BedError::Start { program: "mariadbd", source })?;
    finish("mariadbd", output)?;
    *made = Some(folder);
    Ok(data)
}

/// The statements by which a server makes its own tables. A statement ends where its line does.
fn script(folder: &Folder, programs: &Programs) -> Result<File, BedError> {
    let path = folder.path().join("bootstrap.sql");
    let failed = |act, source| BedError::File { act, path: path.clone(), source };
    let mut file = File::create(&path).map_err(|source| failed("write", source))?;
    let mut text = b"CREATE DATABASE mysql;\nUSE mysql;\n".to_vec();
    for script in &programs.scripts {
        let script = fs::read(script);
        text.extend(script.map_err(|source| BedError::File {
            act: "read",
            path: programs.scripts[0].clone(),
            source,
        })?);
        text.push(b'\n');
    }
    file.write_all(&text).map_err(|source| failed("write", source))?;
    File::open(&path).map_err(|source| failed("read", source))
}

fn finish(program: &'static str, output: Output) -> Result<(), BedError> {
    if output.status.success() {
        return Ok(());
    }
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(BedError::Ended { program, status: output.status, log })
}
