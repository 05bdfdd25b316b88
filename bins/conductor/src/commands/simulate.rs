//! `simulate`: a load test against a model, with the same engine, display and summary as a real one, on a clock that
//! jumps over every wait. Comparing algorithms is in `trials`, judging the law by its goals in `goals`, and
//! what verdicts are worth in `verdicts`.

mod goals;
mod models;
mod staged;
mod trials;
mod verdicts;

use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;
use conductor_core::ports::{Clock, PortError, Ports, ProgressSink};
use conductor_core::restore::ForeignPolicy;
use conductor_core::run::Created;
use conductor_core::spec::{LoadTestDocument, LoadTestSpec, SpecError};
use conductor_core::view::RunView;
use conductor_engine::{Conductor, EngineOptions, PortsFactory, TokioClock};
use conductor_sim::{MemoryStore, SimEnvironment};
use conductor_wiring::read_load_test;
use futures::StreamExt;
use jiff::Timestamp;
use tokio::runtime::Builder;

use crate::args::{Output, Simulated};
use crate::exit::{FAILED, Failed};
use crate::out;
use crate::session::write;
use crate::show;
use crate::show::display::Display;

pub(crate) use verdicts::Judged;

/// Runs a load test against a model.
pub(super) fn simulate(simulated: &Simulated, output: Output) -> Result<u8, Failed> {
    if simulated.goals {
        return goals::judge_goals(&simulated.trials, output);
    }
    if simulated.verdicts {
        return verdicts::judge_runs(&simulated.trials, output);
    }
    if simulated.score || simulated.plot.is_some() {
        return trials::compare(simulated, output);
    }
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().map_err(Failed::because)?;
    let view = runtime.block_on(run(simulated, output))?;
    if let Some(file) = &simulated.report {
        write(file, &conductor_web::report(&view).map_err(Failed::because)?)?;
    }
    match output {
        Output::Json => out::json(&view)?,
        Output::Text => out::answer(&format!("\n{}", show::summary(&view)))?,
    }
    Ok(view.verdict.as_ref().map_or(FAILED, conductor_core::verdict::Verdict::exit_code))
}

async fn run(simulated: &Simulated, output: Output) -> Result<RunView, Failed> {
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::starting_at(Timestamp::now()));
    let plant = models::model(&simulated.plant)?;
    let own = models::own_load_test(&plant)?;
    let world = SimEnvironment::new(plant, Arc::clone(&clock)).map_err(Failed::input)?;
    let created = declare(simulated, own, &world)?;
    let store = Arc::new(MemoryStore::default());
    let conductor = Conductor::new(store.clone(), store, Arc::new(Model(world)), clock, EngineOptions::default());
    let run = conductor.start(created).await.map_err(Failed::because)?;
    let mut display = Display::choose(output);
    let mut views = pin!(conductor.watch(&run).await.map_err(Failed::because)?);
    let mut last = None;
    while let Some(view) = views.next().await {
        display.show(&view);
        last = Some(view);
    }
    last.ok_or_else(|| Failed::with(FAILED, "the run ended before it could be seen"))
}

/// The load test that is written, or the model's own. A model has every environment and every KPI; only its
/// applications have names.
fn declare(simulated: &Simulated, own: LoadTestDocument, world: &SimEnvironment) -> Result<Created, Failed> {
    let (document, written) = match &simulated.load_test {
        Some(file) => {
            let written = read_load_test(file).map_err(Failed::input)?;
            (written.value.clone(), Some(written))
        }
        None => (own, None),
    };
    let refused = |error: SpecError| match &written {
        Some(written) => Failed::input(written.refuse(&error.violations)),
        None => Failed::input(error),
    };
    let spec = LoadTestSpec::try_from(document).map_err(refused)?;
    let scope = spec.scope(&world.catalogue()).map_err(refused)?;
    spec.check_workers(&world.applications()).map_err(refused)?;
    Ok(Created::new(spec, scope, ForeignPolicy::Report, serde_json::Value::Null))
}

/// The ports of a model world.
struct Model(SimEnvironment);

#[async_trait]
impl PortsFactory for Model {
    async fn connect(&self, _: &Created, _epoch: u64, _: Arc<dyn ProgressSink>) -> Result<Ports, PortError> {
        Ok(Ports { guard: None, ..self.0.ports() })
    }
}
