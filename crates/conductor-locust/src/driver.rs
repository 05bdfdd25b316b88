//! The driver of users. It implements `LoadGenerator`; their end and its proof are in `stopping`, measuring is in `sampling`.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use conductor_core::load::{GeneratorFacts, GeneratorStatus, LoadSetting, Mark, Tags};
use conductor_core::ports::{FailureKind, LoadGenerator, PortError};
use conductor_core::requests::RequestWindow;
use conductor_core::run::RunId;
use conductor_core::spec::LOAD_TEST_HEADER;
use jiff::Timestamp;

use crate::api::{Api, Page, Series};
use crate::csv::Table;
use crate::guard;
use crate::memory::Memory;
use crate::settings::{KpiEvent, LocustSettings};
use crate::target;

/// Above this Locust's own response times are wrong.
pub(crate) const CPU_LIMIT: f64 = 90.0;
/// Seconds by which clocks may differ without a mark.
pub(crate) const SKEW_LIMIT: f64 = 1.0;
pub(crate) const POLL: Duration = Duration::from_millis(250);
/// The first users start at once, and a master learns of them within half a second.
const TAKEN_OVER: Duration = Duration::from_secs(10);

/// A Locust, as a generator of load and as a source of the KPI.
#[derive(Debug)]
pub struct Locust {
    pub(crate) api: Api,
    pub(crate) settings: LocustSettings,
    pub(crate) event: KpiEvent,
    memory: Mutex<Memory>,
}

impl Locust {
    /// A driver for this Locust, which counts `event` as the KPI. It connects with the first call. `token` is the value
    /// of the variable that [`LocustSettings::token_env`] names. A TLS provider of `rustls` must be installed.
    ///
    /// # Errors
    /// `Rejected` when the settings cannot be used, naming the field.
    pub fn new(settings: LocustSettings, event: KpiEvent, token: Option<String>) -> Result<Self, PortError> {
        let api = Api::new(&settings, token)?;
        Ok(Self { api, settings, event, memory: Mutex::default() })
    }

