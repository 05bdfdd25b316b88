//! Looks at services, and what is said of them.

use super::*;
use crate::service::Event;
use crate::service::tests::steady;

const LIMITS: Limits = Limits { shown_within: Duration::from_secs(60), place_within: Duration::from_secs(600) };

/// Sees a look every ten seconds, and tells what is said of each.
fn seen(wanted: Wanted, looks: &[Option<Service>]) -> Vec<String> {
    let mut judge = Judge::new(wanted, LIMITS);
    let looks = looks.iter().enumerate();
    let seen =
        looks.map(|(position, look)| match judge.see(Duration::from_secs(10 * position as u64), look.as_ref()) {
            Outlook::Waiting(readiness) => readiness.text,
            Outlook::Settled => "settled".to_owned(),
            Outlook::Failed { text, by_tasks } => format!("failed{}: {text}", if by_tasks { " by tasks" } else { "" }),
        });
    seen.collect()
}

fn deployed() -> Wanted {
    Wanted { definition: "shop:8".parse().ok(), deployment: Some("new".to_owned()), ..Wanted::default() }
}

fn scaled(tasks: u32) -> Wanted {
    Wanted { desired: Some(tasks), ..Wanted::default() }
}

fn before() -> Service {
    steady("shop:7", 4, "old")
}

/// A rolling deployment, so far.
fn rolling(running: u32) -> Service {
    let mut service = steady("shop:8", 4, "new");
    let new = &mut service.deployments[0];
    (new.running, new.pending, new.rollout) = (running, 4 - running, Rollout::InProgress);
    let old = Deployment { is_primary: false, running: 4 - running, ..before().deployments[0].clone() };
    service.deployments.push(old);
    service.pending = 4 - running;
    service
}

/// The same service, changed.
fn with(mut service: Service, change: impl FnOnce(&mut Service)) -> Option<Service> {
    change(&mut service);
    Some(service)
}

#[test]
fn a_deployment_is_done_when_it_alone_is_there_with_all_of_its_tasks_in_two_looks() {
    let after = || Some(steady("shop:8", 4, "new"));
    assert_eq!(
        seen(deployed(), &[Some(rolling(1)), after(), Some(rolling(3)), after(), after()]),
        [
            "1 of 4 tasks running, 2 deployments are there",
            "4 of 4 tasks running",
            "3 of 4 tasks running, 2 deployments are there",
            "4 of 4 tasks running",
            "settled"
        ]
    );
    let still = with(steady("shop:8", 4, "new"), |one| one.deployments[0].rollout = Rollout::InProgress);
    assert_eq!(seen(deployed(), &[still]), ["4 of 4 tasks running, deployment new is in progress"]);
    // ECS says nothing of the state of services behind a load balancer of the old kind.
    let untold = || with(steady("shop:8", 4, "new"), |one| one.deployments[0].rollout = Rollout::Untold);
    assert_eq!(seen(deployed(), &[untold(), untold()]).last().unwrap(), "settled");
}

#[test]
fn answers_that_show_the_state_before_do_not_count_and_may_not_go_on() {
    let after = || Some(steady("shop:8", 4, "new"));
    let told = seen(deployed(), &[Some(before()), Some(before()), after(), after()]);
    assert_eq!(told[1], "4 of 4 tasks running, the task definition is shop:7, not shop:8");
    assert_eq!(told[3], "settled");
    let late = seen(deployed(), &vec![Some(before()); 8]);
    assert_eq!(
        late[7],
        "failed by tasks: 70 s after the change it is still shown as before: the task definition is shop:7, not shop:8"
    );
    assert!(late[..7].iter().all(|text| !text.starts_with("failed")), "{late:?}");
    let told = seen(scaled(9), &[Some(before()), Some(steady("shop:7", 9, "old")), Some(steady("shop:7", 9, "old"))]);
    assert_eq!(told, ["4 of 4 tasks running, desired_count is 4, not 9", "9 of 9 tasks running", "settled"]);
}

