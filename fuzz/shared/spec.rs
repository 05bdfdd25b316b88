//! Load tests and environments that are nearly right: reading one never panics, an error says where it is and what would be right,
//! and what is written again is read as the same.

#[path = "bytes.rs"]
mod bytes;
#[path = "edits.rs"]
mod edits;

use conductor_core::spec::{LoadTestDocument, LoadTestSpec, SpecError};
use conductor_wiring::{Environment, InputError, read, read_load_test};
use serde_json::Value;

use bytes::Bytes;
use edits::{edited, spliced};

const LOAD_TEST: &str = include_str!("load-test.yaml");
const ENVIRONMENTS: [&str; 3] = [
    include_str!("environment-local.yaml"),
    include_str!("../../examples/kubernetes/environment.yaml"),
    include_str!("environment-ecs.yaml"),
];

/// The longest text that is read, bytes.
const LONGEST: usize = 1 << 20;

/// What documents are made of.
pub(crate) struct Documents {
    folder: tempfile::TempDir,
    load_test: Value,
    environments: Vec<Value>,
}

impl Documents {
    /// Those that are right.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let value = |text: &str| -> Value {
            let file = folder.path().join("right.yaml");
            std::fs::write(&file, text).expect("a file");
            read(&file).unwrap_or_else(|error| panic!("{error}")).value
        };
        let (load_test, environments) = (value(LOAD_TEST), ENVIRONMENTS.map(value).to_vec());
        Self { folder, load_test, environments }
    }

    /// Makes a document of bytes, and reads it.
    ///
    /// # Errors
    /// With what should not be.
    pub(crate) fn check(&self, bytes: &[u8]) -> Result<(), String> {
        let mut bytes = Bytes::new(bytes);
        match bytes.below(6) {
            0..=1 => self.load_test(&edited(self.load_test.clone(), &mut bytes)),
            2 => {
                let environment = &self.environments[bytes.below(self.environments.len())];
                self.environment(&edited(environment.clone(), &mut bytes).to_string().into_bytes(), true)
            }
            3 => self.load_test_text(&spliced(LOAD_TEST.to_owned(), &mut bytes), false),
            4 => {
                let environment = ENVIRONMENTS[bytes.below(ENVIRONMENTS.len())].to_owned();
                self.environment(&spliced(environment, &mut bytes), false)
            }
            _ => self.load_test_text(bytes.rest(), false),
        }
    }

    /// One whose shape is edited: as JSON, and as a file.
    fn load_test(&self, document: &Value) -> Result<(), String> {
        if let Ok(read) = serde_json::from_value::<LoadTestDocument>(document.clone()) {
            match LoadTestSpec::try_from(read) {
                Ok(spec) => stays(spec)?,
                Err(error) => explained(&error)?,
            }
        }
        self.load_test_text(&document.to_string().into_bytes(), true)
    }

    fn load_test_text(&self, text: &[u8], is_well_formed: bool) -> Result<(), String> {
        let is_well_formed = is_well_formed && text.len() <= LONGEST;
        match read_load_test(&self.written(text)) {
            Ok(read) => match LoadTestSpec::try_from(read.value.clone()) {
                Ok(spec) => stays(spec),
                Err(error) => explained(&error).and_then(|()| placed(&read.refuse(&error.violations), is_well_formed)),
            },
            Err(error) => placed(&error, is_well_formed),
        }
    }

    fn environment(&self, text: &[u8], is_well_formed: bool) -> Result<(), String> {
        let is_well_formed = is_well_formed && text.len() <= LONGEST;
        let environment = match Environment::read(&self.written(text), self.folder.path()) {
            Ok(environment) => environment,
            Err(error) => return placed(&error, is_well_formed),
        };
        let written = serde_json::to_string(&environment).map_err(|error| format!("cannot be written: {error}"))?;
        let again: Environment =
            serde_json::from_str(&written).map_err(|error| format!("cannot be read again: {error}: {written}"))?;
        if again == environment { Ok(()) } else { Err(format!("{environment:?} is read again as {again:?}")) }
    }

    fn written(&self, text: &[u8]) -> std::path::PathBuf {
        let file = self.folder.path().join("document.yaml");
        std::fs::write(&file, text).expect("a file");
        file
    }
}

/// A load test that is right stays what it is when it is written and read.
fn stays(spec: LoadTestSpec) -> Result<(), String> {
    let document = LoadTestDocument::from(spec.clone());
    let text = serde_json::to_string(&document).map_err(|error| format!("cannot be written: {error}"))?;
    let read: LoadTestDocument =
        serde_json::from_str(&text).map_err(|error| format!("cannot be read again: {error}: {text}"))?;
    match LoadTestSpec::try_from(read) {
        Ok(again) if again == spec => Ok(()),
        Ok(again) => Err(format!("{spec:?} is read again as {again:?}")),
        Err(error) => Err(format!("what was right is not any more: {error}: {text}")),
    }
}

/// Every violation names a field of a load test, and says what would be right.
fn explained(error: &SpecError) -> Result<(), String> {
    let is_known = |field: &str| {
        ["apiVersion", "kind", "metadata", "spec"].contains(&field.split(['.', '[']).next().unwrap_or_default())
    };
    let is_right = |found: &conductor_core::spec::Violation| {
        is_known(&found.field) && !found.problem.is_empty() && !found.expected.is_empty()
    };
    if !error.violations.is_empty() && error.violations.iter().all(is_right) {
        return Ok(());
    }
    Err(format!("a violation says nothing: {error:?}"))
}

/// Every problem says what it is; in a text that is well-formed, and not too long to be looked at, it has its place, too.
fn placed(error: &InputError, is_well_formed: bool) -> Result<(), String> {
    let is_right = |problem: &conductor_wiring::Problem| {
        !problem.message.is_empty() && (problem.place.is_some() || !is_well_formed)
    };
    if !error.problems.is_empty() && error.problems.iter().all(is_right) {
        return Ok(());
    }
    Err(format!("a problem has no place: {error:?}"))
}
