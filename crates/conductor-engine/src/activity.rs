//! What is done while a run is in one state: a stream of events, whose work is cancelled by dropping it.
//!
//! Which activity belongs to which commands is said here; the work itself is in the files below.

mod change;
mod check;
mod checking;
mod context;
mod guard;
mod layout;
mod load;
mod look;
mod mocks;
mod monitoring;
mod outside;
mod parity;
mod recheck;
mod rehearse;
mod restore;
mod sentry;
mod sweep;
mod workers;

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use conductor_core::app::ApplicationId;
use conductor_core::failure::{Failure, FailureKind};
use conductor_core::guard::{Drift, DriftPolicy};
use conductor_core::load::LoadSetting;
use conductor_core::phase::{Changes, Command, Deadlines, Event, State};
use conductor_core::run::{Created, RunId};
use conductor_core::scale::ScaleStep;
use futures::future::{BoxFuture, FutureExt};
use tokio::sync::{mpsc, watch};
use tracing::{Instrument, Span};

use crate::options::EngineOptions;
use crate::progress::Board;
use crate::spans::Spans;
use conductor_core::ports::{Clock, Ports};
use context::Context;

pub(crate) use check::look_around;
pub(crate) use context::Surroundings;
pub(crate) use guard::{keep, take_over};
pub(crate) use layout::sight;
pub(crate) use parity::{report, sides};

/// Events that wait for the journal; the work waits when there are more.
const WAITING_EVENTS: usize = 4;

/// The work of one state.
pub(crate) struct Activity {
    work: Option<BoxFuture<'static, Event>>,
    events: mpsc::Receiver<Event>,
    orders: Option<Orders>,
    /// The phase it belongs to.
    span: Span,
}

/// What the core says to load that goes on.
struct Orders {
    setting: watch::Sender<LoadSetting>,
    workers: watch::Sender<Option<ScaleStep>>,
    revert: watch::Sender<Vec<Drift>>,
}

/// What every activity of a run needs.
#[derive(Clone)]
pub(crate) struct Equipment {
    pub(crate) run: RunId,
    pub(crate) created: Arc<Created>,
    pub(crate) ports: Ports,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: EngineOptions,
    /// Tells whoever looks how far rollouts and scaling are.
    pub(crate) board: Arc<Board>,
    pub(crate) spans: Arc<Spans>,
}

impl Activity {
    /// The activity that performs the commands of a state.
    pub(crate) fn begin(equipment: &Equipment, state: &State, commands: &[Command]) -> Self {
        // Whatever was waited for before is not waited for any more.
        equipment.board.begin("", 0);
        let (sender, events) = mpsc::channel(WAITING_EVENTS);
        let context = Arc::new(Context::new(equipment.clone(), sender));
        let limit = Deadlines::of(&equipment.created.spec).limit(state).map(conductor_core::units::Span::as_duration);
        let span = equipment.spans.phase(state.phase());
        let mut activity = Self { work: None, events, orders: None, span };
        for command in commands {
            activity.perform(&context, state, command, limit);
        }
        activity
    }

    /// Takes commands that belong to the activity that is already going on; false when they need a new one.
    pub(crate) fn take(&self, commands: &[Command]) -> bool {
        match (commands, &self.orders) {
            ([Command::SetLoad(setting)], Some(orders)) => {
                orders.setting.send_replace(setting.clone());
                true
            }
            ([Command::SetLoad(setting), Command::ScaleWorkers(step)], Some(orders)) => {
                orders.workers.send_replace(Some(step.clone()));
                orders.setting.send_replace(setting.clone());
                true
            }
            ([Command::Revert(drifts)], Some(orders)) => {
                orders.revert.send_replace(drifts.clone());
                true
            }
            _ => false,
        }
    }

    /// The next thing that happened. Waits for ever once the work is done.
    pub(crate) async fn next(&mut self) -> Event {
        let Some(work) = &mut self.work else {
            return match self.events.recv().await {
                Some(event) => event,
                None => std::future::pending().await,
            };
        };
        tokio::select! {
            biased;
            Some(event) = self.events.recv() => event,
            last = work => {
                self.work = None;
                // What the work told before its end comes before its end.
                match self.events.try_recv() {
                    Ok(event) => {
                        self.work = Some(std::future::ready(last).boxed());
                        event
                    }
                    Err(_) => last,
                }
            }
        }
    }

