//! Statuses of errors, as a table, and their details.

use conductor_core::failure::FailureKind;
use conductor_core::ports::Holder;
use conductor_core::run::{ReplayError, RequestId, RunId};

use super::*;

fn run() -> RunId {
    "test-1".parse().unwrap()
}

fn request() -> RequestId {
    "r-1".parse().unwrap()
}

fn unavailable() -> StoreError {
    StoreError::Unavailable { act: "could not read the journal".to_owned(), source: "the disk is full".into() }
}

fn violation(field: &str) -> SpecError {
    let violation = Violation { field: field.to_owned(), problem: "\"x\" is odd".to_owned(), expected: "y".to_owned() };
    SpecError { violations: vec![violation] }
}

fn name() -> String {
    "shop".to_owned()
}

fn port(kind: FailureKind) -> PortError {
    PortError::new(kind, "could not ask Locust")
}

#[test]
fn each_error_has_its_status_and_says_what_was_wrong() {
    let store = |error: StoreError| of_store(&error, &error);
    let replay = || ReplayError::Empty;
    let table = [
        (of_spec(&violation("spec.kpi")), Code::InvalidArgument, "spec.kpi: \"x\" is odd; expected y"),
        (of_field("id", "is empty", "a name"), Code::InvalidArgument, "id: is empty; expected a name"),
        (
            of_start(&StartError::Claimed { environment: name(), holder: Holder::for_life("process 7") }),
            Code::FailedPrecondition,
            "environment shop is in use by process 7",
        ),
        (
            of_start(&StartError::Unfinished { environment: name(), run: run() }),
            Code::FailedPrecondition,
            "run test-1 of environment shop never ended; restore it first",
        ),
        (
            of_start(&StartError::Awaited { environment: name(), run: run() }),
            Code::FailedPrecondition,
            "run test-1 waits for environment shop and is the next there",
        ),
        (
            of_start(&StartError::Connect { environment: name(), source: port(FailureKind::Rejected) }),
            Code::FailedPrecondition,
            "could not connect to environment shop: could not ask Locust",
        ),
        (
            of_start(&StartError::Unusable { environment: name(), source: port(FailureKind::Unavailable) }),
            Code::FailedPrecondition,
            "environment shop cannot be used: could not ask Locust",
        ),
        (
            of_start(&StartError::Baseline {
                run: run(),
                problem: "there is no run test-1".to_owned(),
                expected: "a run of this store".to_owned(),
            }),
            Code::FailedPrecondition,
            "spec.baseline: there is no run test-1; expected a run of this store",
        ),
        (
            of_start(&StartError::RequestReused { request: request(), run: run() }),
            Code::AlreadyExists,
            "request r-1 has made a run of another load test; expected an id that was not used before",
        ),
        (
            of_start(&StartError::Unreadable {
                request: request(),
                run: run(),
                source: ViewError::Store(unavailable()),
            }),
            Code::Unavailable,
            "could not read the journal: the disk is full",
        ),
        (
            of_start(&StartError::Unreadable {
                request: request(),
                run: run(),
                source: ViewError::Replay { run: run(), source: replay() },
            }),
            Code::DataLoss,
            "the journal of the run that request r-1 has made makes no sense: the journal is empty",
        ),
        (
            of_start(&StartError::TakingOver),
            Code::Unavailable,
            "unfinished runs are being taken over, and no new one is started before that; try again in some seconds",
        ),
        (
            of_start(&StartError::HandedOver),
            Code::Unavailable,
            "this conductor is shutting down and takes no runs on; ask another one, or try again once it is back",
        ),
        (
            of_start(&StartError::Store(unavailable())),
            Code::Unavailable,
            "could not record the run: could not read the journal: the disk is full",
        ),
        (
            of_update(&UpdateError::Change(violation("within"))),
            Code::InvalidArgument,
            "within: \"x\" is odd; expected y",
        ),
        (
            of_update(&UpdateError::Searches(run())),
            Code::FailedPrecondition,
            "run test-1 searches for the highest KPI, and there is no target to change",
        ),
        (
            of_update(&UpdateError::LoadIsOver { run: run(), state: "CleaningUp" }),
            Code::FailedPrecondition,
            "run test-1 is in CleaningUp: its load is over, and there is no target to change",
        ),
        (of_update(&UpdateError::Store(StoreError::UnknownRun(run()))), Code::NotFound, "there is no run test-1"),
        (of_view(&ViewError::Store(StoreError::UnknownRun(run()))), Code::NotFound, "there is no run test-1"),
        (
            store(StoreError::Conflict { run: run(), expected: 1, found: 2 }),
            Code::Aborted,
            "the journal of run test-1 is at revision 2, not 1: somebody else writes to it",
        ),
        (
            store(StoreError::Requested { request: request(), run: run() }),
            Code::AlreadyExists,
            "request r-1 has made a run before; expected an id that was not used before",
        ),
        (
            store(StoreError::Claimed { environment: name(), holder: Holder::for_life("process 7") }),
            Code::FailedPrecondition,
            "environment shop is in use by process 7",
        ),
        (
            store(StoreError::Lost { environment: name(), reason: "the lease ran out".to_owned() }),
            Code::Unavailable,
            "environment shop is not this conductor's to work on: the lease ran out",
        ),
        (store(unavailable()), Code::Unavailable, "could not read the journal: the disk is full"),
        (of_port("shop", &port(FailureKind::Rejected)), Code::FailedPrecondition, "could not ask Locust"),
        (of_port("shop", &port(FailureKind::Unavailable)), Code::Unavailable, "could not ask Locust"),
    ];
    for (status, code, message) in table {
        assert_eq!((status.code(), status.message()), (code, message));
    }
    for status in [
        of_update(&UpdateError::Replay { run: run(), source: replay() }),
        of_view(&ViewError::Replay { run: run(), source: replay() }),
    ] {
        assert_eq!(status.code(), Code::DataLoss);
        assert!(status.message().contains("could not replay the journal of run test-1: "), "{status:?}");
    }
    let late = of_update(&UpdateError::PastDeadline { deadline: "4h".parse().unwrap() });
    assert_eq!(late.code(), Code::InvalidArgument);
    assert_eq!(late.get_details_bad_request().unwrap().field_violations[0].field, "plateau");
}

