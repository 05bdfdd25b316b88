//! Reading a file that somebody wrote, and saying what is wrong with it: file, line, column, field, what would be right.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use conductor_core::spec::Violation;
use serde::de::DeserializeOwned;

use crate::places::{Place, Places};

/// The longest file that is read. A load test of 1,122 applications, each with choices of its own, has 200 kB.
const LONGEST: u64 = 1 << 20;
/// How deep values may stand in each other, more than any document needs. They are read by recursion, and some threads have a
/// short stack.
pub(crate) const DEEPEST: usize = 32;

/// All that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct InputError {
    /// The file.
    pub file: PathBuf,
    /// Everything that is wrong, in the order of the file where that is known.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, when it has a place.
    pub place: Option<Place>,
    /// What was wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.problems.iter().enumerate() {
            let file = self.file.display();
            f.write_str(if position == 0 { "" } else { "\n" })?;
            match problem.place {
                Some(Place { line, column }) => write!(f, "{file}:{line}:{column}: {}", problem.message)?,
                None => write!(f, "{file}: {}", problem.message)?,
            }
        }
        Ok(())
    }
}

/// What a file says, with the places of its fields.
#[derive(Clone, Debug)]
pub struct Written<T> {
    /// What it says.
    pub value: T,
    file: PathBuf,
    places: Places,
}

impl<T> Written<T> {
    /// The error that points each violation at its field.
    pub fn refuse(&self, violations: &[Violation]) -> InputError {
        let mut problems: Vec<Problem> = violations
            .iter()
            .map(|violation| Problem { place: self.places.of_field(&violation.field), message: violation.to_string() })
            .collect();
        problems.sort_by_key(|problem| problem.place);
        InputError { file: self.file.clone(), problems }
    }

    /// The same file with something else made of it.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Written<U> {
        Written { value: make(self.value), file: self.file, places: self.places }
    }
}

/// Reads a YAML or JSON file of at most 1 MiB.
///
/// # Errors
/// When it cannot be read, is too long, or does not have the shape of `T`: an unknown, missing or repeated field, or a
/// value of another type.
pub fn read<T: DeserializeOwned>(file: &Path) -> Result<Written<T>, InputError> {
    let text = text(file, "a load test or an environment, which is a short text")
        .map_err(|message| one(file, None, message))?;
    let options = serde_saphyr::options! { budget: serde_saphyr::budget! { max_depth: DEEPEST } };
    match serde_saphyr::from_str_with_options(&text, options) {
        Ok(value) => Ok(Written { value, file: file.to_owned(), places: Places::of(&text) }),
        Err(error) => {
            let place = error.location().map(|at| Place { line: at.line(), column: at.column() });
            let (places, message) = (Places::of(&text), plain(&error));
            // The parser places a value that it could read, and that its field refuses, at what is around it.
            let refused = message.starts_with("invalid value: ").then(|| way::<T>(&text)).flatten();
            let place =
                refused.as_ref().and_then(|field| places.of_field(field)).or(place).filter(|place| place.line > 0);
            let message = match refused.or_else(|| place.and_then(|place| places.field_at(place))) {
                Some(field) => format!("{field}: {message}"),
                None => message,
            };
            Err(one(file, place, message))
        }
    }
}

/// The field at which reading a text ends.
fn way<T: DeserializeOwned>(text: &str) -> Option<String> {
    let options = serde_saphyr::options! { budget: serde_saphyr::budget! { max_depth: DEEPEST } };
    let found = serde_saphyr::with_deserializer_from_str_with_options(text, options, |deserializer| {
        let read: Result<T, _> = serde_path_to_error::deserialize(deserializer);
        Ok(read.err().map(|error| error.path().to_string()))
    });
    found.ok().flatten().filter(|path| path != ".")
}

fn one(file: &Path, place: Option<Place>, message: String) -> InputError {
    InputError { file: file.to_owned(), problems: vec![Problem { place, message }] }
}

/// The folder that relative paths of a file are relative to.
pub(crate) fn folder_of(file: &Path) -> PathBuf {
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    file.parent().map(Path::to_owned).unwrap_or_default()
}

