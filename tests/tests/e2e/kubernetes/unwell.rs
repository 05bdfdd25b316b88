//! Whole runs against an API server that is unwell: they survive it, or end with everything put back and say of what and why.

use std::thread::{self, Builder};
use std::time::Duration;

use conductor_tests::{Answer, ClusterBed, Effect, Fault, FaultProxy, Injected, Moment, Requests, Then, Verb, until};
use nix::sys::signal::Signal;

use super::{PATIENT, SOON, for_long, looked_at_again_by_default};

/// Longer than the conductor waits for an answer.
const SILENT: Duration = Duration::from_secs(30);

const BUSY: Effect = Effect::Answer(Answer::TooManyRequests(Duration::from_secs(1)));
const CONFLICT: Effect = Effect::Answer(Answer::Conflict);
const FAILED_TEST: Effect = Effect::Answer(Answer::FailedTest);
const INTERNAL: Effect = Effect::Answer(Answer::InternalError);
const UNAVAILABLE: Effect = Effect::Answer(Answer::Unavailable);
const EXPIRED: Effect = Effect::Answer(Answer::Expired);
const LOST_ANSWER: Effect = Effect::Drop(Moment::After);
const LOST_REQUEST: Effect = Effect::Drop(Moment::Before);

/// What happens once to a request, after so many of its kind have been answered.
type Trouble = (Verb, &'static str, &'static str, u32, Effect);

/// In every phase but that of the load. An object is probed by the freeze before it is written to.
fn of_every_phase() -> Vec<Trouble> {
    let silence = Effect::Silence { at: Moment::Before, time: SILENT, then: Then::GoOn };
    vec![
        // The checks.
        (Verb::List, "pods", "", 0, BUSY),
        (Verb::List, "resourcequotas", "", 0, INTERNAL),
        (Verb::List, "horizontalpodautoscalers", "", 0, EXPIRED),
        // The freeze.
        (Verb::Patch, "leases", "", 0, BUSY),
        (Verb::Create, "selfsubjectreviews", "", 0, LOST_REQUEST),
        (Verb::Get, "customresourcedefinitions", "", 0, UNAVAILABLE),
        (Verb::Patch, "jobs", "", 0, CONFLICT),
        (Verb::Patch, "freezes", "", 0, LOST_ANSWER),
        (Verb::Patch, "deployments", "shop", 0, BUSY),
        // The version.
        (Verb::Patch, "deployments", "shop", 1, FAILED_TEST),
        (Verb::Get, "deployments", "shop", 1, INTERNAL),
        (Verb::Watch, "deployments", "", 0, EXPIRED),
        // The allocations.
        (Verb::Patch, "horizontalpodautoscalers", "shop", 1, CONFLICT),
        (Verb::Patch, "deployments", "shop", 2, INTERNAL),
        (Verb::Patch, "deployments", "payments", 1, silence),
        // The way back.
        (Verb::Patch, "horizontalpodautoscalers", "shop", 2, FAILED_TEST),
        (Verb::Patch, "deployments", "shop", 3, BUSY),
        (Verb::Patch, "deployments", "payments", 2, CONFLICT),
        (Verb::Patch, "horizontalpodautoscalers", "shop", 3, UNAVAILABLE),
        (Verb::Patch, "deployments", "shop", 4, LOST_ANSWER),
        (Verb::Delete, "freezes", "", 0, LOST_ANSWER),
        (Verb::Delete, "jobs", "", 0, UNAVAILABLE),
        (Verb::Delete, "leases", "", 0, INTERNAL),
    ]
}

/// Under load there are watches only, and the lists that they begin with.
fn of_watches() -> Vec<Trouble> {
    let silence = Effect::Silence { at: Moment::Before, time: SILENT, then: Then::Drop };
    vec![
        (Verb::Watch, "deployments", "", 0, BUSY),
        (Verb::Watch, "deployments", "", 0, EXPIRED),
        (Verb::List, "deployments", "", 0, INTERNAL),
        (Verb::Watch, "horizontalpodautoscalers", "", 0, EXPIRED),
        (Verb::List, "horizontalpodautoscalers", "", 0, silence),
    ]
}

/// The looks of the way back.
fn of_looks() -> Vec<Trouble> {
    vec![
        (Verb::List, "deployments", "", 0, EXPIRED),
        (Verb::List, "horizontalpodautoscalers", "", 0, BUSY),
        (Verb::List, "horizontalpodautoscalers", "", 1, LOST_ANSWER),
    ]
}

/// Those under load: of the Deployments and of their autoscalers.
const WATCHES: usize = 2;

/// Faults that are switched on, with what each is.
#[derive(Default)]
struct Troubles(Vec<(String, Injected)>);

impl Troubles {
    fn begin(&mut self, proxy: &FaultProxy, troubles: Vec<Trouble>) {
        for (verb, resource, name, after, effect) in troubles {
            let requests = Requests::all().verb(verb).resource(resource);
            let requests = if name.is_empty() { requests } else { requests.name(name) };
            let told = format!("{verb:?} {resource} {name} after {after}: {effect:?}");
            self.0.push((told, proxy.inject(Fault::new(requests, effect).after(after).once())));
        }
    }

