//! What answers have not caught up with yet.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde_json::Value;

/// What answers tell of, each with a lag of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answers {
    /// What descriptions say of services, but for their tags.
    Services,
    /// The tags of services and clusters, wherever they are shown.
    Tags,
    /// Scalable targets.
    Targets,
    /// What of services, tasks, service deployments and task definitions is new is in no list until then.
    Lists,
}

/// How far answers lag behind, and what they show meanwhile.
#[derive(Default)]
pub(crate) struct Late {
    lags: HashMap<Answers, Duration>,
    /// What was before each change: until when it is shown, the oldest first.
    before: HashMap<(Answers, String), VecDeque<(Duration, Value)>>,
    /// When task definitions and services were made, by their ARNs.
    made: HashMap<String, Duration>,
}

impl Late {
    pub(crate) fn set(&mut self, of: Answers, lag: Duration) {
        self.lags.insert(of, lag);
    }

    pub(crate) fn lag(&self, of: Answers) -> Duration {
        self.lags.get(&of).copied().unwrap_or_default()
    }

    /// Keeps what is shown of something that is changed now, for as long as answers lag behind.
    pub(crate) fn keep(&mut self, of: Answers, name: &str, before: Value, now: Duration) {
        let lag = self.lag(of);
        let kept = self.before.entry((of, name.to_owned())).or_default();
        kept.retain(|(until, _)| *until > now);
        if lag > Duration::ZERO {
            kept.push_back((now + lag, before));
        }
    }

    /// What is shown of something in the place of what is.
    pub(crate) fn shown(&self, of: Answers, name: &str, now: Duration) -> Option<&Value> {
        shown(self.before.get(&(of, name.to_owned()))?, now)
    }

    /// All of which something else is shown than what is, by name.
    pub(crate) fn all_shown(&self, of: Answers, now: Duration) -> impl Iterator<Item = (&str, &Value)> {
        let kept = self.before.iter().filter(move |((kind, _), _)| *kind == of);
        kept.filter_map(move |((_, name), kept)| shown(kept, now).map(|before| (&**name, before)))
    }

    /// Notes that something is made.
    pub(crate) fn made(&mut self, arn: &str, now: Duration) {
        self.made.insert(arn.to_owned(), now);
    }

    /// True when something is listed by now.
    pub(crate) fn is_listed(&self, arn: &str, now: Duration) -> bool {
        self.made.get(arn).is_none_or(|made| self.is_listed_since(*made, now))
    }

    /// True when what has come about at a time is listed by now.
    pub(crate) fn is_listed_since(&self, time: Duration, now: Duration) -> bool {
        time + self.lag(Answers::Lists) <= now
    }
}

fn shown(kept: &VecDeque<(Duration, Value)>, now: Duration) -> Option<&Value> {
    kept.iter().find(|(until, _)| *until > now).map(|(_, before)| before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_before_each_change_is_shown_for_the_lag_and_no_longer() {
        let seconds = Duration::from_secs;
        let mut late = Late::default();
        late.keep(Answers::Tags, "pay", 0.into(), seconds(0));
        assert_eq!(late.shown(Answers::Tags, "pay", seconds(0)), None, "nothing lags behind");
        late.set(Answers::Tags, seconds(10));
        late.keep(Answers::Tags, "pay", 1.into(), seconds(1));
        late.keep(Answers::Tags, "pay", 2.into(), seconds(5));
        let shown = [1, 10, 11, 14, 15].map(|now| late.shown(Answers::Tags, "pay", seconds(now)).cloned());
        assert_eq!(shown, [Some(1.into()), Some(1.into()), Some(2.into()), Some(2.into()), None]);
        assert_eq!(late.shown(Answers::Tags, "cart", seconds(6)), None);
        assert_eq!(late.shown(Answers::Targets, "pay", seconds(6)), None);
    }
}
