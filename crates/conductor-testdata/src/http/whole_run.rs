//! Lets a service delete all of a run, by one request that is sent until nothing is left.
//!
//! What the service says of the rest is believed as long as there is some; that there is none is counted.

use conductor_core::ports::{FailureKind, PortError};
use conductor_core::run::RunId;
use reqwest::StatusCode;

use super::client::{Answer, Purpose};
use super::counting::Asked;
use super::retry::Patience;
use super::settings::RunRequest;

/// That there is nothing of the run.
const NONE: [u16; 2] = [404, 410];

/// Deletes until none is counted; `note` hears of those that are gone, whatever comes after.
pub(super) async fn delete(
    asked: &Asked<'_>,
    request: &RunRequest,
    run: &RunId,
    note: &(dyn Fn(u64) + Sync),
) -> Result<(), PortError> {
    let counted = |gone| {
        if request.deleted.is_none() {
            note(gone)
        }
    };
    let mut gone = Gone { most: asked.count(run).await?, noted: 0 };
    // Whatever the first request leaves is fewer.
    let mut left = u64::MAX;
    let mut patience = Patience::new(asked.settings.patience.as_duration());
    loop {
        let act = format!("delete {}", asked.resource.name);
        let filled = asked.filled(request.template(), run, None)?;
        let purpose = Purpose { run, act: &act, taken: &NONE, patience: asked.patience };
        let answer = asked.client.call(&filled, purpose).await?;
        note(deleted(asked, request, &answer, &act)?);
        let remaining = remaining(asked, request, &answer, &act)?;
        let mut now = rest(asked, remaining, run).await?;
        counted(gone.since(now));
        while answer.status == StatusCode::ACCEPTED && now > 0 {
            // The service is at it: it is not asked again.
            left = progress(asked, left, now, answer.status, &mut patience).await?;
            now = asked.count(run).await?;
            counted(gone.since(now));
        }
        if now == 0 {
            return Ok(());
        }
        left = progress(asked, left, now, answer.status, &mut patience).await?;
    }
}

/// How many are gone, by how many there were at most and how many are left.
struct Gone {
    most: u64,
    noted: u64,
}

impl Gone {
    /// How many more are gone now than ever before: a count may be of a moment ago, and tell what is gone once more.
    fn since(&mut self, now: u64) -> u64 {
        self.most = self.most.max(now);
        let more = (self.most - now).saturating_sub(self.noted);
        self.noted += more;
        more
    }
}

/// Goes on at once where some have gone, and after a pause where none have.
async fn progress(
    asked: &Asked<'_>,
    left: u64,
    now: u64,
    status: StatusCode,
    patience: &mut Patience,
) -> Result<u64, PortError> {
    if now < left {
        patience.renew();
    }
    let Some(pause) = patience.pause(None) else {
        let (store, resource, spent) = (&asked.settings.name, &asked.resource.name, patience.spent());
        let act = format!(
            "test data {store}: {now} of {resource} are left, and they do not become fewer; the service answers HTTP {status} to \
             the deletion ({spent})"
        );
        return Err(PortError::new(FailureKind::Unsettled, act));
    };
    if now >= left {
        tokio::time::sleep(pause).await;
    }
    Ok(left.min(now))
}

async fn rest(asked: &Asked<'_>, remaining: Option<u64>, run: &RunId) -> Result<u64, PortError> {
    match remaining {
        Some(remaining) if remaining > 0 => Ok(remaining),
        Some(_) | None => asked.count(run).await,
    }
}

/// What the answer says of those that are left, where it has a body that may.
fn remaining(asked: &Asked<'_>, request: &RunRequest, answer: &Answer, act: &str) -> Result<Option<u64>, PortError> {
    let pointer = request.remaining.as_ref().filter(|_| answer.tells());
    pointer.map(|pointer| asked.client.number(answer, pointer, act)).transpose()
}

fn deleted(asked: &Asked<'_>, request: &RunRequest, answer: &Answer, act: &str) -> Result<u64, PortError> {
    let pointer = request.deleted.as_ref().filter(|_| answer.tells());
    pointer.map_or(Ok(0), |pointer| asked.client.number(answer, pointer, act))
}

#[cfg(test)]
mod tests {
    use super::Gone;

    #[test]
    fn what_is_gone_is_noted_once_and_what_comes_meanwhile_too() {
        let mut gone = Gone { most: 50, noted: 0 };
        assert_eq!([30, 50, 30, 10].map(|now| gone.since(now)), [20, 0, 0, 20], "a count was of a moment ago");
        assert_eq!([60, 0].map(|now| gone.since(now)), [0, 20], "ten have come");
    }
}
