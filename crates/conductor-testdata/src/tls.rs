//! The files of TLS. They are looked at before a connection is made, whose failure would not name them.

use std::fs::File;
use std::path::PathBuf;

/// Looks whether files can be read that are given in fields of `tls`.
///
/// # Errors
/// With the field and the file.
pub(crate) fn check<'a>(
    files: impl IntoIterator<Item = (&'static str, &'a Option<PathBuf>)>,
) -> Result<(), sqlx::Error> {
    let given = files.into_iter().filter_map(|(field, file)| Some((field, file.as_ref()?)));
    for (field, file) in given {
        File::open(file).map_err(|error| {
            let text = format!("tls.{field}: could not read {}: {error}; expected a file in PEM", file.display());
            sqlx::Error::Configuration(text.into())
        })?;
    }
    Ok(())
}
