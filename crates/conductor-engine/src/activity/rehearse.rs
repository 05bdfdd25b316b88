//! The rehearsal: one tagged user must produce the KPI once, or the run could not be valid.

use std::time::Duration;

use conductor_core::failure::{Failure, FailureKind};
use conductor_core::load::{KpiSample, LoadSetting, Tags};
use conductor_core::phase::Event;
use conductor_core::units::Span;

use super::context::Shared;
use super::outside;

/// Runs one user until the KPI is seen, unless somebody else makes it. The user goes on: the ramp begins with it.
pub(super) async fn rehearse(context: Shared, limit: Option<Duration>) -> Event {
    if let Some(failure) = outside::look(&context).await {
        return Event::Failed(failure);
    }
    let mut seen = Seen::default();
    let limit = limit.unwrap_or(Duration::MAX);
    tokio::select! {
        biased;
        event = watch(&context, &mut seen) => return event,
        () = context.clock.sleep(limit) => {}
    }
    Event::Failed(Failure {
        activity: "rehearse".to_owned(),
        kind: FailureKind::KpiUnmeasured,
        message: seen.tell(&context.created.spec.kpi, limit),
    })
}

async fn watch(context: &Shared, seen: &mut Seen) -> Event {
    const ONE: LoadSetting = LoadSetting { users: 1, spawn_rate: 1.0 };
    let since = context.clock.now();
    let tags = tags(context);
    let generator = &context.ports.generator;
    if let Err(error) = context.retry(context.options.retry.patience, || generator.set(&tags, &ONE)).await {
        return Event::Failed(Failure::of("start one user", &error));
    }
    loop {
        match context.ports.kpi.sample(&context.run, since).await {
            Ok(sample) if sample.count.is_some_and(|count| count > 0) => return Event::Rehearsed { sample },
            Ok(sample) => seen.note(&sample),
            Err(error) if error.kind.is_transient() => seen.trouble = Some(Failure::of("", &error).message),
            Err(error) => return Event::Failed(Failure::of(format!("measure {}", context.created.spec.kpi), &error)),
        }
        context.clock.sleep(context.options.rehearsal_poll).await;
    }
}

/// How every request of the run is marked.
pub(super) fn tags(context: &Shared) -> Tags {
    Tags { run: context.run.clone(), headers: context.created.spec.load.headers.clone() }
}

/// What the rehearsal saw instead of the KPI.
#[derive(Default)]
struct Seen {
    requests: u64,
    failures: u64,
    countable: bool,
    trouble: Option<String>,
}

impl Seen {
    fn note(&mut self, sample: &KpiSample) {
        self.requests = sample.requests;
        self.failures = sample.failures;
        self.countable |= sample.count.is_some();
        self.trouble = None;
    }

    fn tell(&self, kpi: &str, limit: Duration) -> String {
        let limit = Span::from(limit);
        let what = match (self.requests, self.countable) {
            (0, _) => "its user sent no request".to_owned(),
            (requests, true) => format!("{requests} requests were seen, {} of them failed", self.failures),
            (requests, false) => format!("{requests} requests were seen, but {kpi} could not be counted"),
        };
        match &self.trouble {
            Some(trouble) => format!("one user produced no {kpi} within {limit}: {what}; at last: {trouble}"),
            None => format!("one user produced no {kpi} within {limit}: {what}"),
        }
    }
}