    /// Sets Locust's own statistics to zero, for people who look at its web interface. The plugin's counts stay.
    ///
    /// # Errors
    /// When Locust cannot be reached or refuses.
    pub async fn reset_statistics(&self) -> Result<(), PortError> {
        self.api.reset().await
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The plugin's view of the moment, without any seconds.
    pub(crate) async fn moment(&self, run: &str) -> Result<Option<Series>, PortError> {
        self.api.series(run, jiff::Timestamp::MAX.as_second() as f64).await
    }

    /// Notices, without the plugin, that the master was replaced: it has no users though we posted some, and its
    /// counters went down. A master that only lost its last worker keeps its counters.
    pub(crate) fn notice_restart(&self, page: &Page, table: &Table) -> bool {
        let mut memory = self.memory();
        let went_down = memory.last_total().is_some_and(|last| table.total().requests < last.requests);
        let replaced = memory.expects_users && !page.is_active() && went_down;
        if replaced {
            memory.note_restart(Instant::now());
        }
        replaced
    }

    /// How long workers of a master that is gone may still fire.
    pub(crate) async fn orphans(&self, page: &Page) -> Result<Option<Duration>, PortError> {
        match self.moment("").await? {
            Some(series) => {
                let mut memory = self.memory();
                memory.note_boot(&series.boot.id);
                Ok(guard::orphans_for(&series, memory.restarted))
            }
            None => {
                let table = self.api.counters().await?;
                self.notice_restart(page, &table);
                Ok(self.memory().orphans_for(Instant::now()))
            }
        }
    }

    fn form(&self, page: &Page, plugin: bool, tags: &Tags, setting: &LoadSetting) -> Vec<(&'static str, String)> {
        let mut form = vec![("user_count", setting.users.to_string()), ("spawn_rate", setting.spawn_rate.to_string())];
        if let Some(host) = &self.settings.host {
            form.push(("host", host.clone()));
        }
        if page.has_dead_man() {
            form.push(("run_time", self.settings.dead_man.as_duration().as_secs().max(1).to_string()));
        }
        if plugin {
            let (name, value) = LOAD_TEST_HEADER;
            form.push(("conductor_header", format!("{name}: {value}")));
            form.push(("conductor_run", tags.run.as_str().to_owned()));
            form.push(("conductor_headers", serde_json::json!(tags.headers).to_string()));
            form.push(("conductor_kpi", self.event.rule()));
        }
        form
    }

    /// Waits until Locust's users move from where they were to where they should be.
    async fn taken_over(&self, before: u64, wanted: u64) -> Result<(), PortError> {
        let deadline = Instant::now() + TAKEN_OVER;
        loop {
            let page = self.api.page().await?;
            let moved = page.user_count == wanted || wanted <= before || page.user_count > before;
            if page.is_active() && moved {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let act = format!(
                    "Locust at {} accepted {wanted} users but is {} with {} users after {} s; its log says why",
                    self.api.base(),
                    page.state,
                    page.user_count,
                    TAKEN_OVER.as_secs(),
                );
                return Err(PortError::new(FailureKind::Unsettled, act));
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

#[async_trait]
impl LoadGenerator for Locust {
    async fn check(&self) -> Result<GeneratorFacts, PortError> {
        let base = self.api.base();
        let page = self.api.page().await?;
        guard::no_shape(base, &page)?;
        guard::enough_workers(base, &page, self.settings.minimum_workers)?;
        let host = self.settings.host.as_ref().or(page.host.as_ref()).filter(|_| self.settings.check_target);
        if let Some(host) = host {
            target::reachable(host).await?;
        }
        let series = self.moment("").await?;
        if page.is_active() && page.user_count > 0 {
            let whose = series.map(|series| series.active_run).filter(|run| !run.is_empty());
            let whose = whose.map_or_else(String::new, |run| format!(" of run {run}"));
            let act = format!("Locust at {base} is busy: it runs {} users{whose}", page.user_count);
            return Err(PortError::new(FailureKind::Rejected, act));
        }
        let counting = match &series {
            Some(series) => {
                guard::our_workers(base, series)?;
                if let Some(left) = guard::orphans_for(series, false) {
                    return Err(guard::orphans(base, left));
                }
                "counted exactly, in event time".to_owned()
            }
            None if self.event.row().is_none() => {
                let act = format!(
                    "the KPI's event can only be seen by the conductor's plugin, which Locust at {base} does not have; \
                     load {} beside the locustfile",
                    crate::PLUGIN_FILE
                );
                return Err(PortError::new(FailureKind::Rejected, act));
            }
            None => format!(
                "counted from differences of Locust's counters, off by up to 20 % in 10 s and about 1 % in 60 s, and requests \
                 carry no headers; load {} beside the locustfile for exact counts and headers",
                crate::PLUGIN_FILE
            ),
        };
        let alone = if page.has_dead_man() { "" } else { ", which does not stop by itself when the conductor dies" };
        Ok(GeneratorFacts {
            version: format!("Locust {}{alone}", page.version),
            workers: page.is_distributed.then_some(page.worker_count),
            counting,
            by_name: series.is_some(),
        })
    }

    async fn set(&self, tags: &Tags, setting: &LoadSetting) -> Result<(), PortError> {
        let base = self.api.base();
        let page = self.api.page().await?;
        guard::no_shape(base, &page)?;
        guard::enough_workers(base, &page, self.settings.minimum_workers)?;
        if let Some(left) = self.orphans(&page).await? {
            return Err(guard::orphans(base, left));
        }
        let series = self.moment(tags.run.as_str()).await?;
        if let Some(series) = &series {
            guard::our_workers(base, series)?;
            guard::no_other_run(base, series, &tags.run)?;
        }
        // Marked before the post: if its answer is lost, users may run all the same.
        self.memory().expects_users = true;
        self.api.swarm(&self.form(&page, series.is_some(), tags, setting)).await?;
        self.taken_over(page.user_count, setting.users).await
    }

    async fn status(&self) -> Result<GeneratorStatus, PortError> {
        let page = self.api.page().await?;
        let mut marks = Vec::new();
        let cpu_percent = match self.moment("").await? {
            Some(series) => {
                let workers = &series.generator.workers;
                if self.memory().note_boot(&series.boot.id) {
                    marks.push(Mark::GeneratorRestarted);
                }
                if workers.iter().any(|worker| worker.state == "missing") {
                    marks.push(Mark::WorkerLost);
                }
                if workers.iter().any(|worker| worker.clock_offset.abs() > SKEW_LIMIT) {
                    marks.push(Mark::ClockSkew);
                }
                Some(series.generator.cpu)
            }
            None => {
                if self.notice_restart(&page, &self.api.counters().await?) {
                    marks.push(Mark::GeneratorRestarted);
                }
                let (workers, cpu) = self.plain_workers().await?;
                if self.memory().note_workers(workers) {
                    marks.push(Mark::WorkerLost);
                }
                cpu
            }
        };
        if cpu_percent.is_some_and(|cpu| cpu > CPU_LIMIT) {
            marks.push(Mark::GeneratorBound);
        }
        Ok(GeneratorStatus {
            users: page.user_count,
            workers: page.is_distributed.then_some(page.worker_count),
            cpu_percent,
            marks,
        })
    }

    async fn requests(&self, run: &RunId, since: Timestamp) -> Result<Option<RequestWindow>, PortError> {
        self.by_name(run, since).await
    }

    async fn stop(&self, run: &RunId) -> Result<(), PortError> {
        self.without_load_of(run).await
    }
}
