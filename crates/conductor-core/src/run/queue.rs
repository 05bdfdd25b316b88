//! Who is active in an environment, and who is the next there.

use std::cmp::Reverse;

use crate::ports::RunSummary;
use crate::spec::IfBusy;

/// The run that is active in an environment: begun and not over, whether anybody drives it or not.
pub fn active<'a>(runs: &'a [RunSummary], environment: &str) -> Option<&'a RunSummary> {
    runs.iter().find(|run| run.environment == environment && !run.finished && run.waiting.is_none())
}

/// The runs that wait for an environment, the next one first: one that replaces goes before all that waited when it was
/// created, and the others go in the order in which they were created.
pub fn queue<'a>(runs: &'a [RunSummary], environment: &str) -> Vec<&'a RunSummary> {
    let (mut replacing, mut queued) = (Vec::new(), Vec::new());
    for run in runs.iter().filter(|run| run.environment == environment) {
        match run.waiting {
            Some(IfBusy::Replace) => replacing.push(run),
            Some(IfBusy::Queue | IfBusy::Refuse) => queued.push(run),
            None => {}
        }
    }
    replacing.sort_by_key(|run| Reverse((run.created, &run.id)));
    queued.sort_by_key(|run| (run.created, &run.id));
    replacing.append(&mut queued);
    replacing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: &str, second: i64, waiting: Option<IfBusy>, finished: bool) -> RunSummary {
        RunSummary {
            id: id.parse().unwrap(),
            name: "rehearsal".to_owned(),
            environment: if id.starts_with("other") { "other" } else { "shop" }.to_owned(),
            created: jiff::Timestamp::from_second(second).unwrap(),
            finished,
            waiting,
            request: None,
        }
    }

    #[test]
    fn who_replaces_goes_first_and_the_others_in_their_order() {
        let (queued, replaces) = (Some(IfBusy::Queue), Some(IfBusy::Replace));
        let runs = [
            run("q-2", 6, queued, false),
            run("r-2", 5, replaces, false),
            run("r-1", 4, replaces, false),
            run("other-1", 3, queued, false),
            run("q-1", 3, queued, false),
            run("a", 2, None, false),
            run("over", 1, None, true),
        ];
        let ids: Vec<&str> = queue(&runs, "shop").iter().map(|run| run.id.as_str()).collect();
        assert_eq!(ids, ["r-2", "r-1", "q-1", "q-2"]);
        assert_eq!(active(&runs, "shop").map(|run| run.id.as_str()), Some("a"));
        assert_eq!((active(&runs, "other"), queue(&runs, "nowhere").len()), (None, 0));
    }
}
