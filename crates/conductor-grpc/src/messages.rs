//! Runs and what happens to them as messages. What nobody reads by field goes as the JSON that it has everywhere else.

use conductor_core::links::Link;
use conductor_core::load::Latency;
use conductor_core::phase::{Level, Phase};
use conductor_core::ports::RunSummary;
use conductor_core::responses::ResponseCodes;
use conductor_core::run::Waits;
use conductor_core::verdict::{Evidence, Outcome, Verdict};
use conductor_core::view::{EventView, PhaseView, RunView, Tick, Update};
use conductor_proto::v1;
use jiff::Timestamp;

use crate::values::object;

type Said<T> = Result<T, serde_json::Error>;

/// A whole run.
pub(crate) fn run(view: &RunView) -> Said<v1::Run> {
    Ok(v1::Run {
        id: view.id.to_string(),
        name: view.name.clone(),
        environment: view.environment.clone(),
        kpi: view.kpi.clone(),
        target_per_min: view.target_per_min,
        phase: phase(view.phase).into(),
        state: view.state.clone(),
        revision: view.revision,
        created_at: Some(time(view.created_at)),
        updated_at: Some(time(view.updated_at)),
        load_started: view.load_started.map(time),
        phases: view.phases.iter().map(progress).collect(),
        ticks: view.ticks.iter().map(tick).collect::<Said<_>>()?,
        events: view.events.iter().map(event).collect(),
        applications: view.applications.iter().map(object).collect::<Said<_>>()?,
        ending: view.ending.as_ref().map(object).transpose()?,
        verdict: view.verdict.as_ref().map(verdict).transpose()?,
        waits: view.waits.as_ref().map(waits),
        links: view.links.iter().map(link).collect(),
    })
}

/// What one record has changed.
pub(crate) fn update(update: &Update) -> Said<v1::WatchLoadTestResponse> {
    Ok(v1::WatchLoadTestResponse {
        revision: update.revision,
        at: Some(time(update.at)),
        phase: phase(update.phase).into(),
        state: update.state.clone(),
        entered: update.entered.is_some(),
        tick: update.tick.as_ref().map(tick).transpose()?,
        events: update.events.iter().map(event).collect(),
        verdict: update.verdict.as_ref().map(verdict).transpose()?,
    })
}

/// One run of a list.
pub(crate) fn summary(summary: &RunSummary) -> v1::RunSummary {
    v1::RunSummary {
        id: summary.id.to_string(),
        name: summary.name.clone(),
        environment: summary.environment.clone(),
        created_at: Some(time(summary.created)),
        finished: summary.finished,
        waiting: summary.waiting.map(|waiting| waiting.to_string()).unwrap_or_default(),
    }
}

fn waits(waits: &Waits) -> v1::Waits {
    v1::Waits { run: waits.run.as_ref().map(ToString::to_string).unwrap_or_default(), replaces: waits.replaces }
}

fn link(link: &Link) -> v1::Link {
    v1::Link { title: link.title.clone(), url: link.url.clone() }
}

fn progress(view: &PhaseView) -> v1::PhaseProgress {
    v1::PhaseProgress {
        phase: phase(view.phase).into(),
        started: view.started.map(time),
        ended: view.ended.map(time),
        failure: view.failure.clone(),
    }
}

fn tick(tick: &Tick) -> Said<v1::Tick> {
    // Without `..`: whoever adds a field says here whether callers are told of it.
    let Tick {
        at_s,
        from_s,
        to_s,
        count,
        kpi_per_min,
        set_point_per_min,
        users,
        users_wanted,
        workers,
        requests,
        failures,
        latency: times,
        responses: codes,
        cpu_percent,
        marks,
        advice,
        mocks,
        cross,
        // What objectives are judged by; what was found of them is in the verdict.
        requests_by_name: _,
        figures: _,
        saturation,
        broken_slos,
    } = tick;
    Ok(v1::Tick {
        at_s: *at_s,
        from_s: *from_s,
        to_s: *to_s,
        count: *count,
        kpi_per_min: *kpi_per_min,
        set_point_per_min: *set_point_per_min,
        users: *users,
        users_wanted: *users_wanted,
        workers: *workers,
        requests: *requests,
        failures: *failures,
        latency: times.map(latency),
        responses: codes.iter().flat_map(responses).collect(),
        cpu_percent: *cpu_percent,
        marks: marks.iter().map(ToString::to_string).collect(),
        advice: advice.as_ref().map(object).transpose()?,
        broken_slos: broken_slos.clone(),
        mocks: mocks.iter().map(object).collect::<Said<_>>()?,
        cross: cross.as_ref().map(object).transpose()?,
        saturation: saturation.as_ref().map(object).transpose()?,
    })
}

fn latency(latency: Latency) -> v1::Latency {
    let Latency { mean_ms, p50_ms, p95_ms, p99_ms } = latency;
    v1::Latency { mean_ms, p50_ms, p95_ms, p99_ms }
}

fn responses(codes: &ResponseCodes) -> impl Iterator<Item = v1::Responses> {
    codes.iter().map(|(code, count)| v1::Responses { code: code.into(), count })
}

fn event(event: &EventView) -> v1::Event {
    let level = match event.level {
        Level::Info => v1::Level::Info,
        Level::Warning => v1::Level::Warning,
    };
    v1::Event { at: Some(time(event.at)), level: level.into(), message: event.message.clone() }
}

fn verdict(verdict: &Verdict) -> Said<v1::Verdict> {
    let cause = |cause: &conductor_core::verdict::VerdictCause| v1::VerdictCause {
        outcome: outcome(cause.outcome).into(),
        code: cause.code.clone(),
        message: cause.message.clone(),
        evidence: cause.evidence.iter().map(evidence).collect(),
        advice: cause.advice.clone(),
    };
    Ok(v1::Verdict {
        outcome: outcome(verdict.outcome).into(),
        restored: verdict.restored,
        causes: verdict.causes.iter().map(cause).collect(),
        holds: verdict.holds.iter().map(object).collect::<Said<_>>()?,
        slos: verdict.slos.iter().map(object).collect::<Said<_>>()?,
    })
}

fn evidence(evidence: &Evidence) -> v1::Evidence {
    let Evidence { what, value, limit, unit, from_s, to_s, source } = evidence.clone();
    v1::Evidence { what, value, limit, unit, from_s, to_s, source }
}

const fn outcome(outcome: Outcome) -> v1::Outcome {
    match outcome {
        Outcome::Passed => v1::Outcome::Passed,
        Outcome::Warned => v1::Outcome::Warned,
        Outcome::Failed => v1::Outcome::Failed,
        Outcome::Cancelled => v1::Outcome::Cancelled,
        Outcome::Invalid => v1::Outcome::Invalid,
    }
}

const fn phase(phase: Phase) -> v1::Phase {
    match phase {
        Phase::Prepare => v1::Phase::Prepare,
        Phase::Deploy => v1::Phase::Deploy,
        Phase::ScaleUp => v1::Phase::ScaleUp,
        Phase::GenerateLoad => v1::Phase::GenerateLoad,
        Phase::ScaleDown => v1::Phase::ScaleDown,
        Phase::CleanUp => v1::Phase::CleanUp,
        Phase::Finished => v1::Phase::Finished,
    }
}

fn time(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}