    /// Those that nothing has happened by.
    fn unmet(&self) -> Vec<&str> {
        self.0.iter().filter(|(_, fault)| fault.met() == 0).map(|(told, _)| told.as_str()).collect()
    }
}

/// At the same time, for each waits most of its time.
#[test]
fn a_run_survives_an_api_server_that_is_unwell_or_ends_with_everything_put_back() {
    thread::scope(|scope| {
        let runs: [(&str, fn()); 3] = [("survived", survived), ("refused", refused), ("blind", blind)];
        for (name, run) in runs {
            Builder::new().name(name.to_owned()).spawn_scoped(scope, run).unwrap();
        }
    });
}

/// Everything in a run that an API server may answer, and not answer.
fn survived() {
    let bed = ClusterBed::up("unwell", PATIENT);
    let (objects, rows) = (bed.objects(), bed.rows());
    bed.held_load();
    let proxy = bed.fault_proxy();
    let mut troubles = Troubles::default();
    troubles.begin(&proxy, of_every_phase());
    let mut running = bed.start();
    running.line("the ramp begins");
    let watched = || until("all is watched", SOON, || proxy.open_watches() == WATCHES);
    watched();
    troubles.begin(&proxy, of_watches());
    proxy.drop_watches();
    until("the end of the watches", SOON, || proxy.open_watches() < WATCHES);
    watched();
    troubles.begin(&proxy, of_looks());
    let ended = running.wait().ended_with(0).out;
    assert_eq!(troubles.unmet(), [""; 0], "{ended}");
    assert!(ended.contains("restored   everything is as it was before"), "{ended}");
    assert!(!ended.contains("during the load, "), "nobody has changed anything\n{ended}");
    let late = Requests::writes().verb(Verb::Patch).resource("deployments").name("payments");
    let late = proxy.requests().into_iter().find(|seen| late.contain(seen));
    let late = late.map(|seen| (seen.server, seen.client));
    assert_eq!(late, Some((Some(422), None)), "what came late was done");
    bed.assert_back(&objects, &rows);
}

/// A write that is never accepted.
fn refused() {
    let bed = ClusterBed::up("invalid", PATIENT);
    let (objects, rows) = (bed.objects(), bed.rows());
    looked_at_again_by_default(&bed);
    let proxy = bed.fault_proxy();
    let payments = Requests::all().verb(Verb::Patch).resource("deployments").name("payments");
    let invalid = proxy.inject(Fault::new(payments, Effect::Answer(Answer::Invalid)).after(1));
    let ended = bed.run().ended_with(1).out;
    assert!(invalid.met() > 0, "{ended}");
    let cause = "scale payments: could not change Deployment shop-invalid/payments: deployments.apps \"payments\" is invalid: \
                 spec: Invalid value: refused by the fault proxy (422)";
    for told in [
        format!("verdict    failed\n           run_failed: {cause}\n"),
        "1m after the way back it is looked again whether everything stays as it was\n".to_owned(),
        "the environment was looked at again, and stays as it was put back\n".to_owned(),
        "restored   everything is as it was before".to_owned(),
    ] {
        assert!(ended.contains(&told), "{told:?} is not in\n{ended}");
    }
    bed.assert_back(&objects, &rows);
}

/// Under load every connection is dropped for longer than a watch may see nothing, and the first writes of the way back fail.
fn blind() {
    let bed = ClusterBed::up("blind", PATIENT);
    let (objects, rows) = (bed.objects(), bed.rows());
    for_long(&bed);
    bed.edit("environment.yaml", "steadyFor: 1s", "steadyFor: 1s\n    freeze: { breakGlass: [bed-admin] }");
    let proxy = bed.fault_proxy();
    let mut running = bed.start();
    running.line("the ramp begins");
    until("all is watched", SOON, || proxy.open_watches() == WATCHES);
    let outage = proxy.inject(Fault::new(Requests::all(), LOST_REQUEST));
    proxy.expire_watches();
    let scale = |replicas| bed.somebody_asks(&["scale", "deployment/payments", &format!("--replicas={replicas}")]);
    assert_eq!(scale(3), "");
    // Of which watch, and whether of both at once, is as they come.
    running.line("watch the applications: it is not seen what others change of ");
    running.line("target 360/min");
    assert!(bed.users() > 1, "the load has ended");
    outage.lift();
    running.line("payments: replicas is 3, not 2; changed by kubectl (Update of scale");
    assert_eq!(scale(2), "");
    let trouble = proxy.inject(Fault::new(Requests::writes(), INTERNAL));
    running.signal(Signal::SIGINT);
    running.line("by order of the fault proxy (500); it is tried again and again");
    trouble.lift();
    let ended = running.wait().ended_with(3).out;
    let drift =
        "environment_drifted: during the load, payments: replicas is 3, not 2; changed by kubectl (Update of scale)\n";
    let unseen =
        ": could not list them: ServiceError: client error (SendRequest): connection closed before message completed\n";
    for told in [drift, " of namespace shop-blind", unseen, "restored   everything is as it was before"] {
        assert!(ended.contains(told), "{told:?} is not in\n{ended}");
    }
    bed.assert_back(&objects, &rows);
}
