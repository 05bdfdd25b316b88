//! What may change while the shop runs: `conditions.json`, written by whoever wants to see what a load test makes of it.
//! The customers of the locustfile read the same file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

/// Time between two looks at the file.
const LOOK: Duration = Duration::from_millis(500);

/// The part of the file that is the shop's; think time and conversion are the customers'.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Conditions {
    /// Scales what each replica can do.
    pub(crate) capacity: f64,
    /// Whether the payment provider is called without the tags of the load test that an order is of.
    pub(crate) strip_tags: bool,
}

impl Default for Conditions {
    fn default() -> Self {
        Self { capacity: 1.0, strip_tags: false }
    }
}

/// Follows the file for ever; while it is missing everything is as usual.
pub(crate) async fn follow(file: PathBuf, take: impl Fn(Conditions)) {
    let mut told = None;
    loop {
        match read(&file) {
            Ok(conditions) => {
                take(conditions);
                told = None;
            }
            // What cannot be read changes nothing, and is told once.
            Err(problem) if told.as_ref() == Some(&problem) => {}
            Err(problem) => {
                eprintln!("{}: {problem}", file.display());
                told = Some(problem);
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn read(file: &Path) -> Result<Conditions, String> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Conditions::default()),
        Err(error) => return Err(error.to_string()),
    };
    let conditions: Conditions = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let capacity = conditions.capacity;
    if (0.01..=100.0).contains(&capacity) {
        Ok(conditions)
    } else {
        Err(format!("capacity: {capacity} is out of range; expected 0.01 to 100"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_written_is_as_usual_and_nonsense_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("conditions.json");
        let usual = Conditions::default();
        assert_eq!(read(&file), Ok(usual));
        for (text, read_as) in [
            ("{}", usual),
            (r#"{ "thinkTime": 2, "capacity": 0.5 }"#, Conditions { capacity: 0.5, ..usual }),
            (r#"{ "stripTags": true }"#, Conditions { strip_tags: true, ..usual }),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(read(&file), Ok(read_as), "{text}");
        }
        std::fs::write(&file, r#"{ "capacity": 0 }"#).unwrap();
        assert_eq!(read(&file), Err("capacity: 0 is out of range; expected 0.01 to 100".to_owned()));
        std::fs::write(&file, "{").unwrap();
        assert!(read(&file).is_err());
    }
}
