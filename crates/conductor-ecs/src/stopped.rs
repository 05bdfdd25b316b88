//! Why tasks were stopped, in the words of ECS. Pure.

use std::collections::BTreeSet;

use aws_sdk_ecs::types::Task;

use crate::answer::cut;
use crate::judge::Wanted;
use crate::place::Revision;
use crate::service::Service;

/// Reasons that are told.
const TOLD: usize = 5;
/// How ECS begins what it says of a task that it needs no more, be it in the way of others or of an end.
const NEEDED_NO_MORE: &str = "Scaling activity initiated by";

/// The tasks that were to make a service what was wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// Those of a deployment, by its id.
    Deployment(String),
    /// Those of a revision.
    Revision(Revision),
    /// Whichever there were.
    Any,
}

impl Of {
    /// Those that are waited for. Where nothing was deployed, they are of the deployment that is in place.
    pub(crate) fn those(wanted: &Wanted, found: Option<&Service>) -> Self {
        if let Some(id) = &wanted.deployment {
            return Self::Deployment(id.clone());
        }
        let in_place = found.and_then(Service::primary).map(|one| Self::Deployment(one.id.clone()));
        let revision = wanted.definition.clone().map(Self::Revision);
        revision.or(in_place).unwrap_or(Self::Any)
    }

    fn has(&self, task: &Task) -> bool {
        match self {
            Self::Deployment(id) => task.started_by() == Some(id),
            Self::Revision(revision) => {
                task.task_definition_arn().and_then(|arn| arn.parse::<Revision>().ok()).as_ref() == Some(revision)
            }
            Self::Any => true,
        }
    }
}

/// Why these tasks were stopped, each reason once, those of the newest first.
pub(crate) fn reasons(tasks: &[Task], of: &Of) -> Vec<String> {
    let mut those: Vec<&Task> = tasks.iter().filter(|task| of.has(task)).collect();
    those.sort_by_key(|task| std::cmp::Reverse(task.stopped_at().map(|at| at.as_nanos())));
    let mut known = BTreeSet::new();
    let all = those.into_iter().filter(|task| !is_needed_no_more(task)).flat_map(of_task);
    let mut all: Vec<String> = all.map(|reason| cut(&reason)).filter(|reason| known.insert(reason.clone())).collect();
    let others = all.len().saturating_sub(TOLD);
    all.truncate(TOLD);
    all.extend((others > 0).then(|| format!("and {others} other reasons")));
    all
}

fn is_needed_no_more(task: &Task) -> bool {
    task.stopped_reason().is_some_and(|reason| reason.starts_with(NEEDED_NO_MORE))
}

fn of_task(task: &Task) -> Vec<String> {
    let own = task.stopped_reason().map(str::to_owned);
    let containers = task.containers().iter().filter_map(|one| {
        let (name, exit) = (one.name().unwrap_or_default(), one.exit_code().filter(|code| *code != 0));
        let exit = exit.map(|code| format!("container {name} exited with {code}"));
        one.reason().map(|reason| format!("container {name}: {reason}")).or(exit)
    });
    own.into_iter().chain(containers).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::primitives::DateTime;
    use aws_sdk_ecs::types::Container;

    use super::*;
    use crate::service::tests::steady;

    fn task(deployment: &str, revision: &str, at: i64, reason: &str) -> Task {
        let task = Task::builder().started_by(deployment).task_definition_arn(revision).stopped_reason(reason);
        task.stopped_at(DateTime::from_secs(at)).build()
    }

    #[test]
    fn only_the_tasks_that_were_waited_for_tell_and_the_newest_first() {
        let tasks = [
            task("old", "cart:1", 9, "of the old one"),
            task("new", "cart:2", 1, "no image"),
            task("new", "cart:2", 3, "no memory"),
            task("new", "cart:2", 2, "no image"),
            task("new", "cart:2", 8, "Scaling activity initiated by (deployment old)"),
            task("again", "cart:2", 4, "of the next one"),
        ];
        assert_eq!(reasons(&tasks, &Of::Deployment("new".to_owned())), ["no memory", "no image"]);
        assert_eq!(reasons(&tasks, &Of::Revision("cart:1".parse().unwrap())), ["of the old one"]);
        assert_eq!(reasons(&tasks, &Of::Any).len(), 4);
        let many: Vec<Task> = (0..9).map(|number| task("new", "cart:2", number, &format!("reason {number}"))).collect();
        let told = reasons(&many, &Of::Any);
        assert_eq!((told.len(), told[0].as_str(), told[5].as_str()), (6, "reason 8", "and 4 other reasons"));
    }

    #[test]
    fn containers_tell_what_they_were_stopped_for() {
        let crashed = Container::builder().name("app").exit_code(137).build();
        let killed = Container::builder().name("side").exit_code(1).reason("OutOfMemory").build();
        let done = Container::builder().name("init").exit_code(0).build();
        let task = Task::builder().stopped_reason("Essential container in task exited").containers(crashed);
        assert_eq!(
            reasons(&[task.containers(killed).containers(done).build()], &Of::Any),
            ["Essential container in task exited", "container app exited with 137", "container side: OutOfMemory"]
        );
    }

    #[test]
    fn the_tasks_of_the_deployment_that_was_made_are_waited_for_or_of_the_one_in_place() {
        let live = steady("cart:1", 2, "in-place");
        let wanted = |deployment: Option<&str>, definition: Option<&str>| Wanted {
            deployment: deployment.map(str::to_owned),
            definition: definition.map(|name| name.parse().unwrap()),
            ..Wanted::default()
        };
        let of = |deployment, definition| Of::those(&wanted(deployment, definition), Some(&live));
        assert_eq!(of(Some("made"), Some("cart:2")), Of::Deployment("made".to_owned()));
        assert_eq!(of(None, Some("cart:2")), Of::Revision("cart:2".parse().unwrap()));
        assert_eq!(of(None, None), Of::Deployment("in-place".to_owned()));
        assert_eq!(Of::those(&wanted(None, None), None), Of::Any);
    }
}