#[test]
fn a_rollback_is_no_success() {
    let mut back = steady("shop:7", 4, "back");
    let failed = Deployment {
        is_primary: false,
        rollout: Rollout::Failed,
        reason: "ECS deployment circuit breaker: tasks failed to start.".to_owned(),
        ..rolling(0).deployments[0].clone()
    };
    back.deployments.push(failed);
    assert_eq!(
        seen(deployed(), &[Some(rolling(0)), Some(back.clone())])[1],
        "failed by tasks: deployment new has failed, and shop:7 is in its place (deployment back): ECS deployment circuit breaker: tasks failed to start."
    );
    // Once the rollback is over the deployment is gone.
    let over = || Some(steady("shop:7", 4, "back"));
    let told = seen(deployed(), &[Some(rolling(0)), over(), over()]);
    assert_eq!(told[2], "failed by tasks: the task definition is shop:7, not shop:8");
}

#[test]
fn a_rollback_that_is_over_before_the_first_look_is_no_success_either() {
    let wanted = || Wanted { before: Some("old".to_owned()), ..deployed() };
    let over = || Some(steady("shop:7", 4, "back"));
    let expected = "failed by tasks: deployment new was replaced, and shop:7 is in its place (deployment back)";
    assert_eq!(seen(wanted(), &[over(), over()])[1], expected);
    assert_eq!(seen(wanted(), &[Some(before()), over(), over()])[2], expected);
    // One look alone decides nothing, and neither does what was there before.
    let after = || Some(steady("shop:8", 4, "new"));
    assert_eq!(seen(wanted(), &[over(), Some(before()), over(), after(), after()])[4], "settled");
    let unknown = seen(deployed(), &[over(), over()]);
    assert!(unknown[1].starts_with("4 of 4 tasks running"), "nothing tells what was there before: {unknown:?}");
}

#[test]
fn a_deployment_that_somebody_replaces_is_told() {
    let theirs = || Some(steady("shop:8", 4, "theirs"));
    let told = seen(deployed(), &[Some(rolling(1)), theirs(), theirs()]);
    assert_eq!(
        told[2],
        "failed by tasks: deployment new is not there, and theirs is in its place with the same task definition"
    );
    let mut replaced = rolling(1);
    replaced.deployments[0].is_primary = false;
    replaced.deployments[1].is_primary = true;
    let told = seen(deployed(), &[Some(rolling(1)), Some(replaced)]);
    assert_eq!(told[1], "failed by tasks: deployment new was replaced, and shop:7 is in its place (deployment old)");
    let fewer = || with(before(), |one| one.desired = 2);
    let told = seen(scaled(4), &[Some(before()), fewer(), fewer()]);
    assert_eq!(told[2], "failed: desired_count is 2, not 4");
}

#[test]
fn one_answer_that_is_older_than_the_last_ends_no_wait() {
    let after = || Some(steady("shop:8", 4, "new"));
    let told = seen(deployed(), &[Some(rolling(1)), Some(before()), after(), after()]);
    assert_eq!(
        told[1..],
        ["4 of 4 tasks running, the task definition is shop:7, not shop:8", "4 of 4 tasks running", "settled"]
    );
}

#[test]
fn tasks_that_fail_again_and_again_end_a_scaling_in_the_words_of_ecs() {
    let message = "(service cart) is unable to consistently start tasks successfully.";
    let failing = |ids: &[&str]| {
        with(steady("shop:7", 9, "old"), |one| {
            (one.running, one.deployments[0].running, one.has_breaker) = (4, 4, true);
            one.events = ids.iter().map(|id| Event { id: (*id).to_owned(), message: message.to_owned() }).collect();
        })
    };
    let told = seen(scaled(9), &[failing(&["past"]), failing(&["past"]), failing(&["new", "past"])]);
    assert_eq!(told, ["4 of 9 tasks running", "4 of 9 tasks running", &format!("failed by tasks: {message}")]);
    let with_breaker = with(rolling(0), |one| {
        one.has_breaker = true;
        one.events = vec![Event { id: "new".to_owned(), message: message.to_owned() }];
    });
    let wanted = Wanted { told: Some(BTreeSet::new()), ..deployed() };
    assert!(seen(wanted, &[with_breaker])[0].starts_with("0 of 4"), "ECS ends a deployment by itself");
}

