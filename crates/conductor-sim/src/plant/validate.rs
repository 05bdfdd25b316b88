//! What a written plant must be for a model to be made of it. Every violation is listed at once, with the path of its
//! field.

use std::fmt;

use conductor_core::spec::Violation;
use conductor_core::units::Span;

use super::Plant;

const LONGEST: Span = Span::minutes(7 * 24 * 60);
const MOST_STAGES: u32 = 1000;

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
    ///
    /// # Errors
    /// Everything that is wrong with it, by the paths of its fields.
    pub fn check(&self) -> Result<(), PlantError> {
        let mut found = Findings(Vec::new());
        found.run(self);
        found.journey(self);
        found.checkout(self);
        found.changes(self);
        found.limits(self);
        self.environment.check(&mut found);
        if found.0.is_empty() { Ok(()) } else { Err(PlantError { violations: found.0 }) }
    }
}

/// What was found so far.
pub(super) struct Findings(Vec<Violation>);

impl Findings {
    /// Notes a violation unless all is well.
    pub(super) fn unless(&mut self, sound: bool, field: impl Into<String>, problem: impl Into<String>, expected: &str) {
        if !sound {
            let (field, problem) = (field.into(), problem.into());
            self.0.push(Violation { field, problem, expected: expected.to_owned() });
        }
    }

    fn number(&mut self, field: &str, value: f64, sound: impl FnOnce(f64) -> bool, expected: &str) {
        self.unless(value.is_finite() && sound(value), field, format!("{value} is out of range"), expected);
    }

    fn run(&mut self, plant: &Plant) {
        let run = &plant.run;
        self.unless(!plant.name.trim().is_empty(), "name", "it is empty", "a name such as coldcache");
        self.unless(
            run.plateau >= Span::minutes(1),
            "run.plateau",
            format!("{} is too short to be scored", run.plateau),
            "at least 1m",
        );
        self.unless(
            run.ramp_up.plus(run.plateau) <= LONGEST,
            "run",
            format!("{} is too long", run.ramp_up.plus(run.plateau)),
            "a week at most",
        );
    }

    fn journey(&mut self, plant: &Plant) {
        let journey = &plant.journey;
        self.unless(
            journey.think_time.as_secs_f64() >= 0.5,
            "journey.thinkTime",
            format!("{} is shorter than the model's step", journey.think_time),
            "at least 500ms, such as 90s",
        );
        self.unless(
            (1..=MOST_STAGES).contains(&journey.stages),
            "journey.stages",
            format!("{} is out of range", journey.stages),
            "1 to 1000",
        );
        self.number(
            "journey.checkoutRatio",
            journey.checkout_ratio,
            |ratio| ratio > 0.0 && ratio <= 1.0,
            "a share above 0, at most 1",
        );
    }

    fn checkout(&mut self, plant: &Plant) {
        let checkout = &plant.checkout;
        let spans = [("checkout.serviceTime", checkout.service_time), ("checkout.timeout", checkout.timeout)];
        for (field, span) in spans {
            self.unless(span.is_none_or(|span| !span.is_zero()), field, "0s is no time", "a time such as 1s");
        }
        if let Some(peak) = checkout.peak_concurrency {
            self.number("checkout.peakConcurrency", peak, |peak| peak >= 1.0, "1 or more, such as 200");
        }
        if let Some(share) = checkout.retry_share {
            self.number("checkout.retryShare", share, |share| (0.0..1.0).contains(&share), "a share below 1");
        }
    }

    fn changes(&mut self, plant: &Plant) {
        let (ratio, warm_up) = (&plant.ratio, &plant.warm_up);
        let share = |share: f64| (0.0..=1.0).contains(&share);
        self.number("kpi.lostSamples", plant.kpi.lost_samples, share, "a share such as 0.03");
        self.number("ratio.drift", ratio.drift, |drift| drift > -1.0 && drift < 100.0, "a share such as -0.4");
        if let Some(step) = ratio.step {
            self.number("ratio.step.factor", step.factor, |factor| factor > 0.0, "a factor above 0, such as 0.5");
        }
        self.number("ratio.noise", ratio.noise, |noise| (0.0..=10.0).contains(&noise), "0 to 10, such as 0.2");
        if let Some(drop) = plant.capacity.drop {
            self.unless(
                drop.from < drop.to,
                "capacity.drop.to",
                format!("{} is not after {}", drop.to, drop.from),
                "a time after capacity.drop.from",
            );
            self.number("capacity.drop.factor", drop.factor, |factor| factor >= 0.0, "0 or more, such as 0.5");
        }
        self.number(
            "warmUp.extraThinkTime",
            warm_up.extra_think_time,
            |extra| (0.0..=1000.0).contains(&extra),
            "0 or more, such as 1.0",
        );
        self.number("warmUp.capacityLoss", warm_up.capacity_loss, |loss| (0.0..1.0).contains(&loss), "a share below 1");
        self.unless(!warm_up.time_constant.is_zero(), "warmUp.timeConstant", "0s is no time", "a time such as 400s");
    }

    fn limits(&mut self, plant: &Plant) {
        self.unless(
            plant.generator.max_users.is_none_or(|users| users > 0),
            "generator.maxUsers",
            "0 is not above zero",
            "users such as 1350, or nothing at all",
        );
        if let Some(users) = plant.hints.users_per_kpi {
            self.number("hints.usersPerKpi", users, |users| users > 0.0, "users above 0, such as 3.0");
        }
        let at_once = plant.hints.first_kpi.is_some_and(|first| first.is_zero());
        self.unless(!at_once, "hints.firstKpi", "0s is no time", "a time such as 40s, or nothing at all");
    }
}
