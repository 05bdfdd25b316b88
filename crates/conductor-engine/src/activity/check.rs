//! Looking, before anything is changed: the checks, and the baseline.

use std::collections::BTreeMap;
use std::sync::Arc;

use conductor_core::app::ApplicationId;
use conductor_core::capacity::Shortage;
use conductor_core::failure::{Failure, FailureKind, PortError};
use conductor_core::layout::LayoutMoment;
use conductor_core::load::GeneratorFacts;
use conductor_core::phase::{Event, Level};
use conductor_core::ports::{LeftBehind, Ports, Production, TestDataStore};
use conductor_core::run::{Created, RunId};
use conductor_core::scale::Plan;

use super::context::{Context, Shared, Surroundings, joined, merged};
use super::{layout, monitoring, parity};

/// Checks everything the run needs and tells all that is missing at once.
pub(super) async fn check(context: Shared) -> Event {
    let patience = context.options.retry.check_patience;
    let (applications, under_test) = (context.applications(), context.created.under_test());
    let ports = &context.ports;
    let since = context.clock.now();
    let (generator, production, present, left, kpi, data, sides, ()) = futures::join!(
        context.retry(patience, || ports.generator.check()),
        context.retry(patience, || ports.releases.production(&under_test)),
        context.observe_before(&applications, patience),
        context.retry(patience, || ports.scaler.left_behind(&applications)),
        context.retry(patience, || ports.kpi.sample(&context.run, since)),
        stores(&context),
        parity::look(&context),
        layout::look(&context, LayoutMoment::Preflight),
    );
    let mut failures = Vec::new();
    let fit = |facts: GeneratorFacts| match context.created.unfit(&facts) {
        Some(unfit) => Err(PortError::new(FailureKind::Rejected, unfit)),
        None => Ok(facts),
    };
    let generator: Option<GeneratorFacts> = keep(generator.and_then(fit), "check the load generator", &mut failures);
    let production: Option<BTreeMap<ApplicationId, Production>> = keep(production, "read production", &mut failures);
    let present = keep(present, "look at the environment", &mut failures);
    keep(left.and_then(nothing), "look for what other runs have left", &mut failures);
    keep(kpi, &format!("measure {}", context.created.spec.kpi), &mut failures);
    failures.extend(data);
    // What no plan can be made of is told by the plan.
    let plan = production.as_ref().zip(present.as_ref());
    let plan =
        plan.and_then(|(production, present)| context.created.plan(production, present).ok()).unwrap_or_default();
    let (tried, short, figures, saturation) = futures::join!(
        context.retry(patience, || ports.deployer.try_out(&context.run, &plan.rollouts)),
        shortages(&context, &plan),
        monitoring::check_figures(&context),
        monitoring::check_saturation(&context),
    );
    keep(tried, "try out the rollouts", &mut failures);
    keep(figures, "check the figures of the objectives", &mut failures);
    keep(saturation, "read the saturation of the applications", &mut failures);
    failures.extend(short);
    let parity = parity::report(sides, &context.created, &plan, context.clock.now());
    match (merged("check", failures), production, generator) {
        (None, Some(production), Some(generator)) => {
            Event::PreflightPassed { production, generator, parity: Some(Box::new(parity)) }
        }
        (failure, _, _) => Event::Failed(failure.unwrap_or_else(|| unreachable!("what is absent has failed"))),
    }
}

/// Looks whether there is room for what the run will ask for. What may still be got is a warning only.
async fn shortages(context: &Context, plan: &Plan) -> Vec<Failure> {
    let Some(capacity) = &context.ports.capacity else { return Vec::new() };
    let patience = context.options.retry.check_patience;
    match context.retry(patience, || capacity.shortages(&plan.scale_steps)).await {
        Ok(found) => {
            let (last, passing): (Vec<_>, Vec<_>) = found.into_iter().partition(|shortage| shortage.is_final);
            for shortage in passing {
                context.note(Level::Warning, shortage.message).await;
            }
            let failure = |shortage: Shortage| Failure {
                activity: "look for room".to_owned(),
                kind: FailureKind::Rejected,
                message: shortage.message,
            };
            last.into_iter().map(failure).collect()
        }
        Err(error) => vec![Failure::of("look for room", &error)],
    }
}

/// Refuses what another run has changed: it would be taken for what is to be put back.
fn nothing(left: BTreeMap<RunId, LeftBehind>) -> Result<(), PortError> {
    if left.is_empty() {
        return Ok(());
    }
    let told = left.iter().map(|(run, LeftBehind { changes, alive_until, .. })| {
        let names: Vec<&str> = changes.plan.applications().into_iter().map(ApplicationId::as_str).collect();
        let life = alive_until.map_or_else(String::new, |until| {
            format!(" (its conductor may live: it has until {until:.0} to say so)")
        });
        let names = names.join(", ");
        format!(
            "run {run} has left its changes at {names}{life}; conductor restore {run} --from-cluster --settings FILE puts back \
             what was before"
        )
    });
    Err(PortError::new(FailureKind::Rejected, told.collect::<Vec<_>>().join("; ")))
}

/// Records what the environment is.
pub(super) async fn record(context: Shared) -> Event {
    match context.observe_before(&context.applications(), context.options.retry.check_patience).await {
        Ok(baseline) => Event::BaselineRecorded { baseline },
        Err(error) => Event::Failed(Failure::of("record the baseline", &error)),
    }
}

/// What production and the environment are, without retries. What another run has left there is refused.
pub(crate) async fn look_around(
    ports: &Ports,
    created: &Created,
    applications: &[ApplicationId],
) -> Result<(BTreeMap<ApplicationId, Production>, Surroundings), Vec<PortError>> {
    let under_test = created.under_test();
    let (production, deployed, allocated, left) = futures::join!(
        ports.releases.production(&under_test),
        ports.deployer.deployed(applications),
        ports.scaler.allocated(applications),
        ports.scaler.left_behind(applications),
    );
    match (production, deployed, allocated, left.and_then(nothing)) {
        (Ok(production), Ok(deployed), Ok(allocated), Ok(())) => Ok((production, joined(deployed, &allocated))),
        (production, deployed, allocated, left) => {
            let failures = [production.err(), deployed.err(), allocated.err(), left.err()];
            Err(failures.into_iter().flatten().collect())
        }
    }
}

/// Looks whether every store of test data answers and is as declared.
async fn stores(context: &Context) -> Vec<Failure> {
    let patience = context.options.retry.check_patience;
    let checks = context.ports.test_data.iter().map(|store: &Arc<dyn TestDataStore>| async move {
        let checked = context.retry(patience, || store.check()).await;
        checked.err().map(|error| Failure::of(format!("look into test data store {}", store.name()), &error))
    });
    futures::future::join_all(checks).await.into_iter().flatten().collect()
}

fn keep<T>(result: Result<T, PortError>, activity: &str, failures: &mut Vec<Failure>) -> Option<T> {
    result.map_err(|error| failures.push(Failure::of(activity, &error))).ok()
}
