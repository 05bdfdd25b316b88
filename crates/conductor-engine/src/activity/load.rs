//! Generating load: set what the control law advises, and measure every interval of true time.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use conductor_core::failure::{Failure, FailureKind, PortError};
use conductor_core::load::{GeneratorStatus, KpiSample, LoadSetting};
use conductor_core::mocks::MockSight;
use conductor_core::phase::{Event, Level, Load, Measurement};
use conductor_core::requests::{NamedRequests, RequestWindow};
use conductor_core::units::Span;
use jiff::Timestamp;
use tokio::sync::watch;

use super::checking::Checking;
use super::context::Shared;
use super::monitoring::{self, Monitored};
use super::rehearse::tags;

/// The shortest time after which a generator that does not answer ends the run.
const SHORTEST_SILENCE: Duration = Duration::from_secs(60);
/// Intervals without an answer after which the generator is given up.
const SILENT_INTERVALS: u32 = 3;
/// Time between two tries to complete the last window.
const LAST_WINDOW_POLL: Duration = Duration::from_secs(1);

/// Sets the load and measures until the load is over; the last measurement is the last event.
pub(super) fn generate(
    context: Shared,
    load: &Load,
    setting: watch::Receiver<LoadSetting>,
) -> impl Future<Output = Event> + Send + use<> {
    go_on(Generation::new(context, load, setting))
}

async fn go_on(mut load: Generation) -> Event {
    loop {
        if let Err(failure) = load.apply().await {
            return Event::Failed(failure);
        }
        let due = load.next_tick();
        let last = due >= load.end;
        load.until_checked(due, last).await;
        let measurement = load.measure(last).await;
        if let Some(failure) = load.given_up() {
            return Event::Failed(failure);
        }
        if last {
            return Event::Measured(Box::new(measurement));
        }
        load.setting.mark_unchanged();
        load.context.tell(Event::Measured(Box::new(measurement))).await;
        load.answered().await;
    }
}

/// Stops all users.
pub(super) async fn stop(context: Shared) -> Event {
    let generator = &context.ports.generator;
    match context.retry(Duration::MAX, || generator.stop(&context.run)).await {
        Ok(()) => Event::LoadStopped,
        Err(error) => Event::Failed(Failure::of("stop the load", &error)),
    }
}

/// The load while it is generated.
struct Generation {
    context: Shared,
    started: Timestamp,
    end: Timestamp,
    interval: Duration,
    measured_to: Timestamp,
    requests_to: Timestamp,
    figures_to: Timestamp,
    checking: Option<Checking>,
    setting: watch::Receiver<LoadSetting>,
    monitored: Option<Monitored>,
    silent_since: Option<Timestamp>,
    told: Option<String>,
}

/// What is looked at beside the KPI, as it was answered.
struct Beside {
    generator: Result<GeneratorStatus, PortError>,
    mocks: Vec<MockSight>,
    /// `None` where no objective names requests.
    requests: Option<Result<Option<RequestWindow>, PortError>>,
}

impl Generation {
    fn new(context: Shared, load: &Load, setting: watch::Receiver<LoadSetting>) -> Self {
        let interval = context.created.spec.interval.as_duration().max(Duration::from_millis(1));
        // Whoever takes a load over does not know what its figures were before that.
        let known =
            context.clock.now().saturating_sub(interval * monitoring::KNOWN_INTERVALS).unwrap_or(Timestamp::MIN);
        Self {
            started: load.started,
            end: load.ends(),
            interval,
            measured_to: load.measured_to,
            requests_to: load.requests_to,
            figures_to: load.figures_to.max(known),
            checking: context.ports.cross_check.clone().map(|source| Checking::new(source, load.measured_to)),
            setting,
            monitored: None,
            silent_since: None,
            told: None,
            context,
        }
    }

    /// Hands the present setting to the generator; what may pass is tried again at the next tick.
    async fn apply(&mut self) -> Result<(), Failure> {
        let setting = self.setting.borrow_and_update().clone();
        let tags = tags(&self.context);
        let generator = std::sync::Arc::clone(&self.context.ports.generator);
        match self.answer("the load generator", generator.set(&tags, &setting)).await {
            Ok(()) => Ok(()),
            Err(error) if error.kind.is_transient() => {
                self.silent_since.get_or_insert(self.context.clock.now());
                self.warn(&Failure::of(format!("set {} users", setting.users), &error)).await;
                Ok(())
            }
            Err(error) => Err(Failure::of(format!("set {} users", setting.users), &error)),
        }
    }

