//! Signs of life of a run's conductor: a tag on each cluster that it works in, which it renews. When they stay out, anybody who
//! finds what the run has changed may put it back. One tag on a cluster costs one call, however many services are there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use conductor_core::ports::{FailureKind, PortError};
use conductor_core::run::RunId;
use jiff::{SignedDuration, Timestamp};
use ring::digest::{SHA256, digest};

use crate::attempts::Attempts;
use crate::definition::{MOST_TAGS, OF_AWS};
use crate::pace::Operation;
use crate::reader::{Cluster, Reader};
use crate::writer::Writer;

/// Characters of a tag's key.
const LONGEST_KEY: usize = 128;

/// What stands behind the time in the sign of a run that was put back before, and taken over once more.
const OVER: &str = " put back before";

/// The beginning of the keys of all signs.
const SIGNS: &str = "loadtest-conductor.dev/alive/";
/// For how long a sign stays after it has ended. Where a run has left something it tells that nobody drives the run any more.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Signs of life in clusters.
pub(crate) struct Signs<'a> {
    reader: &'a Reader,
    writer: &'a Writer,
    clusters: BTreeSet<&'a str>,
}

/// What the sign of a run says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sign {
    /// Until when its conductor is taken to live; `None` where nothing is said.
    pub(crate) until: Option<Timestamp>,
    /// The run was put back before.
    pub(crate) is_over: bool,
}

impl<'a> Signs<'a> {
    pub(crate) fn new(reader: &'a Reader, writer: &'a Writer, clusters: BTreeSet<&'a str>) -> Self {
        Self { reader, writer, clusters }
    }

    /// Gives the first signs of a run, one in each cluster.
    pub(crate) async fn begin(&self, run: &RunId, until: Timestamp) -> Result<(), PortError> {
        for name in &self.clusters {
            let (cluster, act) = self.cluster_to_tag(name).await?;
            self.give(&cluster, &act, run, Sign { until: Some(until), is_over: false }).await?;
        }
        Ok(())
    }

    /// Gives signs once more. Answers with those before: until when the one was good that was so the shortest, and whether one was
    /// missing, as where somebody has put the run back.
    pub(crate) async fn renew(&self, run: &RunId, until: Timestamp) -> Result<Sign, PortError> {
        let mut before = Sign { until: Some(Timestamp::MAX), is_over: false };
        for name in &self.clusters {
            let (cluster, act) = self.cluster_to_tag(name).await?;
            let found = Sign::of(&cluster, run).unwrap_or(Sign { until: None, is_over: true });
            before = Sign { until: before.until.min(found.until), is_over: before.is_over || found.is_over };
            // Whoever takes the run over after this one must know it, too.
            self.give(&cluster, &act, run, Sign { until: Some(until), ..found }).await?;
        }
        Ok(before)
    }

    /// Until when a run's conductor is taken to live; `None` where it has given no sign.
    pub(crate) async fn until(&self, run: &RunId) -> Result<Option<Timestamp>, PortError> {
        let mut latest = None;
        for name in &self.clusters {
            if let Some(cluster) = self.reader.cluster(name).await? {
                latest = latest.max(Sign::of(&cluster, run).and_then(|sign| sign.until));
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
            self.untag(&cluster, &act, vec![key(run)]).await?;
        }
        Ok(())
    }

    async fn give(&self, cluster: &Cluster, act: &str, run: &RunId, sign: Sign) -> Result<(), PortError> {
        let key = key(run);
        self.drop_over(cluster, act, &key).await?;
        let tags = BTreeMap::from([(key, sign.to_string())]);
        let mut attempts = Attempts::default();
        loop {
            self.writer.pace.turn(Operation::Tag).await;
            match self.writer.tag(act, &cluster.arn, &tags).await {
                Ok(()) => return Ok(()),
                Err(failed) => attempts.after(failed, &self.writer.pace, Operation::Tag).await?,
            }
        }
    }

    /// Takes away signs of runs that are long over, and more of them where there would be no room for the one of this key.
    async fn drop_over(&self, cluster: &Cluster, act: &str, key: &str) -> Result<(), PortError> {
        let over = over(&cluster.tags, key, Timestamp::now());
        let count = of_people(&cluster.tags);
        if !cluster.tags.contains_key(key) && count - over.len() >= MOST_TAGS {
            let text = format!("it has {count} tags, so that there is no room for one more");
            return Err(PortError::because(FailureKind::Rejected, act, text));
        }
        if over.is_empty() {
            return Ok(());
        }
        tracing::info!(cluster = %cluster.arn, ?over, "signs of life that ended long ago are taken away");
        self.untag(cluster, act, over).await
    }

    async fn untag(&self, cluster: &Cluster, act: &str, keys: Vec<String>) -> Result<(), PortError> {
        let mut attempts = Attempts::default();
        loop {
            self.writer.pace.turn(Operation::Tag).await;
            match self.writer.untag(act, &cluster.arn, keys.clone()).await {
                Ok(()) => return Ok(()),
                Err(failed) => attempts.after(failed, &self.writer.pace, Operation::Tag).await?,
            }
        }
    }

    async fn cluster_to_tag(&self, name: &str) -> Result<(Cluster, String), PortError> {
        let act = format!("could not tag cluster {name} with a sign of life");
        Ok((self.cluster(name, &act).await?, act))
    }

    async fn cluster(&self, name: &str, act: &str) -> Result<Cluster, PortError> {
        let absent = || PortError::because(FailureKind::NotFound, act, "there is no active cluster of that name");
        self.reader.cluster(name).await?.ok_or_else(absent)
    }
}

/// The key of the sign of a run, which has as much of its name as fits.
fn key(run: &RunId) -> String {
    let whole = format!("{SIGNS}{run}");
    if whole.len() <= LONGEST_KEY {
        return whole;
    }
    let digest = digest(&SHA256, run.as_str().as_bytes());
    let hex: String = digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{SIGNS}{hex}")
}

/// The signs that may go: those that ended long ago, and where all tags together leave no room for one of this key, the oldest of
/// those that have ended.
fn over(tags: &BTreeMap<String, String>, key: &str, now: Timestamp) -> Vec<String> {
    let signs = tags.iter().filter(|(name, _)| name.starts_with(SIGNS) && *name != key);
    let mut ended: Vec<(Timestamp, &String)> = signs
        .filter_map(|(name, text)| Some((Sign::read(text).until?, name)))
        .filter(|(until, _)| *until < now)
        .collect();
    ended.sort_unstable();
    let long_ago = ended.iter().filter(|(until, _)| now.duration_since(*until) > KEPT).count();
    let needed = if tags.contains_key(key) { 0 } else { (of_people(tags) + 1).saturating_sub(MOST_TAGS) };
    ended.into_iter().take(long_ago.max(needed)).map(|(_, name)| name.clone()).collect()
}

/// How many of the tags count: those of AWS do not.
fn of_people(tags: &BTreeMap<String, String>) -> usize {
    tags.keys().filter(|key| !key.starts_with(OF_AWS)).count()
}

impl Sign {
    /// That of a run; `None` where it has none.
    fn of(cluster: &Cluster, run: &RunId) -> Option<Self> {
        cluster.tags.get(&key(run)).map(|text| Self::read(text))
    }

