//! What may change while the shop runs: `conditions.json`, written by whoever wants to see what a load test makes of it.
//! The customers of the locustfile read the same file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::capacity::Capacity;

/// Time between two looks at the file.
const LOOK: Duration = Duration::from_millis(500);

/// The part of the file that is the shop's; think time and conversion are the customers'.
#[derive(Deserialize)]
struct Conditions {
    /// Scales what each replica can do; 1 where absent.
    #[serde(default = "usual")]
    capacity: f64,
}

/// Follows the file for ever; while it is missing everything is as usual.
pub(crate) async fn follow(file: PathBuf, capacity: &Capacity) {
    let mut told = None;
    loop {
        match read(&file) {
            Ok(factor) => {
                capacity.scale(factor);
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

fn read(file: &Path) -> Result<f64, String> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(usual()),
        Err(error) => return Err(error.to_string()),
    };
    let Conditions { capacity } = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    if (0.01..=100.0).contains(&capacity) {
        Ok(capacity)
    } else {
        Err(format!("capacity: {capacity} is out of range; expected 0.01 to 100"))
    }
}

fn usual() -> f64 {
    1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_written_is_as_usual_and_nonsense_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("conditions.json");
        assert_eq!(read(&file), Ok(1.0));
        for (text, capacity) in [("{}", 1.0), (r#"{ "thinkTime": 2, "capacity": 0.5 }"#, 0.5)] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(read(&file), Ok(capacity), "{text}");
        }
        std::fs::write(&file, r#"{ "capacity": 0 }"#).unwrap();
        assert_eq!(read(&file), Err("capacity: 0 is out of range; expected 0.01 to 100".to_owned()));
        std::fs::write(&file, "{").unwrap();
        assert!(read(&file).is_err());
    }
}
