//! Waiting until a server answers.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::keeper::Keeper;
use crate::log;

/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// Waits until a server answers, for as long as its process runs.
///
/// # Errors
/// When it has ended, or does not answer in time, with the end of its log.
pub async fn ready(
    keeper: &Keeper<&'static str>,
    log: &Path,
    within: Duration,
    mut answers: impl AsyncFnMut() -> bool,
) -> Result<(), Error> {
    let begun = Instant::now();
    while !answers().await {
        if let Some((program, status)) = keeper.ended() {
            return Err(Error::Ended { program, status, log: log::end(log) });
        }
        if begun.elapsed() > within {
            return Err(Error::Late { within, log: log::end(log) });
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::keeper::Ending;

    #[tokio::test]
    async fn a_server_is_waited_for_until_it_answers_has_ended_or_is_late() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, "no room").unwrap();
        let keeper = Keeper::new(Ending::KILL);
        let mut asked = 0;
        let third = async || {
            asked += 1;
            asked == 3
        };
        ready(&keeper, &path, Duration::from_secs(60), third).await.unwrap();
        let late = ready(&keeper, &path, Duration::ZERO, async || false).await.unwrap_err();
        assert_eq!(late.to_string(), "the server was not ready within 0ns; its log ends with\nno room");
        keeper.start("server", Command::new("false")).unwrap();
        let ended = ready(&keeper, &path, Duration::from_secs(60), async || false).await.unwrap_err();
        assert_eq!(ended.to_string(), "server ended with exit status: 1:\nno room");
    }
}
