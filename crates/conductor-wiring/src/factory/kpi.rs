//! Who generates load, who counts the KPI, and who checks that count.

use std::sync::Arc;

use async_trait::async_trait;
use conductor_core::crosscheck::Counts;
use conductor_core::load::KpiSample;
use conductor_core::ports::{CheckingSource, KpiSource, LoadGenerator, PortError};
use conductor_core::run::RunId;
use conductor_locust::{CallEvent, KpiEvent, Locust, LocustSettings};
use conductor_observe::{HttpKpi, PrometheusKpi, SqlKpi, SqlKpiSettings};
use jiff::Timestamp;

use super::Wiring;
use crate::environment::{KpiSettings, KpiSourceSettings};
use crate::unusable::Unusable;

/// What a run needs of them.
pub(super) struct Counting {
    pub(super) generator: Arc<dyn LoadGenerator>,
    pub(super) kpi: Arc<dyn KpiSource>,
    pub(super) cross_check: Option<CheckingSource>,
}

/// A source that counts the KPI, and Locust, which alone knows of requests and response times.
struct Beside {
    counts: Arc<dyn KpiSource>,
    locust: Arc<Locust>,
}

#[async_trait]
impl KpiSource for Beside {
    async fn sample(&self, run: &RunId, since: Timestamp) -> Result<KpiSample, PortError> {
        let counted = self.counts.sample(run, since).await?;
        // That Locust does not answer is told by who asks for its users; the count stands.
        let requests = self.locust.requests(run, counted.from, counted.to).await.ok().flatten();
        let Some(mut whole) = requests else { return Ok(counted) };
        whole.marks.extend(counted.marks);
        whole.marks.sort_unstable();
        whole.marks.dedup();
        Ok(KpiSample { from: counted.from, to: counted.to, count: counted.count, ..whole })
    }

    fn counts(&self) -> Counts {
        self.counts.counts()
    }
}

impl Wiring {
    /// What cannot be made is no reason not to put the environment back: it says so when it is used.
    pub(super) fn counting(&self, settings: LocustSettings, name: &str, kpi: &KpiSettings) -> Counting {
        let event = kpi.event().unwrap_or_else(|| KpiEvent::Call(CallEvent { name: name.to_owned() }));
        let locust = match self.locust(settings, event) {
            Ok(locust) => locust,
            Err(error) => {
                let unusable = Arc::new(Unusable::locust(&error));
                return Counting { generator: unusable.clone(), kpi: unusable, cross_check: None };
            }
        };
        let field = |part: &str| format!("kpis.{name}.{part}");
        let steers = kpi.steers();
        let counts: Arc<dyn KpiSource> = match &steers {
            Some(KpiSourceSettings::Locust(_)) | None => locust.clone(),
            Some(source) => {
                let counts = self.source(source, &field("source"), &locust);
                Arc::new(Beside { counts, locust: locust.clone() })
            }
        };
        let checks = kpi.cross_check.as_ref().zip(kpi.check()).map(|(checks, check)| CheckingSource {
            source: self.source(&checks.source, &field("crossCheck.source"), &locust),
            check,
        });
        Counting { generator: locust, kpi: counts, cross_check: checks }
    }

    fn source(&self, settings: &KpiSourceSettings, field: &str, locust: &Arc<Locust>) -> Arc<dyn KpiSource> {
        let made = || -> Result<Arc<dyn KpiSource>, PortError> {
            Ok(match settings {
                KpiSourceSettings::Locust(_) => locust.clone(),
                KpiSourceSettings::Prometheus(settings) => Arc::new(PrometheusKpi::new(settings.clone())?),
                KpiSourceSettings::Http(settings) => Arc::new(HttpKpi::new(settings.clone())?),
                KpiSourceSettings::Sql(settings) => {
                    let named = settings.password_env();
                    let place = named.map_or_else(String::new, |(place, _)| format!("{field}.sql.{place}"));
                    let password = self.secret(named.map(|(_, variable)| variable), &place, "password")?;
                    Arc::new(SqlKpi::new(SqlKpiSettings::clone(settings), password)?)
                }
            })
        };
        made().unwrap_or_else(|error| Arc::new(Unusable::kpi(field, &error)))
    }
}
