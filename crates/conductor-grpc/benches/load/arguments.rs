//! What can be said on the command line.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// What is measured.
#[derive(Debug, PartialEq)]
pub(crate) struct Arguments {
    /// Runs at the same time.
    pub(crate) runs: usize,
    /// Watchers of them, as many of each.
    pub(crate) watchers: usize,
    /// Time between two measurements of a run.
    pub(crate) interval: Duration,
    /// How long all of it is measured.
    pub(crate) seconds: u64,
    /// The server's program, whose start is measured.
    pub(crate) conductord: Option<PathBuf>,
}

/// What a process is.
pub(crate) enum Role {
    /// The one that is measured.
    Server,
    /// The one that measures.
    Measure(Arguments),
}

impl Role {
    /// The role that arguments give.
    pub(crate) fn of(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut found = Arguments {
            runs: 1000,
            watchers: 10_000,
            interval: Duration::from_secs(10),
            seconds: 60,
            conductord: None,
        };
        while let Some(name) = arguments.next() {
            match name.as_str() {
                "--serve" => return Ok(Self::Server),
                // Cargo says so.
                "--bench" => {}
                "--runs" => found.runs = number(&name, arguments.next())?,
                "--watchers" => found.watchers = number(&name, arguments.next())?,
                "--interval" => found.interval = Duration::from_secs(number(&name, arguments.next())?),
                "--seconds" => found.seconds = number(&name, arguments.next())?,
                "--conductord" => {
                    found.conductord = Some(arguments.next().ok_or("--conductord: expected a path")?.into())
                }
                _ => {
                    let known = "--runs, --watchers, --interval, --seconds or --conductord";
                    return Err(format!("there is no argument {name}; expected {known}"));
                }
            }
        }
        Ok(Self::Measure(found))
    }
}

fn number<T: FromStr + PartialOrd + From<u8>>(name: &str, text: Option<String>) -> Result<T, String> {
    let number = text.as_ref().and_then(|text| text.parse().ok()).filter(|number| *number >= T::from(1));
    number.ok_or_else(|| format!("{name}: {:?} is no number; expected a whole one above 0", text.unwrap_or_default()))
}