#[test]
fn what_callers_wrote_is_cut_before_an_answer_gets_too_long_for_a_header() {
    let long = Violation { field: "spec".to_owned(), problem: "ä".repeat(9000), expected: "less".to_owned() };
    let status = of_spec(&SpecError { violations: vec![long; 100] });
    assert!(status.message().len() <= LONGEST + '…'.len_utf8() && status.message().ends_with("ä…"), "{status:?}");
    let found = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!(found.len(), VIOLATIONS);
    assert!(found.iter().all(|found| found.description.len() <= LONGEST_VIOLATION + '…'.len_utf8()));
}

#[test]
fn details_name_the_field_the_resource_and_when_to_try_again() {
    let found = of_spec(&violation("spec.kpi.name")).get_details_bad_request().unwrap();
    assert_eq!(found.field_violations[0].field, "spec.kpi.name");
    assert_eq!(found.field_violations[0].description, "\"x\" is odd; expected y");
    let missing = of_view(&ViewError::Store(StoreError::UnknownRun(run())));
    let missing = missing.get_details_resource_info().unwrap();
    assert_eq!((missing.resource_type.as_str(), missing.resource_name.as_str()), ("run", "test-1"));
    let later = of_start(&StartError::TakingOver).get_details_retry_info().unwrap();
    assert_eq!(later.retry_delay, Some(SOON));
    let busy = of_start(&StartError::Unfinished { environment: name(), run: run() });
    let busy = busy.get_details_precondition_failure().unwrap();
    assert_eq!((busy.violations[0].r#type.as_str(), busy.violations[0].subject.as_str()), ("RUN_UNFINISHED", "shop"));
}