    fn read(text: &str) -> Self {
        let (until, is_over) = text.strip_suffix(OVER).map_or((text, false), |until| (until, true));
        Self { until: until.parse().ok(), is_over }
    }

    /// That of a run in one cluster; `None` where it has none.
    pub(crate) async fn look(reader: &Reader, cluster: &str, run: &RunId) -> Result<Option<Self>, PortError> {
        let found = reader.cluster(cluster).await?;
        Ok(found.and_then(|cluster| Self::of(&cluster, run)))
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = self.until.map(|until| format!("{until:.0}")).unwrap_or_default();
        write!(f, "{until}{}", if self.is_over { OVER } else { "" })
    }
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
    fn what_a_sign_says_is_read_from_its_tag() {
        let read = |value: &str| {
            let tags = BTreeMap::from([("loadtest-conductor.dev/alive/one".to_owned(), value.to_owned())]);
            Sign::of(&Cluster { arn: String::new(), tags }, &"one".parse().unwrap())
        };
        let until = "2026-11-27T10:15:00Z".parse().ok();
        for (value, sign) in [
            ("2026-11-27T10:15:00Z", Sign { until, is_over: false }),
            ("2026-11-27T10:15:00Z put back before", Sign { until, is_over: true }),
        ] {
            assert_eq!((read(value), sign.to_string().as_str()), (Some(sign), value));
        }
        assert_eq!(read("x"), Some(Sign { until: None, is_over: false }));
        let none = Cluster { arn: String::new(), tags: BTreeMap::new() };
        assert_eq!(Sign::of(&none, &"one".parse().unwrap()), None);
    }

    #[test]
    fn signs_that_ended_long_ago_go_and_others_only_where_there_is_no_room() {
        let now: Timestamp = "2026-11-27T10:00:00Z".parse().unwrap();
        let at = |run: &str, until: &str| (format!("loadtest-conductor.dev/alive/{run}"), until.to_owned());
        let mut tags = BTreeMap::from([
            at("long-ago", "2026-10-01T10:00:00Z put back before"),
            at("ended", "2026-11-27T09:00:00Z"),
            at("before", "2026-11-26T09:00:00Z"),
            at("lives", "2026-11-27T10:05:00Z"),
            at("unread", "x"),
        ]);
        let key = |run: &str| at(run, "").0;
        assert_eq!(over(&tags, &key("new"), now), [key("long-ago")]);
        assert_eq!(over(&tags, &key("long-ago"), now), [""; 0], "not its own");
        // Those of AWS take no room.
        tags.extend((0..20).map(|number| (format!("aws:{number}"), String::new())));
        tags.extend((0..44).map(|number| (format!("team-{number}"), String::new())));
        assert_eq!(over(&tags, &key("new"), now), [key("long-ago")]);
        tags.extend([("one".to_owned(), String::new())]);
        assert_eq!(over(&tags, &key("new"), now), [key("long-ago")], "which makes room for it");
        tags.extend([("two".to_owned(), String::new())]);
        assert_eq!(over(&tags, &key("new"), now), [key("long-ago"), key("before")]);
        assert_eq!(over(&tags, &key("lives"), now), [key("long-ago")], "it has its own room");
        tags.extend((0..9).map(|number| (format!("more-{number}"), String::new())));
        assert_eq!(over(&tags, &key("new"), now).len(), 3, "never one that has not ended");
    }
}