#[test]
fn tasks_that_fail_end_the_wait_where_ecs_would_never_end_it() {
    let failing = |count| {
        with(rolling(0), |one| {
            one.deployments[0].failed = count;
        })
    };
    let told = seen(deployed(), &[failing(2), failing(3)]);
    assert!(told[0].starts_with("0 of 4 tasks running"), "{told:?}");
    assert_eq!(told[1], "failed by tasks: 3 tasks in a row have not started");
    let with_breaker = with(failing(9).unwrap(), |one| one.has_breaker = true);
    assert!(seen(deployed(), &[with_breaker])[0].starts_with("0 of 4"), "ECS ends it by itself");
    let ended = with(failing(9).unwrap(), |one| {
        one.deployments[0].rollout = Rollout::Failed;
        one.deployments[0].reason = "tasks failed to start.".to_owned();
    });
    assert_eq!(seen(deployed(), &[ended])[0], "failed by tasks: deployment new has failed: tasks failed to start.");
    // Failures of before the scaling are not its own.
    let old = |count: u32, tasks| {
        with(steady("shop:7", tasks, "old"), |one| {
            one.deployments[0].failed = count;
            one.running = 4;
        })
    };
    let told = seen(scaled(20), &[old(5, 20), old(14, 20), old(15, 20)]);
    assert_eq!(told[2], "failed by tasks: 10 tasks in a row have not started");
    assert_eq!([0, 1, 7, 20, 1000].map(most_failed), [3, 3, 4, 10, 200]);
}

#[test]
fn tasks_that_cannot_be_placed_are_waited_for_only_so_long() {
    let event = |id: &str| Event {
        id: id.to_owned(),
        message: format!(
            "(service cart) was unable to place a task because no container instance met its requirements ({id})"
        ),
    };
    let stuck = |running: u32, events: &[&str]| {
        with(steady("shop:7", 9, "old"), |one| {
            (one.running, one.deployments[0].running) = (running, running);
            one.events = events.iter().map(|id| event(id)).collect();
        })
    };
    let mut looks = vec![stuck(4, &["past"]), stuck(4, &["new", "past"])];
    looks.extend(vec![stuck(4, &["new", "past"]); 60]);
    let told = seen(scaled(9), &looks);
    assert_eq!(
        told[61],
        "failed: (service cart) was unable to place a task because no container instance met its requirements (new)"
    );
    assert!(told[..61].iter().all(|text| text == "4 of 9 tasks running"), "{told:?}");
    let crashing = stuck(4, &["new", "past"]).map(|mut one| {
        one.deployments[0].failed = 9;
        one.events
            .insert(0, Event { id: "later".to_owned(), message: "(service cart) has started 1 tasks".to_owned() });
        one
    });
    assert_eq!(
        seen(scaled(9), &[stuck(4, &["past"]), crashing])[1],
        "failed by tasks: 9 tasks in a row have not started"
    );
    // It gets further all the same.
    looks[40] = stuck(5, &["new", "past"]);
    looks.truncate(62);
    assert_eq!(seen(scaled(9), &looks)[61], "4 of 9 tasks running");
}

#[test]
fn one_answer_without_the_service_is_no_deletion() {
    let after = || Some(steady("shop:8", 4, "new"));
    let told = seen(deployed(), &[after(), None, after(), after(), None]);
    assert_eq!(told[1..4], ["it was not shown", "4 of 4 tasks running", "settled"]);
    assert_eq!(seen(deployed(), &[None, None, None])[2], "failed: it was gone in 3 looks in a row");
}

#[test]
fn a_service_that_another_controller_deploys_to_has_no_deployments_of_ecs() {
    let external = || {
        with(steady("shop:7", 9, ""), |one| {
            one.deployments.clear();
            one.controller = Controller::Other("CODE_DEPLOY".to_owned());
        })
    };
    assert_eq!(seen(scaled(9), &[external(), external()])[1], "settled");
    let none = with(steady("shop:7", 9, ""), |one| one.deployments.clear());
    assert_eq!(seen(scaled(9), &[none]), ["9 of 9 tasks running, no deployment is shown"]);
}
