//! How much of what it may have each application uses while there is load, and which of them was at its limit first.
//!
//! An environment says how that is asked. It never steers: the verdict of a target that was not held names the application.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::app::ApplicationId;
use crate::view::Tick;

/// So many applications are kept of each look, however few are near their limit.
const KEPT: usize = 10;
/// No more are kept, however many are at it.
const MOST_KEPT: usize = 100;

/// An application and the share of what it may have that it uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Used {
    /// The application.
    pub application: ApplicationId,
    /// 1 is all of it.
    pub ratio: f64,
}

/// One look at all applications, as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Saturation {
    /// The time that it is of.
    pub at: Timestamp,
    /// From this share on an application is at its limit.
    pub threshold: f64,
    /// How many applications have told their share.
    pub read: u64,
    /// Those that use most, the highest first: ten, or all that are at their limit, of which a hundred are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub highest: Vec<Used>,
    /// Why nothing could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// The same with its time in seconds since the load began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SaturationTick {
    /// The time that it is of.
    pub at_s: f64,
    /// From this share on an application is at its limit.
    pub threshold: f64,
    /// How many applications have told their share.
    pub read: u64,
    /// Those that use most, the highest first: ten, or all that are at their limit, of which a hundred are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub highest: Vec<Used>,
    /// Why nothing could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Saturation {
    /// What is kept of the shares that were read.
    pub fn of(at: Timestamp, threshold: f64, mut used: Vec<Used>) -> Self {
        let read = used.len() as u64;
        used.sort_by(|a, b| b.ratio.total_cmp(&a.ratio).then_with(|| a.application.cmp(&b.application)));
        let at_limit = used.iter().take_while(|one| one.ratio >= threshold).count();
        used.truncate(at_limit.clamp(KEPT, MOST_KEPT));
        Self { at, threshold, read, highest: used, failure: None }
    }

    /// That nothing could be read, and why.
    pub fn failed(at: Timestamp, threshold: f64, why: impl Into<String>) -> Self {
        Self { at, threshold, read: 0, highest: Vec::new(), failure: Some(why.into()) }
    }

    /// With its time counted from the beginning of the load.
    pub fn since(&self, started: Timestamp) -> SaturationTick {
        let Self { at, threshold, read, highest, failure } = self.clone();
        SaturationTick { at_s: at.duration_since(started).as_secs_f64(), threshold, read, highest, failure }
    }
}

impl SaturationTick {
    /// The applications that are at their limit.
    pub fn at_limit(&self) -> impl Iterator<Item = &Used> {
        self.highest.iter().filter(|used| used.ratio >= self.threshold)
    }
}

/// What the looks of a load say of who was at its limit first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum First {
    /// Nobody has looked: the environment does not say how.
    NotAsked,
    /// It was looked, and never with an answer by then; with the last reason.
    Unread(Option<String>),
    /// No application was at its limit.
    Nobody {
        /// The application that used most, with its share, where there is one.
        most: Option<Used>,
        /// From this share on it would have been at its limit.
        threshold: f64,
    },
    /// This one was, before all others.
    Known(Reached),
}

/// An application that came to its limit, and stayed there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reached {
    /// The application, with the highest share it had by then.
    pub(crate) used: Used,
    /// From this share on it was at its limit.
    pub(crate) threshold: f64,
    /// When it came there, in seconds since the load began.
    pub(crate) from_s: f64,
    /// When it was seen there last by then.
    pub(crate) to_s: f64,
    /// How many others were there as well by then.
    pub(crate) others: usize,
}

/// Which application was at its limit first, of those that were when the system broke down, between these times. One that was so for
/// a moment before, such as at its start, has not brought it about.
pub(crate) fn first(ticks: &[Tick], from_s: f64, to_s: f64) -> First {
    let all: Vec<&SaturationTick> = ticks.iter().filter_map(|tick| tick.saturation.as_ref()).collect();
    if all.is_empty() {
        return First::NotAsked;
    }
    let is_read = |look: &&SaturationTick| look.read > 0 && look.at_s <= to_s;
    let looks: Vec<&SaturationTick> = all.iter().copied().filter(is_read).collect();
    let Some(last) = looks.last() else {
        return First::Unread(all.iter().rev().find_map(|look| look.failure.clone()));
    };
    // Between these times there may have been no look with an answer; then the last one before counts.
    let within = looks.iter().position(|look| look.at_s >= from_s).unwrap_or(looks.len() - 1);
    let mut reached: BTreeMap<&ApplicationId, Reached> = BTreeMap::new();
    for (position, look) in looks.iter().enumerate().skip(within) {
        for used in look.at_limit() {
            reached.entry(&used.application).or_insert_with(|| reach(&looks[..=position], used, look.threshold));
        }
    }
    let others = reached.len().saturating_sub(1);
    let earlier =
        |a: &Reached, b: &Reached| a.from_s.total_cmp(&b.from_s).then_with(|| b.used.ratio.total_cmp(&a.used.ratio));
    match reached.into_values().min_by(earlier) {
        Some(first) => First::Known(Reached { others, ..first }),
        None => {
            let most = looks[within..].iter().filter_map(|look| look.highest.first());
            let most = most.max_by(|a, b| a.ratio.total_cmp(&b.ratio)).cloned();
            First::Nobody { most, threshold: last.threshold }
        }
    }
}

/// Since when an application was at its limit without a break up to the last of these looks, and how far.
fn reach(looks: &[&SaturationTick], used: &Used, threshold: f64) -> Reached {
    let there = |look: &&SaturationTick| {
        let share = look.at_limit().find(|one| one.application == used.application)?.ratio;
        Some((look.at_s, share))
    };
    let unbroken: Vec<(f64, f64)> = looks.iter().rev().map_while(there).collect();
    let ratio = unbroken.iter().map(|(_, share)| *share).fold(used.ratio, f64::max);
    let (to_s, from_s) = unbroken.first().zip(unbroken.last()).map_or((0.0, 0.0), |(last, first)| (last.0, first.0));
    Reached { used: Used { ratio, ..used.clone() }, threshold, from_s, to_s, others: 0 }
}

#[cfg(test)]
#[path = "saturation_tests.rs"]
mod tests;
