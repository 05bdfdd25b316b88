//! Searches for the highest KPI, as whole runs.

use std::time::Duration;

use conductor_core::phase::{Event, Retarget};
use conductor_core::ports::{RunRequest, RunRequests};
use conductor_core::search::{Search, SearchEnd};
use conductor_core::verdict::Outcome;
use conductor_core::view::RunView;
use conductor_engine::{Recovery, UpdateError};
use serde_json::json;

use crate::bed::{Bed, died_after, outcome, over, until, verdict};

/// A bed whose test searches from 900/min to so many.
fn bed(to: &str) -> Bed {
    let mut bed = Bed::healthy();
    let mut document = serde_json::to_value(&bed.created.spec).unwrap();
    let fields = document["spec"].as_object_mut().unwrap();
    fields.retain(|name, _| !matches!(name.as_str(), "rampUp" | "plateau" | "limits"));
    fields.insert(
        "search".to_owned(),
        json!({ "from": "900/min", "to": to, "step": "20%", "hold": "30s", "rampUp": "1m" }),
    );
    bed.created.spec = serde_json::from_value(document).unwrap();
    bed
}

fn search(view: &RunView) -> &Search {
    view.search.as_ref().expect("the run is a search")
}

#[tokio::test(start_paused = true)]
async fn a_search_ends_when_it_has_found_and_tells_what() {
    let bed = bed("1e6/min");
    let view = bed.run().await;
    bed.assert_clean(&view, "searched");
    assert_eq!(search(&view).end(), Some(SearchEnd::LimitFound), "{:?}", search(&view).trials());
    assert_eq!((outcome(&view), verdict(&view).causes[0].code.as_str()), (Outcome::Passed, "limit_found"));
    let told = view.events.iter().filter(|event| event.message.contains("sustained")).count();
    assert_eq!(told, search(&view).trials().len());
    let sustained = search(&view).found().sustained.unwrap();
    assert!(sustained.level_per_min < search(&view).found().not_sustained_per_min.unwrap());
    let highest = view.profile.highest();
    assert!(view.ticks.iter().all(|tick| tick.set_point_per_min <= highest + 1e-6));
}

#[tokio::test(start_paused = true)]
async fn a_search_without_a_limit_says_how_far_it_went() {
    let bed = bed("1500/min");
    let view = bed.run().await;
    bed.assert_clean(&view, "searched");
    assert_eq!((outcome(&view), verdict(&view).causes[0].code.as_str()), (Outcome::Passed, "no_limit_seen"));
}

#[tokio::test(start_paused = true)]
async fn a_search_can_be_stopped_and_takes_no_other_target() {
    let bed = bed("1e6/min");
    let conductor = bed.conductor();
    let run = conductor.start(bed.created.clone()).await.unwrap();
    let generating = || futures::executor::block_on(conductor.get(&run)).unwrap().ticks.len() > 8;
    until("generating", generating).await;
    let change = Retarget { target: "600/min".parse().unwrap(), within: None, plateau: None };
    let refused = conductor.update(&run, change, "ops").await.unwrap_err();
    assert!(matches!(refused, UpdateError::Searches(_)), "{refused}");
    bed.store.ask(&run, &RunRequest::Retarget { change, by: "ops".to_owned() }).await.unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    conductor.stop(&run, "ops").await.unwrap();
    let view = over(&conductor, &run).await;
    bed.assert_clean(&view, "stopped");
    assert_eq!(outcome(&view), Outcome::Cancelled);
    let refused = "another target was asked for when it could not be taken";
    assert!(view.events.iter().any(|event| event.message == refused), "{:?}", view.events);
    assert!(!bed.journal(&run).await.iter().any(|record| matches!(record.event, Event::Retargeted { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_search_goes_on_after_its_conductor_has_died_at_any_record() {
    let mut revision = 1;
    loop {
        let bed = bed("1500/min");
        let Some(run) = died_after(&bed, revision, None).await else { break };
        let other = bed.conductor();
        other.recover(&run, Recovery::Continue).await.unwrap();
        let view = over(&other, &run).await;
        let context = format!("after record {revision}");
        bed.assert_clean(&view, &context);
        assert_eq!(outcome(&view), Outcome::Passed, "{context}: {:?}", verdict(&view));
        let told = RunView::of(&run, &bed.journal(&run).await).unwrap();
        assert_eq!((search(&told), &told.profile), (search(&view), &view.profile), "{context}");
        revision += 1;
    }
    assert!(revision > 25, "only {revision} records");
}
