//! One step of the phase machine. The aim is below 1 µs; `measured` is an interval without a sample, since what the
//! control law pays to learn from one is what `ramp_step` measures.

use std::hint::black_box;

use conductor_core::load::KpiSample;
use conductor_core::phase::{Cause, Changes, Ending, Event, Level, Load, Measurement, Note, State, step};
use conductor_core::restore::ForeignPolicy;
use conductor_core::run::Created;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use jiff::Timestamp;

fn created() -> Created {
    let spec = serde_json::json!({
        "apiVersion": "loadtest-conductor.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": { "name": "bench" },
        "spec": {
            "environment": "shop",
            "kpi": { "name": "orders", "target": "7200/min" },
            "rampUp": "30m",
            "plateau": "90m"
        }
    });
    let spec = serde_json::from_value(spec).expect("the spec is valid");
    Created::new(spec, Vec::new(), ForeignPolicy::Report, serde_json::Value::Null)
}

fn phase_step(criterion: &mut Criterion) {
    let created = created();
    let at = Timestamp::from_second(600).expect("it is a time");
    let changes = || Changes { baseline: Default::default(), plan: Default::default() };
    let rehearsal = KpiSample {
        from: Timestamp::UNIX_EPOCH,
        to: at,
        count: Some(1),
        requests: 3,
        failures: 0,
        latency: None,
        responses: None,
        marks: Vec::new(),
    };
    let load = || Box::new(Load::begin(&created, &changes(), at, &rehearsal, &[]));
    let note = Note { level: Level::Info, message: "so".to_owned() };
    let measured = Event::Measured(Box::new(Measurement::new(None, None)));
    let cases = [
        ("started", State::Accepted, Event::Started),
        ("scaled_up", State::ScalingUp { changes: changes() }, Event::ScaledUp),
        ("noted", State::GeneratingLoad { changes: changes(), load: load() }, Event::Noted(note)),
        (
            "load_stopped",
            State::StoppingLoad { changes: changes(), ending: Ending::because(Cause::Completed) },
            Event::LoadStopped,
        ),
        ("measured", State::GeneratingLoad { changes: changes(), load: load() }, measured),
    ];
    for (name, state, event) in cases {
        criterion.bench_function(&format!("phase_step/{name}"), |bencher| {
            bencher.iter_batched(
                || state.clone(),
                |state| step(black_box(&created), state, at, black_box(&event)),
                BatchSize::SmallInput,
            );
        });
    }
}

criterion_group!(benches, phase_step);
criterion_main!(benches);