/// A file's text, of at most 1 MiB.
pub(crate) fn text(file: &Path, expected: &str) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("could not be read: {error}");
    let mut bytes = Vec::new();
    let length = File::open(file).map_err(unreadable)?.take(LONGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if length as u64 > LONGEST {
        return Err(format!("is longer than 1 MiB; expected {expected}"));
    }
    let text = String::from_utf8(bytes).map_err(|error| format!("is not text in UTF-8: {error}"))?;
    if text.trim().is_empty() { Err("is empty".to_owned()) } else { Ok(text) }
}

/// The parser's message without the place, which is told in front of it.
fn plain(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let place = error.location().map(|at| format!(" at line {}, column {}", at.line(), at.column()));
    let text = place.and_then(|place| text.strip_suffix(&place).map(str::to_owned)).unwrap_or(text);
    // The parser's advice is for programmers.
    const PLAINER: [(&str, &str); 10] = [
        ("expected a nonzero u32", "expected a whole number of 1 or more"),
        ("expected a nonzero usize", "expected a whole number of 1 or more"),
        ("invalid u64", "not a whole number of 0 or more"),
        ("invalid u32", "not a whole number from 0 to 4294967295"),
        ("invalid floating point", "not a number"),
        ("invalid boolean", "neither true nor false"),
        (", set DuplicateKeyPolicy in Options if acceptable", "; expected each field once"),
        (
            "multiple YAML documents detected; use from_str_multiple or from_str_multiple_with_options",
            "a second document begins; expected one in each file",
        ),
        ("rejected by the configured policy", "is no number; expected a finite one"),
        ("expected mapping start", "expected fields, each as `name: value`"),
    ];
    PLAINER.iter().fold(text.trim_end().to_owned(), |text, (parser, plain)| text.replace(parser, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only its shape matters")]
    struct Shape {
        name: String,
        replicas: u32,
        #[serde(default)]
        limits: Vec<std::num::NonZeroU32>,
    }

    fn message(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("test.yaml");
        std::fs::write(&file, text).unwrap();
        let error = read::<Shape>(&file).unwrap_err().to_string();
        error.replace(&file.display().to_string(), "test.yaml")
    }

    #[test]
    fn a_repeated_field_is_pointed_at() {
        assert_eq!(
            message("name: a\nreplicas: 1\nname: b\n"),
            "test.yaml:3:1: duplicate mapping key: name; expected each field once"
        );
    }

    #[test]
    fn an_unknown_field_is_pointed_at_with_those_that_exist() {
        let text = message("name: a\nreplica: 1\n");
        assert_eq!(text, "test.yaml:2:1: unknown field `replica`, expected one of name, replicas, limits");
    }

    #[test]
    fn a_missing_field_and_a_wrong_type_are_named() {
        assert!(message("name: a\n").contains("missing field `replicas`"));
        assert_eq!(
            message("name: a\nreplicas: -1\n"),
            "test.yaml:2:11: replicas: not a whole number from 0 to 4294967295"
        );
    }

    #[test]
    fn a_value_that_its_field_refuses_is_pointed_at() {
        let expected = "limits[1]: invalid value: integer `0`, expected a whole number of 1 or more";
        assert_eq!(message("name: a\nreplicas: 1\nlimits: [3, 0]\n"), format!("test.yaml:3:13: {expected}"));
    }

    #[test]
    fn what_is_no_document_is_told_without_a_programmers_words() {
        assert_eq!(message(" \n"), "test.yaml: is empty");
        assert_eq!(message("[1, 2]\n"), "test.yaml:1:1: expected fields, each as `name: value`");
        let text = message("name: a\nreplicas: 1\n---\nname: b\n");
        assert!(text.ends_with(": a second document begins; expected one in each file"), "{text}");
        let text = message("name: a\nreplicas: .nan\n");
        assert!(text.starts_with("test.yaml:2:11: ") && !text.contains("polic"), "{text}");
    }

    #[test]
    fn values_that_stand_too_deep_in_each_other_are_refused() {
        let text = message(&format!("name: a\nreplicas: 1\nlimits: {}1{}\n", "[".repeat(5000), "]".repeat(5000)));
        assert!(text.starts_with("test.yaml:3:"), "{text}");
    }

    #[test]
    fn a_long_or_absent_file_is_refused() {
        let text = message(&"# padding\n".repeat(1 << 20));
        assert!(text.starts_with("test.yaml: is longer than 1 MiB"), "{text}");
        let error = read::<Shape>(Path::new("no/such/file.yaml")).unwrap_err().to_string();
        assert!(error.starts_with("no/such/file.yaml: could not be read: No such file"), "{error}");
    }
}