    fn perform(&mut self, context: &Arc<Context>, state: &State, command: &Command, limit: Option<Duration>) {
        let context = Arc::clone(context);
        let work: BoxFuture<'static, Event> = match command {
            Command::Start => std::future::ready(Event::Started).boxed(),
            Command::Check => limited(Arc::clone(&context), "check", limit, check::check(context).boxed()),
            Command::RecordBaseline => {
                limited(Arc::clone(&context), "record the baseline", limit, check::record(context).boxed())
            }
            Command::Freeze => {
                let Changes { baseline, plan } = state.changes().cloned().unwrap_or_default();
                limited(
                    Arc::clone(&context),
                    "freeze",
                    limit,
                    guard::freeze(context, baseline, plan.scale_steps).boxed(),
                )
            }
            Command::Thaw => limited(Arc::clone(&context), "thaw", limit, guard::thaw(context).boxed()),
            Command::RollOut(rollouts) => {
                let work = change::roll_out(Arc::clone(&context), rollouts.clone()).boxed();
                limited(context, "roll out", limit, work)
            }
            Command::Scale(steps) => {
                let work = change::scale(Arc::clone(&context), steps.clone()).boxed();
                let scaled = limited(Arc::clone(&context), "scale", limit, work);
                layout::once_scaled(context, scaled).boxed()
            }
            Command::ProveMocks => {
                limited(Arc::clone(&context), "prove the mocks", limit, mocks::prove(context).boxed())
            }
            Command::Rehearse => rehearse::rehearse(context, limit).boxed(),
            Command::SetLoad(setting) => {
                self.orders = Some(Orders {
                    setting: watch::Sender::new(setting.clone()),
                    workers: watch::Sender::new(None),
                    revert: watch::Sender::new(Vec::new()),
                });
                return;
            }
            Command::Revert(drifts) => {
                if let Some(orders) = &self.orders {
                    orders.revert.send_replace(drifts.clone());
                }
                return;
            }
            Command::ScaleWorkers(step) => {
                if let Some(orders) = &self.orders {
                    orders.workers.send_replace(Some(step.clone()));
                }
                return;
            }
            Command::Measure => {
                let (Some(load), Some(changes), Some(orders)) = (state.load(), state.changes(), &self.orders) else {
                    return;
                };
                let sentry = sentry::watch(Arc::clone(&context), changes, &load.drifts, orders.revert.subscribe());
                let workers = workers::follow(Arc::clone(&context), orders.workers.subscribe());
                let layout = layout::watch(Arc::clone(&context), load);
                let load = load::generate(context, load, orders.setting.subscribe());
                async move {
                    tokio::select! {
                        biased;
                        event = load => event,
                        never = workers => match never {},
                        never = sentry => match never {},
                        never = layout => match never {},
                    }
                }
                .boxed()
            }
            Command::StopLoad => {
                let work = load::stop(Arc::clone(&context)).boxed();
                limited(context, "stop the load", limit, work)
            }
            Command::Restore(changes) => {
                let drifts = state.ending().map(|ending| ending.drifts.as_slice()).unwrap_or_default();
                // What could not be put back may have been so in part.
                let reverts = context.created.drift_policy == DriftPolicy::Revert;
                let reverted = drifts.iter().filter(|_| reverts).map(|drift| drift.application.clone());
                let reverted: BTreeSet<ApplicationId> = reverted.collect();
                let work = restore::restore(Arc::clone(&context), changes.clone(), reverted).boxed();
                limited(context, "put back", limit, work)
            }
            Command::Recheck(back) => {
                let look = recheck::recheck(Arc::clone(&context), back.clone()).boxed();
                let look = limited(Arc::clone(&context), "look whether everything stays as it was", limit, look);
                // The limit is of the look and not of the time before it.
                let at = back.at;
                async move {
                    recheck::wait(&context, at).await;
                    look.await
                }
                .boxed()
            }
            Command::RestoreAgain(back) => {
                let work = restore::restore_again(Arc::clone(&context), back.clone()).boxed();
                limited(context, "put back again", limit, work)
            }
            Command::CleanUp => sweep::clean_up(context, limit).boxed(),
        };
        let work = unpanicking(work).map(|event| event.unwrap_or_else(Event::Failed));
        self.work = Some(work.instrument(self.span.clone()).boxed());
    }
}

/// Work that fails when it takes longer than its limit.
fn limited(
    context: Arc<Context>,
    activity: &'static str,
    limit: Option<Duration>,
    work: BoxFuture<'static, Event>,
) -> BoxFuture<'static, Event> {
    let Some(limit) = limit else { return work };
    async move {
        tokio::select! {
            biased;
            event = work => event,
            () = context.clock.sleep(limit) => Event::Failed(Failure {
                activity: activity.to_owned(),
                kind: FailureKind::TimedOut,
                message: context.overdue(limit),
            }),
        }
    }
    .boxed()
}

/// A panic in an adapter must not end the run's task: the environment would stay scaled up.
async fn unpanicking<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|panic| {
        let told = panic.downcast_ref::<&str>().map(ToString::to_string);
        let message = told.or_else(|| panic.downcast_ref::<String>().cloned());
        Failure {
            activity: "work through a port".to_owned(),
            kind: FailureKind::Rejected,
            message: format!("it panicked: {}", message.unwrap_or_else(|| "without a message".to_owned())),
        }
    })
}
