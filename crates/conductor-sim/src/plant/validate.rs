//! What a plant must be for a world to be made of it. Every violation is listed at once, with the path of its field.

use std::collections::BTreeSet;
use std::fmt;

use conductor_core::spec::Violation;

use super::{FaultKind, Plant};

const MOST_WORKERS: u32 = 100_000;

/// All that is wrong with a plant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PlantError {
    /// Every violation, in the order of the fields.
    pub violations: Vec<Violation>,
}

impl fmt::Display for PlantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, violation) in self.violations.iter().enumerate() {
            write!(f, "{}{violation}", if position == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl Plant {
    /// Checks what its fields' types do not say.
    pub(crate) fn check(&self) -> Result<(), PlantError> {
        let mut found = Findings(Vec::new());
        found.applications(self);
        found.numbers(self);
        found.stores(self);
        found.faults(self);
        if found.0.is_empty() { Ok(()) } else { Err(PlantError { violations: found.0 }) }
    }
}

struct Findings(Vec<Violation>);

impl Findings {
    fn unless(&mut self, sound: bool, field: impl Into<String>, problem: impl Into<String>, expected: &str) {
        if !sound {
            let (field, problem) = (field.into(), problem.into());
            self.0.push(Violation { field, problem, expected: expected.to_owned() });
        }
    }

    fn applications(&mut self, plant: &Plant) {
        let mut names = BTreeSet::new();
        self.unless(!plant.applications.is_empty(), "applications", "it is empty", "at least one application");
        for (position, application) in plant.applications.iter().enumerate() {
            let name = &application.name;
            self.unless(
                names.insert(name),
                format!("applications[{position}].name"),
                format!("\"{name}\" is listed twice"),
                "each application once",
            );
        }
    }

    fn numbers(&mut self, plant: &Plant) {
        let (users, generator) = (&plant.users, &plant.generator);
        let drift = users.drift_per_hour;
        self.unless(
            drift.is_finite() && drift > -10.0 && drift < 10.0,
            "users.driftPerHour",
            format!("{drift} is out of range"),
            "a share such as -0.4",
        );
        self.unless(
            users.response_ms.is_finite() && users.response_ms > 0.0,
            "users.responseMs",
            format!("{} is not above zero", users.response_ms),
            "milliseconds such as 40",
        );
        self.unless(
            (1..=MOST_WORKERS).contains(&generator.workers),
            "generator.workers",
            format!("{} is out of range", generator.workers),
            "1 to 100000",
        );
        self.unless(
            generator.users_per_worker > 0,
            "generator.usersPerWorker",
            "0 is not above zero",
            "users such as 1000",
        );
        self.unless(
            generator.dead_man_switch.is_none_or(|time| !time.is_zero()),
            "generator.deadManSwitch",
            "0s leaves no time for a setting",
            "such as 3m, or nothing at all",
        );
    }

    fn stores(&mut self, plant: &Plant) {
        let mut names = BTreeSet::new();
        for (position, store) in plant.test_data.iter().enumerate() {
            let name = &store.name;
            let field = format!("testData[{position}].name");
            self.unless(!name.is_empty(), field.clone(), "it is empty", "a name such as shop");
            self.unless(names.insert(name), field, format!("\"{name}\" is listed twice"), "each store once");
            let mut tables = BTreeSet::new();
            for (table_position, table) in store.tables.iter().enumerate() {
                self.unless(
                    tables.insert(&table.name),
                    format!("testData[{position}].tables[{table_position}].name"),
                    format!("\"{}\" is listed twice", table.name),
                    "each table once",
                );
            }
        }
    }

    fn faults(&mut self, plant: &Plant) {
        for (position, fault) in plant.faults.iter().enumerate() {
            let field = format!("faults[{position}].what");
            match &fault.what {
                FaultKind::Call(_) | FaultKind::SamplesLost => {}
                FaultKind::WorkersLost(workers) => self.unless(
                    (1..=plant.generator.workers).contains(workers),
                    format!("{field}.workersLost"),
                    format!("{workers} of {} workers cannot be lost", plant.generator.workers),
                    "at least 1, at most generator.workers",
                ),
                FaultKind::Capacity(factor) => self.unless(
                    factor.is_finite() && *factor >= 0.0,
                    format!("{field}.capacity"),
                    format!("{factor} is not a factor"),
                    "0 or more, such as 0.5",
                ),
                FaultKind::ChangedByOthers { application, version, replicas } => {
                    self.unless(
                        plant.applications.iter().any(|known| known.name == *application),
                        format!("{field}.changedByOthers.application"),
                        format!("\"{application}\" is not there"),
                        "one of applications",
                    );
                    self.unless(
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
