//! What must be true of Locust before users are posted to it: the reasons to refuse, and to wait.
//!
//! Pure: it judges answers and calls nothing.

use std::time::Duration;

use conductor_core::ports::{FailureKind, PortError};
use conductor_core::run::RunId;

use crate::PLUGIN_VERSION;
use crate::api::{Page, Series, is_active};

/// A worker reports every 3 s: orphans not heard for longer than two reports are gone.
const ORPHAN_SILENCE: f64 = 7.0;
/// Orphans reconnect and report within seconds of a new master's start.
const ORPHANS_SHOW_UP: f64 = 10.0;

/// Refuses a master whose users a load shape decides: posts would be ignored.
pub(crate) fn no_shape(base: &str, page: &Page) -> Result<(), PortError> {
    if page.has_shape() {
        let act = format!(
            "the locustfile of Locust at {base} brings a load shape, which ignores the users that are asked for; \
             remove the LoadTestShape class"
        );
        return Err(PortError::new(FailureKind::Rejected, act));
    }
    Ok(())
}

/// Refuses a master that has too few workers, for then it accepts posts and does nothing.
pub(crate) fn enough_workers(base: &str, page: &Page, minimum: Option<u32>) -> Result<(), PortError> {
    let wanted = minimum.unwrap_or(1).max(1);
    match (page.is_distributed, minimum) {
        (true, _) if page.worker_count < wanted => Err(PortError::new(
            FailureKind::Unavailable,
            format!("Locust at {base} has {} workers ready, not the {wanted} that are needed", page.worker_count),
        )),
        (false, Some(minimum)) if minimum > 0 => Err(PortError::new(
            FailureKind::Rejected,
            format!("Locust at {base} is a single process, but locust.minimumWorkers is {minimum}"),
        )),
        _ => Ok(()),
    }
}

/// Refuses workers that run without the plugin, or with another locustfile than the master.
pub(crate) fn our_workers(base: &str, series: &Series) -> Result<(), PortError> {
    if series.plugin != PLUGIN_VERSION {
        let act = format!(
            "the conductor's plugin in Locust at {base} has version {}, not {PLUGIN_VERSION}; load the one that this \
             conductor prints",
            series.plugin
        );
        return Err(PortError::new(FailureKind::Rejected, act));
    }
    for worker in series.generator.workers.iter().filter(|worker| worker.state != "missing") {
        if worker.plugin.as_deref() != Some(PLUGIN_VERSION) {
            let act = format!(
                "worker {} of Locust at {base} runs without the conductor's plugin of version {PLUGIN_VERSION}; start \
                 it with the same -f as the master",
                worker.id
            );
            return Err(PortError::new(FailureKind::Unavailable, act));
        }
        if !worker.same_users {
            let act = format!(
                "worker {} of Locust at {base} has other user classes than the master; start it with the same -f",
                worker.id
            );
            return Err(PortError::new(FailureKind::Rejected, act));
        }
    }
    Ok(())
}

/// The run whose users Locust starts or runs, when it is another one than this.
pub(crate) fn other_run<'a>(series: &'a Series, run: &RunId) -> Option<&'a str> {
    let active = series.active_run.as_str();
    let is_other = is_active(&series.generator.state) && !active.is_empty() && active != run.as_str();
    is_other.then_some(active)
}

/// Refuses to give a run users while another run's are on Locust: they would become this run's.
pub(crate) fn no_other_run(base: &str, series: &Series, run: &RunId) -> Result<(), PortError> {
    let users = series.generator.user_count;
    match other_run(series, run) {
        Some(other) if users > 0 => {
            let act = format!("Locust at {base} runs {users} users of run {other}; it takes one run at a time");
            Err(PortError::new(FailureKind::Rejected, act))
        }
        _ => Ok(()),
    }
}

/// How long workers of a master that is gone may still fire, as the plugin of its successor knows; `replaced` says
/// that this master is known to have had a predecessor.
pub(crate) fn orphans_for(series: &Series, replaced: bool) -> Option<Duration> {
    let heard = series.orphans.last_seen.map(|seen| seen + ORPHAN_SILENCE);
    let shown = replaced.then_some(series.boot.at + ORPHANS_SHOW_UP);
    let until = heard.into_iter().chain(shown).fold(series.now, f64::max);
    (until > series.now).then(|| Duration::from_secs_f64(until - series.now))
}

/// The error of posting while orphans may still fire.
pub(crate) fn orphans(base: &str, left: Duration) -> PortError {
    let act = format!(
        "Locust at {base} was restarted, and workers of its predecessor may fire unseen for another {} s",
        left.as_secs() + 1
    );
    PortError::new(FailureKind::Unavailable, act)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        let mut value = serde_json::json!({"version":"2.47.0","state":"ready","user_count":0});
        let more: serde_json::Value = serde_json::from_str(text).unwrap();
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_load_shape_is_refused_whether_or_not_it_uses_the_common_options() {
        assert!(no_shape("x", &page(r#"{"hide_common_options":true}"#)).is_err());
        assert!(no_shape("x", &page(r#"{"hide_common_options":false}"#)).is_err());
        assert!(no_shape("x", &page(r#"{"hide_common_options":null}"#)).is_ok());
        assert!(no_shape("x", &page(r#"{"hide_common_options":false,"show_userclass_picker":true}"#)).is_ok());
    }

    #[test]
    fn a_master_without_workers_is_worth_another_try_and_a_single_process_is_not() {
        let lonely = page(r#"{"is_distributed":true,"worker_count":0}"#);
        assert_eq!(enough_workers("x", &lonely, None).unwrap_err().kind, FailureKind::Unavailable);
        assert!(enough_workers("x", &page("{}"), None).is_ok());
        assert_eq!(enough_workers("x", &page("{}"), Some(2)).unwrap_err().kind, FailureKind::Rejected);
    }

    #[test]
    fn the_dead_man_is_known_by_version() {
        let of = |version: &str| page(&format!(r#"{{"version":"{version}"}}"#)).has_dead_man();
        assert!(of("2.47.0") && of("2.48.1.dev3") && of("3.0.0"));
        assert!(!of("2.46.3") && !of("2.20.0") && !of("unknown"));
    }
}