    /// The end of the present interval, counted from the load's beginning so that no delay adds up.
    fn next_tick(&self) -> Timestamp {
        let passed = since(self.started, self.context.clock.now());
        let ticks = u32::try_from(passed.as_nanos() / self.interval.as_nanos()).unwrap_or(u32::MAX);
        let next = self.interval.saturating_mul(ticks.saturating_add(1));
        self.started.saturating_add(next).unwrap_or(Timestamp::MAX).min(self.end)
    }

    /// Waits until then, and lets the second source count and monitoring be read meanwhile: neither is ever waited for. The last
    /// time both are asked at the end.
    async fn until_checked(&mut self, time: Timestamp, last: bool) {
        if !last {
            let checking = self.checking.take();
            let (checking, monitored) = tokio::join!(self.checked(checking, time), self.monitored(time));
            (self.checking, self.monitored) = (checking, Some(monitored));
        }
        self.until(time).await;
    }

    async fn checked(&self, checking: Option<Checking>, time: Timestamp) -> Option<Checking> {
        let mut checking = checking?;
        checking.count_within(&self.context, self.until(time)).await;
        Some(checking)
    }

    async fn monitored(&self, time: Timestamp) -> Monitored {
        let at = time.saturating_sub(monitoring::ahead(&self.context)).unwrap_or(time);
        self.until(at).await;
        monitoring::look(&self.context, self.figures_to, at, since(self.context.clock.now(), time)).await
    }

    async fn until(&self, time: Timestamp) {
        // Timers and the wall clock may disagree by a little, hence the loop.
        loop {
            let left = since(self.context.clock.now(), time);
            if left.is_zero() {
                return;
            }
            self.context.clock.sleep(left).await;
        }
    }

    /// Measures. What is asked waits for nothing else that is, so that it takes as long as the slowest answer; but for the last
    /// time, when all of it shall reach to the load's end.
    async fn measure(&mut self, last: bool) -> Measurement {
        let (sample, beside) = if last {
            let context = self.context.clone();
            let looking = monitoring::look(&context, self.figures_to, self.end, context.options.answer);
            let (sample, monitored) = tokio::join!(self.last_windows(), looking);
            self.monitored = Some(monitored);
            (sample, self.look().await)
        } else {
            let (sample, beside) = tokio::join!(self.ask_kpi(), self.look());
            (self.sampled(sample).await, beside)
        };
        let Beside { generator, mocks, requests } = beside;
        let Monitored { figures, failure: unread, saturation } = self.monitored.take().unwrap_or_default();
        let generator = match generator {
            Ok(status) => {
                self.silent_since = None;
                Some(status)
            }
            Err(error) => self.unanswered(&error).await,
        };
        if let Some(sample) = &sample {
            self.measured_to = self.measured_to.max(sample.to);
        }
        if let Some(failure) = unread {
            self.warn(&failure).await;
        }
        self.figures_to = figures.as_ref().map_or(self.figures_to, |figures| figures.to);
        let requests = match requests {
            Some(answer) => self.counted(answer).await,
            None => None,
        };
        let cross = self.checking.as_mut().and_then(Checking::take);
        Measurement { cross, mocks, requests, figures, saturation, ..Measurement::new(sample, generator) }
    }

    /// Looks at all that is looked at beside the KPI.
    async fn look(&self) -> Beside {
        let (generator, mocks, requests) = tokio::join!(
            self.answer("the load generator", self.context.ports.generator.status()),
            super::mocks::look(&self.context),
            self.ask_requests(),
        );
        Beside { generator, mocks, requests }
    }

    /// Asks for the requests that objectives name, where there are such objectives.
    async fn ask_requests(&self) -> Option<Result<Option<RequestWindow>, PortError>> {
        if self.names().is_empty() {
            return None;
        }
        let asked = self.context.ports.generator.requests(&self.context.run, self.requests_to);
        Some(self.answer("the load generator", asked).await)
    }

