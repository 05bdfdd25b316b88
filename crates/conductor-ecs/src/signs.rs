//! Signs of life of a run's conductor: a tag on each cluster that it works in, which it renews. When they stay out, anybody who
//! finds what the run has changed may put it back. One tag on a cluster costs one call, however many services are there.

use std::collections::{BTreeMap, BTreeSet};

use conductor_core::ports::{FailureKind, PortError};
use conductor_core::run::RunId;
use jiff::Timestamp;
use ring::digest::{SHA256, digest};

use crate::definition::MOST_TAGS;
use crate::marker::PREFIX;
use crate::pace::Operation;
use crate::reader::{Cluster, Reader};
use crate::writer::{Attempts, Writer};

/// Characters of a tag's key.
const LONGEST_KEY: usize = 128;

/// Signs of life in clusters.
pub(crate) struct Signs<'a> {
    reader: &'a Reader,
    writer: &'a Writer,
    clusters: BTreeSet<&'a str>,
}

impl<'a> Signs<'a> {
    pub(crate) fn new(reader: &'a Reader, writer: &'a Writer, clusters: BTreeSet<&'a str>) -> Self {
        Self { reader, writer, clusters }
    }

    /// Gives a sign in each cluster. Answers with until when there was one before, in the cluster where it was the shortest.
    pub(crate) async fn give(&self, run: &RunId, until: Timestamp) -> Result<Option<Timestamp>, PortError> {
        let mut before = Some(Timestamp::MAX);
        for name in &self.clusters {
            let act = format!("could not tag cluster {name} with a sign of life");
            let cluster = self.cluster(name, &act).await?;
            let key = key(run);
            before = before.min(until_of(&cluster, &key));
            if !cluster.tags.contains_key(&key) && cluster.tags.len() >= MOST_TAGS {
                let text = format!("it has {} tags, so that there is no room for one more", cluster.tags.len());
                return Err(PortError::because(FailureKind::Rejected, act, text));
            }
            let tags = BTreeMap::from([(key, format!("{until:.0}"))]);
            let mut attempts = Attempts::default();
            loop {
                self.writer.pace.turn(Operation::Tag).await;
                match self.writer.tag(&act, &cluster.arn, &tags).await {
                    Ok(()) => break,
                    Err(failed) => attempts.after(failed, &self.writer.pace, Operation::Tag).await?,
                }
            }
        }
        Ok(before)
    }

    /// Until when a run's conductor is taken to live; `None` where it has given no sign.
    pub(crate) async fn until(&self, run: &RunId) -> Result<Option<Timestamp>, PortError> {
        let mut latest = None;
        for name in &self.clusters {
            if let Some(cluster) = self.reader.cluster(name).await? {
                latest = latest.max(until_of(&cluster, &key(run)));
            }
        }
        Ok(latest)
    }

    /// Takes the signs away.
    pub(crate) async fn end(&self, run: &RunId) -> Result<(), PortError> {
        for name in &self.clusters {
            let act = format!("could not take the sign of life from cluster {name}");
            let cluster = self.cluster(name, &act).await?;
            if !cluster.tags.contains_key(&key(run)) {
                continue;
            }
            let mut attempts = Attempts::default();
            loop {
                self.writer.pace.turn(Operation::Tag).await;
                match self.writer.untag(&act, &cluster.arn, vec![key(run)]).await {
                    Ok(()) => break,
                    Err(failed) => attempts.after(failed, &self.writer.pace, Operation::Tag).await?,
                }
            }
        }
        Ok(())
    }

    async fn cluster(&self, name: &str, act: &str) -> Result<Cluster, PortError> {
        let absent = || PortError::because(FailureKind::NotFound, act, "there is no active cluster of that name");
        self.reader.cluster(name).await?.ok_or_else(absent)
    }
}

/// The key of the sign of a run, which has as much of its name as fits.
fn key(run: &RunId) -> String {
    let whole = format!("{PREFIX}alive/{run}");
    if whole.len() <= LONGEST_KEY {
        return whole;
    }
    let digest = digest(&SHA256, run.as_str().as_bytes());
    let hex: String = digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{PREFIX}alive/{hex}")
}

fn until_of(cluster: &Cluster, key: &str) -> Option<Timestamp> {
    cluster.tags.get(key)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_has_a_key_of_its_own_that_fits() {
        let run = |text: &str| text.parse::<RunId>().unwrap();
        assert_eq!(key(&run("rehearsal-1")), "loadtest-conductor.dev/alive/rehearsal-1");
        let [one, other] = ["a", "b"].map(|end| key(&run(&format!("{}{end}", "x".repeat(127)))));
        assert!(one != other && one.len() <= LONGEST_KEY, "{one}");
    }

    #[test]
    fn until_when_a_conductor_lives_is_read_from_its_tag() {
        let tags =
            BTreeMap::from([("one".to_owned(), "2026-11-27T10:15:00Z".to_owned()), ("two".to_owned(), "x".to_owned())]);
        let cluster = Cluster { arn: String::new(), tags };
        assert_eq!(until_of(&cluster, "one"), "2026-11-27T10:15:00Z".parse().ok());
        assert_eq!((until_of(&cluster, "two"), until_of(&cluster, "three")), (None, None));
    }
}
