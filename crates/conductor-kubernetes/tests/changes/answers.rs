//! What an API server may answer, or not answer: a call survives it, or says which object and why, in a kind that is right for
//! trying again. Whatever was done has its marker.

use std::time::{Duration, Instant};

use conductor_core::phase::Changes;
use conductor_core::ports::{Deployer, FailureKind, PortError, Scaler, Way};
use conductor_kubernetes_bed::{Answer, Effect, Fault, Moment, Requests, Then, Verb};
use futures::future::join_all;
use k8s_openapi::api::apps::v1::Deployment;

use crate::bed::text;
use crate::plans::image;
use crate::scene::{By, Scene};

/// What a conductor meets at its writes, and what comes of its first call.
struct Meeting {
    name: &'static str,
    effect: Effect,
    /// How often; for ever if absent.
    times: Option<u32>,
    /// `None` where the call survives it.
    error: Option<(FailureKind, &'static str)>,
    /// True when the write is done all the same.
    is_done: bool,
}

const SHOP: &str = "could not change Deployment NAMESPACE/shop";
const UNAVAILABLE: FailureKind = FailureKind::Unavailable;
const MOVED: &str = "it changed at each of 6 attempts";

fn meeting(
    name: &'static str,
    effect: Effect,
    times: Option<u32>,
    error: Option<(FailureKind, &'static str)>,
) -> Meeting {
    let is_done = error.is_none() || matches!(effect, Effect::Drop(Moment::After));
    Meeting { name, effect, times, error, is_done }
}

fn meetings() -> Vec<Meeting> {
    let answer = Effect::Answer;
    let busy = |seconds| answer(Answer::TooManyRequests(Duration::from_secs(seconds)));
    let silence = |at| Effect::Silence { at, time: Duration::from_secs(30), then: Then::Drop };
    let silent = Some((UNAVAILABLE, "SHOP: the API server did not answer within 20 s"));
    let conflict = "SHOP: MOVED: Operation cannot be fulfilled on deployments.apps \"shop\": the object has been modified; \
                    please apply your changes to the latest version and try again (409)";
    let test = "SHOP: MOVED: the server rejected our request due to an error in our request (422)";
    let invalid = "SHOP: deployments.apps \"shop\" is invalid: spec: Invalid value: refused by the fault proxy (422)";
    vec![
        meeting("a-conflict", answer(Answer::Conflict), Some(1), None),
        meeting("conflicts", answer(Answer::Conflict), None, Some((UNAVAILABLE, conflict))),
        meeting("a-failed-test", answer(Answer::FailedTest), Some(1), None),
        meeting("failed-tests", answer(Answer::FailedTest), None, Some((UNAVAILABLE, test))),
        meeting("invalid", answer(Answer::Invalid), Some(1), Some((FailureKind::Rejected, invalid))),
        meeting("busy-for-a-while", busy(1), Some(2), None),
        meeting("busy", busy(1), None, Some((UNAVAILABLE, "SHOP: too many requests, says the fault proxy (429)"))),
        meeting(
            "busy-for-long",
            busy(99),
            None,
            Some((UNAVAILABLE, "SHOP: too many requests, says the fault proxy (429)")),
        ),
        meeting(
            "internal",
            answer(Answer::InternalError),
            Some(1),
            Some((UNAVAILABLE, "SHOP: Internal error occurred: by order of the fault proxy (500)")),
        ),
        meeting(
            "unavailable",
            answer(Answer::Unavailable),
            Some(1),
            Some((UNAVAILABLE, "SHOP: unavailable, says the fault proxy (503)")),
        ),
        meeting("lost-request", Effect::Drop(Moment::Before), Some(1), Some((UNAVAILABLE, "SHOP: "))),
        meeting("lost-answer", Effect::Drop(Moment::After), Some(1), Some((UNAVAILABLE, "SHOP: "))),
        meeting("silent-before", silence(Moment::Before), Some(1), silent),
        Meeting { is_done: true, ..meeting("silent-after", silence(Moment::After), Some(1), silent) },
    ]
}

/// As [`Meeting::error`] has it.
fn assert_error(error: &PortError, expected: (FailureKind, &str), namespace: &str) {
    let wanted = expected.1.replace("SHOP", &SHOP.replace("NAMESPACE", namespace)).replace("MOVED", MOVED);
    let said = text(error);
    assert_eq!(error.kind, expected.0, "{said}");
    let is_same =
        if expected.1.ends_with(' ') { said.starts_with(&wanted) && said.len() > wanted.len() } else { said == wanted };
    assert!(is_same, "{namespace}: {said}");
}

async fn meet(meeting: Meeting) {
    let Meeting { name, effect, times, error, is_done } = meeting;
    let scene = Scene::new(name, &["shop"], false).await;
    let proxy = scene.bed.proxy().await;
    let fault = Fault::new(Requests::writes(), effect);
    let injected = proxy.inject(match times {
        Some(times) => fault.times(times),
        None => fault,
    });
    let conductor = scene.bed.behind(&proxy, 1).await;
    let rollout = &scene.changes.plan.rollouts[0];
    let outcome = conductor.roll_out(&scene.bed.run, rollout, Way::There).await;
    match (&outcome, error) {
        (Ok(()), None) => {}
        (Err(said), Some(expected)) => assert_error(said, expected, name),
        _ => panic!("{name}: {outcome:?}"),
    }
    // Either all of it is done or nothing.
    let live = scene.bed.api::<Deployment>().get("shop").await.unwrap();
    let marked = live.metadata.annotations.unwrap_or_default().keys().filter(|key| key.contains("loadtest")).count();
    let is_changed = live.spec.unwrap().template.spec.unwrap().containers[0].image == Some(image("shop"));
    assert_eq!((is_changed, marked), (is_done, if is_done { 2 } else { 0 }), "{name}");
    // It works when it is tried again.
    injected.lift();
    scene.perform(&conductor).await;
    let writes = proxy.writes().len();
    scene.perform(&conductor).await;
    assert_eq!(proxy.writes().len(), writes, "{name}: nothing is left to be done");
    scene.restore(&conductor, By::Journal).await;
    scene.assert_as_before(name).await;
}

#[tokio::test]
async fn a_write_survives_an_answer_or_says_what_is_the_matter_and_works_when_it_is_tried_again() {
    join_all(meetings().into_iter().map(meet)).await;
}

#[tokio::test]
async fn a_look_says_where_it_failed_and_that_it_may_be_tried_again() {
    let scene = Scene::new("looks", &["shop"], true).await;
    let proxy = scene.bed.proxy().await;
    let conductor = scene.bed.behind(&proxy, 1).await;
    let applications = &scene.bed.applications;
    for (effect, why) in [
        (Effect::Answer(Answer::InternalError), "Internal error occurred: by order of the fault proxy (500)"),
        (Effect::Answer(Answer::Unavailable), "unavailable, says the fault proxy (503)"),
        (Effect::Answer(Answer::Expired), "too old resource version, says the fault proxy (410)"),
        (
            Effect::Answer(Answer::TooManyRequests(Duration::from_secs(99))),
            "too many requests, says the fault proxy (429)",
        ),
        (Effect::Drop(Moment::Before), ""),
        (Effect::Drop(Moment::After), ""),
    ] {
        for resource in ["deployments", "horizontalpodautoscalers"] {
            let fault = proxy.inject(Fault::new(Requests::all().verb(Verb::List).resource(resource), effect));
            let act = format!("could not list {resource} of namespace looks in the test cluster: {why}");
            let mut errors = vec![
                conductor.allocated(applications).await.unwrap_err(),
                conductor.left_behind(applications).await.unwrap_err(),
                conductor.let_go(&scene.bed.run, applications).await.unwrap_err(),
            ];
            if resource == "deployments" {
                errors.push(conductor.deployed(applications).await.unwrap_err());
            }
            for error in errors {
                assert_eq!(error.kind, UNAVAILABLE);
                let said = text(&error);
                assert!(said.starts_with(&act) && (!why.is_empty() || said.len() > act.len()), "{said}");
            }
            fault.lift();
        }
    }
    let Changes { baseline, .. } = &scene.changes;
    assert_eq!(scene.bed.observe(&conductor).await, *baseline);
}

#[tokio::test]
async fn a_call_that_is_made_again_when_all_is_done_comes_back_at_once() {
    let scene = Scene::new("again", &["shop", "other"], true).await;
    scene.perform(&scene.bed.conductor(1).await).await;
    // Of the same epoch, as when an answer was lost: nothing at all is written, and a watch has nothing to tell.
    let conductor = scene.bed.conductor(1).await;
    let begun = Instant::now();
    scene.perform(&conductor).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    scene.restore(&conductor, By::Journal).await;
    scene.assert_as_before("again").await;
}
