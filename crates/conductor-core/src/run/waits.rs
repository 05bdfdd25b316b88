//! What a run waits for whose environment was in use when it was created.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::RunId;

/// What a run waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Waits {
    /// The run that was active in the environment; `None` where it was in use without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Whether it is asked to end, so that this one replaces it; otherwise its end is waited for.
    pub replaces: bool,
}

impl fmt::Display for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.run {
            Some(run) if self.replaces => write!(f, "waits for the end of run {run}, which it replaces"),
            Some(run) => write!(f, "waits for the end of run {run}"),
            None => f.write_str("waits until its environment is no longer in use"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::fixtures::{created, load_test};
    use crate::learnt::Learnt;
    use crate::phase::{Cause, Command, Event};
    use crate::run::{Created, Record, Run};
    use crate::view::RunView;

    fn waits(run: Option<&str>, replaces: bool) -> Waits {
        Waits { run: run.map(|run| run.parse().unwrap()), replaces }
    }

    fn record(revision: u64, event: Event) -> Record {
        Record { revision, at: Timestamp::from_second(i64::try_from(revision).unwrap()).unwrap(), event }
    }

    fn first() -> Record {
        let spec = load_test("600/min", json!({ "ifBusy": "queue" }));
        record(1, Event::Created(Box::new(Created { waits: Some(waits(Some("a"), false)), ..created(spec) })))
    }

    fn learnt() -> Learnt {
        let ended = Timestamp::UNIX_EPOCH;
        let run = "a".parse().unwrap();
        Learnt { run, ended, gain: 6.4, gain_sd: 0.02, lag_s: 9.25, releases: BTreeMap::new(), cost: None }
    }

    fn messages(view: &RunView) -> Vec<&str> {
        view.events.iter().map(|event| event.message.as_str()).collect()
    }

    #[test]
    fn it_is_told_for_whom() {
        let told = [waits(Some("a"), false), waits(Some("a"), true), waits(None, false)].map(|waits| waits.to_string());
        assert_eq!(
            told,
            [
                "waits for the end of run a",
                "waits for the end of run a, which it replaces",
                "waits until its environment is no longer in use",
            ]
        );
    }

    #[test]
    fn a_run_begins_with_its_turn_and_with_what_was_learnt_by_then() {
        let mut run = Run::begin(&first()).unwrap();
        assert_eq!((run.is_waiting(), run.begun_at, run.state.on_entry()), (true, None, vec![]));
        let refused = run.apply(&record(2, Event::Started)).unwrap_err();
        assert_eq!(refused.to_string(), "record 2 does not belong there: Started is not accepted while Waiting");
        let begun = record(2, Event::Begun { learnt: Some(Box::new(learnt())) });
        assert_eq!(run.apply(&begun).unwrap(), [Command::Start]);
        assert_eq!((run.is_waiting(), run.begun_at), (false, Some(begun.at)));
        assert_eq!(run.created.learnt, Some(learnt()));
    }

    #[test]
    fn people_see_what_it_waits_for_and_that_its_turn_has_come() {
        let id = "b".parse().unwrap();
        let view = RunView::of(&id, &[first()]).unwrap();
        assert_eq!((view.state.as_str(), &view.waits), ("Waiting", &Some(waits(Some("a"), false))));
        assert_eq!(messages(&view), ["load test rehearsal accepted; it waits for the end of run a"]);
        let begun = record(2, Event::Begun { learnt: Some(Box::new(learnt())) });
        let view = RunView::of(&id, &[first(), begun]).unwrap();
        assert_eq!((view.state.as_str(), &view.waits), ("Accepted", &None));
        assert_eq!(
            messages(&view)[1..],
            [
                "its turn has come",
                "the control law begins with 0.156 users for one of orders a minute, learnt by run a",
                "the control law begins with 9.25 s from users to orders, learnt by run a",
            ]
        );
    }

    #[test]
    fn a_run_that_is_taken_out_of_the_queue_is_cancelled_and_no_phase_of_it_has_begun() {
        let stop = record(2, Event::StopRequested { by: "ops".to_owned() });
        let view = RunView::of(&"b".parse().unwrap(), &[first(), stop]).unwrap();
        assert_eq!((view.state.as_str(), &view.waits), ("Finished", &None));
        assert_eq!(view.ending.unwrap().cause, Cause::Cancelled { by: "ops".to_owned() });
        assert!(view.phases.iter().all(|phase| phase.started.is_none() && phase.ended.is_none()));
        assert!(view.verdict.unwrap().restored);
    }
}