    /// What is kept of those requests.
    async fn counted(&mut self, answer: Result<Option<RequestWindow>, PortError>) -> Option<NamedRequests> {
        let window = match answer {
            Ok(Some(window)) => window,
            Ok(None) => {
                // What is lost stays lost: the next window begins where the KPI's does.
                self.requests_to = self.requests_to.max(self.measured_to);
                return None;
            }
            Err(error) => {
                self.warn(&Failure::of("count requests by name", &error)).await;
                return None;
            }
        };
        self.requests_to = self.requests_to.max(window.to);
        Some(window.keep(self.names()))
    }

    /// The requests that objectives name.
    fn names(&self) -> BTreeSet<&str> {
        self.context.created.spec.slos.iter().filter_map(|slo| slo.counted_as()).collect()
    }

    async fn unanswered(&mut self, error: &PortError) -> Option<GeneratorStatus> {
        self.silent_since.get_or_insert(self.context.clock.now());
        self.warn(&Failure::of("ask the load generator", error)).await;
        None
    }

    /// Asks the KPI's source for what has happened since it was asked last.
    async fn ask_kpi(&self) -> Result<KpiSample, PortError> {
        self.answer("the KPI's source", self.context.ports.kpi.sample(&self.context.run, self.measured_to)).await
    }

    /// A window, unless there is none, which is told.
    async fn sampled(&mut self, answer: Result<KpiSample, PortError>) -> Option<KpiSample> {
        match answer {
            Ok(sample) => Some(sample),
            Err(error) => {
                let activity = format!("measure {}", self.context.created.spec.kpi);
                self.warn(&Failure::of(activity, &error)).await;
                None
            }
        }
    }

    /// The last windows of both sources.
    async fn last_windows(&mut self) -> Option<KpiSample> {
        let Some(mut checking) = self.checking.take() else { return self.last_window().await };
        let context = self.context.clone();
        let patience = context.clock.sleep(context.options.answer);
        let (sample, ()) = tokio::join!(self.last_window(), checking.count_within(&context, patience));
        self.checking = Some(checking);
        sample
    }

    /// The window that reaches to the load's end, which its source may complete only seconds later.
    async fn last_window(&mut self) -> Option<KpiSample> {
        let patience = self.end.saturating_add(self.context.options.last_window).unwrap_or(Timestamp::MAX);
        let mut best = None;
        loop {
            let answer = self.ask_kpi().await;
            best = self.sampled(answer).await.or(best);
            let complete = best.as_ref().is_some_and(|sample| sample.to >= self.end);
            if complete || self.context.clock.now() >= patience {
                return best;
            }
            self.context.clock.sleep(LAST_WINDOW_POLL).await;
        }
    }

    /// Waits until the control law has answered the measurement with a setting.
    async fn answered(&mut self) {
        if self.setting.changed().await.is_err() {
            // The state was left, and this work is being dropped.
            std::future::pending::<()>().await;
        }
    }

    /// A failure once the generator has been silent for too long.
    fn given_up(&self) -> Option<Failure> {
        let silent = since(self.silent_since?, self.context.clock.now());
        let most = (self.interval * SILENT_INTERVALS).max(SHORTEST_SILENCE);
        (silent > most).then(|| Failure {
            activity: "generate load".to_owned(),
            kind: FailureKind::GeneratorLost,
            message: format!(
                "the load generator has not answered for {}; at last: {}",
                Span::from(Duration::from_secs(silent.as_secs())),
                self.told.as_deref().unwrap_or("no word")
            ),
        })
    }

    /// A call that must answer in time, so that one of them cannot hold up the others.
    async fn answer<T>(&self, who: &str, call: impl Future<Output = Result<T, PortError>>) -> Result<T, PortError> {
        let limit = self.context.options.answer;
        tokio::select! {
            biased;
            answer = call => answer,
            () = self.context.clock.sleep(limit) => Err(PortError::new(
                FailureKind::Unavailable,
                format!("{who} did not answer within {}", Span::from(limit)),
            )),
        }
    }

    /// Tells people, unless they were told the same last.
    async fn warn(&mut self, failure: &Failure) {
        let message = failure.to_string();
        if self.told.as_ref() != Some(&message) {
            self.told = Some(message.clone());
            self.context.note(Level::Warning, message).await;
        }
    }
}

/// The time between two moments, zero when they are the other way round.
fn since(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
