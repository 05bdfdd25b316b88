//! What the surroundings of a model must be. The paths of violations begin with `environment`.

use std::collections::BTreeSet;

use super::{EnvironmentModel, FaultKind};
use crate::plant::validate::Findings;

const MOST_WORKERS: u32 = 100_000;

impl EnvironmentModel {
    /// Adds what is wrong to what was found.
    pub(in crate::plant) fn check(&self, found: &mut Findings) {
        self.check_applications(found);
        self.check_numbers(found);
        self.check_stores(found);
        self.check_faults(found);
    }
    fn check_applications(&self, found: &mut Findings) {
        let mut names = BTreeSet::new();
        found.unless(
            !self.applications.is_empty(),
            "environment.applications",
            "it is empty",
            "at least one application",
        );
        for (position, application) in self.applications.iter().enumerate() {
            let name = &application.name;
            found.unless(
                names.insert(name),
                format!("environment.applications[{position}].name"),
                format!("\"{name}\" is listed twice"),
                "each application once",
            );
        }
        if let Some(name) = &self.workers.application {
            found.unless(
                !names.contains(name),
                "environment.workers.application",
                format!("\"{name}\" is in environment.applications, too"),
                "a name of its own, such as load-workers",
            );
        }
    }

    fn check_numbers(&self, found: &mut Findings) {
        let workers = &self.workers;
        found.unless(
            self.response_ms.is_finite() && self.response_ms > 0.0,
            "environment.responseMs",
            format!("{} is not above zero", self.response_ms),
            "milliseconds such as 40",
        );
        found.unless(
            (1..=MOST_WORKERS).contains(&workers.count),
            "environment.workers.count",
            format!("{} is out of range", workers.count),
            "1 to 100000",
        );
        found.unless(
            workers.users_per_worker.is_none_or(|users| users > 0),
            "environment.workers.usersPerWorker",
            "0 is not above zero",
            "users such as 1000",
        );
        found.unless(
            workers.dead_man_switch.is_none_or(|time| !time.is_zero()),
            "environment.workers.deadManSwitch",
            "0s leaves no time for a setting",
            "such as 3m, or nothing at all",
        );
    }

    fn check_stores(&self, found: &mut Findings) {
        let mut names = BTreeSet::new();
        for (position, store) in self.test_data.iter().enumerate() {
            let name = &store.name;
            let field = format!("environment.testData[{position}].name");
            found.unless(!name.is_empty(), field.as_str(), "it is empty", "a name such as shop");
            found.unless(names.insert(name), field, format!("\"{name}\" is listed twice"), "each store once");
            let mut tables = BTreeSet::new();
            for (table_position, table) in store.tables.iter().enumerate() {
                found.unless(
                    tables.insert(&table.name),
                    format!("environment.testData[{position}].tables[{table_position}].name"),
                    format!("\"{}\" is listed twice", table.name),
                    "each table once",
                );
            }
        }
    }

    fn check_faults(&self, found: &mut Findings) {
        for (position, fault) in self.faults.iter().enumerate() {
            let field = format!("environment.faults[{position}].what");
            match &fault.what {
                FaultKind::Call(_) | FaultKind::SamplesLost => {}
                FaultKind::WorkersLost(workers) => found.unless(
                    (1..=self.workers.count).contains(workers),
                    format!("{field}.workersLost"),
                    format!("{workers} of {} workers cannot be lost", self.workers.count),
                    "at least 1, at most environment.workers.count",
                ),
                FaultKind::Capacity(factor) => found.unless(
                    factor.is_finite() && *factor >= 0.0,
                    format!("{field}.capacity"),
                    format!("{factor} is not a factor"),
                    "0 or more, such as 0.5",
                ),
                FaultKind::ChangedByOthers { application, version, replicas } => {
                    found.unless(
                        self.applications.iter().any(|known| known.name == *application)
                            || self.workers.application.as_ref() == Some(application),
                        format!("{field}.changedByOthers.application"),
                        format!("\"{application}\" is not there"),
                        "one of environment.applications, or environment.workers.application",
                    );
                    found.unless(
                        version.is_some() || replicas.is_some(),
                        format!("{field}.changedByOthers"),
                        "it changes nothing",
                        "version, replicas or both",
                    );
                }
            }
        }
    }
}
