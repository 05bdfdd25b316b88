//! In what the environment differs from production is kept with the run; that it cannot be read stops no run.

use std::sync::Arc;

use async_trait::async_trait;
use conductor_core::app::ApplicationId;
use conductor_core::parity::{Profile, Report, Side, Sides, Waiver, WaiverState};
use conductor_core::phase::{Event, Level};
use conductor_core::ports::{FailureKind, Parity, PortError, Ports};
use conductor_core::verdict::Outcome;
use conductor_core::view::RunView;
use serde_json::json;

use crate::bed::{Bed, outcome, over, verdict};

/// What becomes of a look at both sides.
enum Reader {
    Differs,
    Refuses,
    Hangs,
    Panics,
}

#[async_trait]
impl Parity for Reader {
    async fn sides(&self, applications: &[ApplicationId]) -> Result<Option<Sides>, PortError> {
        match self {
            Self::Differs => {
                let side = |class: &str| Side {
                    applications: applications.iter().map(|name| (name.clone(), profile(class))).collect(),
                    ..Side::default()
                };
                Ok(Some(Sides { production: side("high"), test: side("low") }))
            }
            Self::Refuses => Err(PortError::new(FailureKind::Rejected, "pods may not be listed")),
            Self::Hangs => std::future::pending().await,
            Self::Panics => panic!("it has a bug"),
        }
    }
}

fn profile(class: &str) -> Profile {
    Profile {
        replicas: if class == "high" { 3 } else { 1 },
        settings: [("priorityClass".to_owned(), class.to_owned())].into(),
        ..Profile::default()
    }
}

fn with(reader: Reader, ports: Ports) -> Ports {
    Ports { parity: Some(Arc::new(reader)), ..ports }
}

/// A whole run, with the report in its journal and the one in its view.
async fn run(bed: &Bed) -> (RunView, Report, Option<Report>) {
    let conductor = bed.conductor();
    let run = conductor.start(bed.created.clone()).await.unwrap();
    let view = over(&conductor, &run).await;
    let codes: Vec<&str> = verdict(&view).causes.iter().map(|cause| cause.code.as_str()).collect();
    // A difference stops nothing; one that nobody has waived makes the run invalid, and that one is waived is told.
    let (made, reasons) = match bed.created.waivers.is_empty() {
        true => (Outcome::Passed, vec![]),
        false => (Outcome::Invalid, vec!["parity_gap", "waivers_used"]),
    };
    assert_eq!((outcome(&view), codes), (made, reasons), "{:?}", verdict(&view));
    let journal = bed.journal(&run).await;
    let kept = journal.into_iter().find_map(|record| {
        let Event::PreflightPassed { parity, .. } = record.event else { return None };
        parity
    });
    let shown = view.parity.clone();
    (view, *kept.unwrap(), shown)
}

fn event(view: &RunView, begin: &str) -> Option<Level> {
    view.events.iter().find(|event| event.message.starts_with(begin)).map(|event| event.level)
}

#[tokio::test(start_paused = true)]
async fn differences_are_kept_with_the_run_and_waived_by_the_environment() {
    let mut bed = Bed::healthy().wrapped(|ports| with(Reader::Differs, ports));
    let waiver = |application: &str, until: &str| -> Waiver {
        let fields =
            json!({ "application": application, "aspect": "priorityClass", "reason": "a test", "until": until });
        serde_json::from_value(fields).unwrap()
    };
    bed.created.waivers = vec![waiver("shop", "2026-11-24"), waiver("payments", "2026-11-23")];
    let (view, kept, shown) = run(&bed).await;
    assert_eq!(shown.as_ref(), Some(&kept));
    let told: Vec<String> = kept
        .differences
        .iter()
        .map(|one| format!("{}: {one}", one.application.as_ref().map_or("", ApplicationId::as_str)))
        .collect();
    // The run gives the shop production's three replicas, and its payments two.
    assert_eq!(
        told,
        [
            "payments: replicas: production 3, test 2",
            "payments: priorityClass: production high, test low",
            "shop: priorityClass: production high, test low; waived until 2026-11-24: a test",
        ]
    );
    let states: Vec<WaiverState> = kept.waivers.iter().map(|judged| judged.state).collect();
    assert_eq!(states, [WaiverState::Applied, WaiverState::Expired]);
    let summary = "3 differences from production, 1 of them waived, 1 of severity error; 1 waiver expired";
    assert_eq!(event(&view, summary), Some(Level::Warning), "{:?}", view.events);
}

#[tokio::test(start_paused = true)]
async fn a_look_that_fails_is_a_note_and_the_run_goes_on() {
    type Wrap = fn(Ports) -> Ports;
    let readers: [(Wrap, &str); 3] = [
        (|ports| with(Reader::Refuses, ports), "pods may not be listed"),
        (|ports| with(Reader::Hangs, ports), "not read within 1m"),
        (|ports| with(Reader::Panics, ports), "it panicked: it has a bug"),
    ];
    for (wrap, why) in readers {
        let (view, kept, _) = run(&Bed::healthy().wrapped(wrap)).await;
        assert_eq!((kept.applications, kept.notes.as_slice()), (0, &[why.to_owned()][..]));
        let told = format!("not compared with production; {why}");
        assert_eq!(event(&view, &told), Some(Level::Warning), "{:?}", view.events);
    }
}

#[tokio::test(start_paused = true)]
async fn an_environment_without_production_says_so_in_its_report_and_bothers_nobody() {
    let (view, kept, _) = run(&Bed::healthy()).await;
    assert_eq!(kept.incomparable.as_deref(), Some("nothing in the environment tells what production is like"));
    assert_eq!(event(&view, "not compared"), None);
}

#[tokio::test(start_paused = true)]
async fn a_journal_of_before_there_were_reports_still_tells_its_run() {
    let bed = Bed::healthy();
    let view = bed.run().await;
    let mut journal = serde_json::to_value(bed.journal(&view.id).await).unwrap();
    for record in journal.as_array_mut().unwrap() {
        if let Some(of) = record["event"].get_mut("of").and_then(serde_json::Value::as_object_mut) {
            of.remove("parity");
            of.remove("waivers");
        }
    }
    let old = RunView::of(&view.id, &serde_json::from_value::<Vec<_>>(journal).unwrap()).unwrap();
    assert_eq!((old.parity, old.verdict), (None, view.verdict));
}
