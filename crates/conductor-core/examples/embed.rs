//! Embeds the domain in a program of one's own: a spec is read, a scope resolved, a run stepped by hand, and the
//! control law asked for advice against a model of two lines. Nothing here waits, and nothing is called.
//!
//! `cargo run -p conductor-core --example embed`
#![expect(clippy::disallowed_macros, reason = "an example tells its story; the library under it still says nothing")]

use std::collections::BTreeMap;
use std::error::Error;

use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::guard::Guarded;
use conductor_core::load::{GeneratorFacts, GeneratorStatus, KpiSample};
use conductor_core::phase::{Event, Measurement, State};
use conductor_core::ports::Production;
use conductor_core::release::Release;
use conductor_core::restore::ForeignPolicy;
use conductor_core::run::{Created, Record, Run};
use conductor_core::scale::Observed;
use conductor_core::spec::LoadTestSpec;
use conductor_core::view::RunView;
use jiff::{SignedDuration, Timestamp};

/// Orders that one user places in a minute; the control law has to find it out.
const ORDERS_PER_USER_MIN: f64 = 6.0;

fn main() -> Result<(), Box<dyn Error>> {
    let spec: LoadTestSpec = serde_json::from_value(serde_json::json!({
        "apiVersion": "loadtest-conductor.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": { "name": "embedded" },
        "spec": {
            "environment": "shop",
            "kpi": { "name": "orders", "target": "600/min" },
            "rampUp": "5m",
            "plateau": "5m"
        }
    }))?;
    let shop: ApplicationId = "shop".parse()?;
    let scope = spec.scope(std::slice::from_ref(&shop))?;
    println!("{}: {} of {} in a load of {}", spec.name, spec.target, spec.kpi, spec.load_time());

    let environment = serde_json::Value::Null;
    let created = Created::new(spec, scope, ForeignPolicy::Report, environment);
    let mut story = Story::begin(created, "2026-11-24T14:00:00Z".parse()?)?;
    let production = Production::new(Release::single("v2"), Allocation::of_replicas(3));
    let present = Observed::new(Release::single("v1"), Allocation::of_replicas(1));
    let generator =
        GeneratorFacts { version: "a model".to_owned(), workers: None, counting: "exact".to_owned(), by_name: false };
    story.tell(1, Event::Started)?;
    story.tell(
        1,
        Event::PreflightPassed { production: BTreeMap::from([(shop.clone(), production)]), generator, parity: None },
    )?;
    story.tell(1, Event::BaselineRecorded { baseline: BTreeMap::from([(shop, present)]) })?;
    story.tell(15, Event::Frozen { guarded: Guarded::Alone })?;
    story.tell(20, Event::Deployed)?;
    story.tell(10, Event::ScaledUp)?;
    let first = sample(story.now, story.now, 1);
    story.tell(9, Event::Rehearsed { sample: first })?;
    let mut running = 1;
    while let State::GeneratingLoad { load, .. } = &story.run.state {
        let (users, from) = (load.advice.users, load.measured_to);
        // Users are started over the whole minute, so that their mean is what counts.
        let orders = ((running + users) as f64 / 2.0 * ORDERS_PER_USER_MIN).round() as u64;
        running = users;
        let to = story.now + SignedDuration::from_secs(60);
        let generator = GeneratorStatus { users, workers: None, cpu_percent: None, marks: Vec::new() };
        let measurement = Measurement::new(Some(sample(from, to, orders)), Some(generator));
        println!("      {users} users place {orders} orders a minute");
        story.tell(60, Event::Measured(Box::new(measurement)))?;
    }
    story.tell(1, Event::LoadStopped)?;
    story.tell(20, Event::Restored { found: BTreeMap::new(), foreign: Vec::new(), failures: Vec::new() })?;
    story.tell(1, Event::CleanedUp { deleted: Vec::new(), failures: Vec::new() })?;

    let view = RunView::of(&"embedded-1".parse()?, &story.journal)?;
    let verdict = view.verdict.ok_or("a finished run has a verdict")?;
    println!("{}, with exit code {}", verdict.outcome, verdict.exit_code());
    Ok(())
}

fn sample(from: Timestamp, to: Timestamp, count: u64) -> KpiSample {
    KpiSample {
        from,
        to,
        count: Some(count),
        requests: 5 * count,
        failures: 0,
        latency: None,
        responses: None,
        marks: Vec::new(),
    }
}

/// A run, its journal and the time.
struct Story {
    run: Run,
    journal: Vec<Record>,
    now: Timestamp,
}

impl Story {
    fn begin(created: Created, now: Timestamp) -> Result<Self, Box<dyn Error>> {
        let first = Record { revision: 1, at: now, event: Event::Created(Box::new(created)) };
        Ok(Self { run: Run::begin(&first)?, journal: vec![first], now })
    }

    /// Lets an event happen so many seconds later, and says what it led to.
    fn tell(&mut self, seconds: i64, event: Event) -> Result<(), Box<dyn Error>> {
        self.now += SignedDuration::from_secs(seconds);
        let record = Record { revision: self.run.revision + 1, at: self.now, event };
        let before = self.run.state.name();
        let commands = self.run.apply(&record)?;
        if self.run.state.name() != before {
            println!("{:>4}  {} -> {}: {} command(s)", record.revision, before, self.run.state.name(), commands.len());
        }
        self.journal.push(record);
        Ok(())
    }
}
