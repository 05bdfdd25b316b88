//! A closed network of users: a journey in stages, one login before the first one, and the checkout that some journeys
//! end in. It lives through steps of half a second by chance. What the world is like in a step is an argument, and
//! what is counted, told and steered is elsewhere.

use std::sync::Arc;

use crate::draw::{Chance, Odds};
use crate::model::{Conditions, Model, STEP_S, Station, Usual, leave_probability};

/// Steps between two draws of the noise on the checkout ratio.
const NOISE_STEPS: u64 = 60;
/// Users are stopped so many times as fast as the generator starts them.
const STOP_FACTOR: f64 = 10.0;
/// A rate that is no limit, per second.
const AT_ONCE: f64 = 1e9;

/// Users, and where on their way each of them is.
pub(crate) struct Network {
    chance: Chance,
    station: Station,
    usual: Arc<Usual>,
    login: Option<Odds>,
    noise: f64,
    max_spawn_rate: f64,
    /// Users in each stage of the journey.
    stages: Vec<i64>,
    logging_in: i64,
    ordering: i64,
    running: i64,
    wanted: f64,
    spawn_rate: f64,
    /// What is left of a user to start or stop.
    owed: f64,
    steps: u64,
    mood: f64,
    /// Of a user's leaving its stage in this step.
    leave: Odds,
    responses: Responses,
}

/// What users have met since the last look.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Responses {
    /// Stages of journeys that were finished, logins included.
    pub(crate) stages: i64,
    /// Orders that were answered, given up or not.
    pub(crate) answered: i64,
    /// Orders that were given up.
    pub(crate) given_up: i64,
    /// The sum of their response times, seconds.
    pub(crate) waited_s: f64,
}

impl Network {
    pub(crate) fn new(model: &Model, chance: Chance) -> Self {
        Self {
            chance,
            station: model.station,
            usual: Arc::clone(&model.usual),
            login: (model.login_s > 0.0).then(|| Odds::new((STEP_S / model.login_s).min(1.0))),
            noise: model.ratio_noise,
            max_spawn_rate: model.max_spawn_rate,
            stages: vec![0; model.stages],
            logging_in: 0,
            ordering: 0,
            running: 0,
            wanted: 0.0,
            spawn_rate: 0.0,
            owed: 0.0,
            steps: 0,
            mood: 1.0,
            leave: Odds::new(0.0),
            responses: Responses::default(),
        }
    }

    /// The share of what the checkout can do that it does, 1 where more orders are under way than it does best with.
    pub(crate) fn used(&self) -> f64 {
        self.station.used(self.ordering as f64)
    }

    /// Users running.
    pub(crate) fn running(&self) -> i64 {
        self.running
    }

    /// Runs so many users from now on; a rate of zero is no limit.
    pub(crate) fn command(&mut self, users: f64, spawn_rate: f64) {
        self.wanted = users.max(0.0);
        self.spawn_rate = if spawn_rate > 0.0 { spawn_rate } else { AT_ONCE };
    }

    /// Stops all users at once.
    pub(crate) fn stop_all(&mut self) {
        self.command(0.0, 0.0);
        self.stop(self.running);
    }

    /// Takes so many users away at once; the command stays.
    pub(crate) fn lose(&mut self, users: i64) {
        self.stop(users.clamp(0, self.running));
    }

    /// What users have met since the last call.
    pub(crate) fn take_responses(&mut self) -> Responses {
        std::mem::take(&mut self.responses)
    }

    /// Lives through one step and tells how many KPI events it brought. Beyond `max_users`, users slow each other.
    pub(crate) fn step(&mut self, now: &Conditions, max_users: f64) -> i64 {
        self.follow();
        let running = self.running as f64;
        let slowed = if running > max_users { max_users / running } else { 1.0 };
        let leave = leave_probability(self.stages.len(), now.think_s / slowed);
        if leave != self.leave.probability() {
            self.leave = Odds::new(leave);
        }
        if self.noise > 0.0 && self.steps.is_multiple_of(NOISE_STEPS) {
            self.mood = self.chance.factor(self.noise);
        }
        self.steps += 1;
        let orders = self.travel((now.ratio * self.mood).min(1.0));
        let events = self.order(now.capacity);
        self.ordering += orders;
        events
    }

    /// Starts or stops users, as fast as is allowed.
    fn follow(&mut self) {
        let missing = self.wanted - self.running as f64;
        if missing > 0.0 {
            let started = self.due(self.spawn_rate.min(self.max_spawn_rate), missing);
            self.running += started;
            if self.login.is_some() {
                self.logging_in += started;
            } else {
                self.stages[0] += started;
            }
        } else if missing < 0.0 {
            let stopped = self.due(self.spawn_rate.min(STOP_FACTOR * self.max_spawn_rate), -missing);
            self.stop(stopped);
        }
    }

    /// Users to start or stop in this step, of those that are too few or too many.
    fn due(&mut self, per_second: f64, change: f64) -> i64 {
        self.owed += per_second * STEP_S;
        let whole = self.owed.trunc();
        self.owed -= whole;
        if whole > change { change as i64 } else { whole as i64 }
    }

    /// Stops users wherever they are.
    fn stop(&mut self, users: i64) {
        let (mut left, mut surplus) = (self.running, users);
        let Self { chance, stages, ordering, logging_in, .. } = self;
        for place in stages.iter_mut().chain([ordering, logging_in]) {
            let present = *place;
            if present <= 0 {
                continue;
            }
            let stopped = if present >= left {
                surplus.min(present)
            } else {
                chance.binomial(surplus, present as f64 / left as f64).min(present)
            };
            left -= present;
            surplus -= stopped;
            *place -= stopped;
        }
        // Where chance asked more of a place than it held, others make up for it.
        for place in self.stages.iter_mut().chain([&mut self.ordering, &mut self.logging_in]) {
            let stopped = surplus.min(*place);
            surplus -= stopped;
            *place -= stopped;
        }
        self.running -= users - surplus;
    }

    /// Lets users go on with their journeys, and tells how many of them order.
    fn travel(&mut self, ratio: f64) -> i64 {
        let mut arriving = 0;
        if let Some(login) = &self.login
            && self.logging_in > 0
        {
            arriving = self.chance.binomial_of(self.logging_in, *login);
            self.logging_in -= arriving;
            self.responses.stages += arriving;
        }
        let mut finished = 0;
        let Self { chance, stages, leave, usual, responses, .. } = self;
        let is_usual = leave.probability() == usual.leave;
        for stage in stages {
            let ready = if is_usual { chance.binomial_by(*stage, &usual.leaving) } else { None };
            let leaving = ready.unwrap_or_else(|| chance.binomial_of(*stage, *leave));
            *stage += finished - leaving;
            finished = leaving;
            responses.stages += leaving;
        }
        let ready = if ratio == usual.ratio { chance.binomial_by(finished, &usual.ordering) } else { None };
        let orders = ready.unwrap_or_else(|| chance.binomial(finished, ratio));
        self.stages[0] += arriving + finished - orders;
        orders
    }

    /// Serves orders, and tells how many became KPI events.
    fn order(&mut self, capacity: f64) -> i64 {
        if self.ordering <= 0 || capacity <= 0.0 {
            return 0;
        }
        let response_s = self.station.response_s(self.ordering as f64, capacity);
        let ready = if capacity == 1.0 { self.chance.binomial_by(self.ordering, &self.usual.answering) } else { None };
        let answered =
            ready.unwrap_or_else(|| self.chance.binomial(self.ordering, self.station.answer_probability(response_s)));
        if answered == 0 {
            return 0;
        }
        let sound = self.chance.binomial(answered, self.station.patience(response_s));
        let given_up = answered - sound;
        let retried = if given_up > 0 { self.chance.binomial(given_up, self.station.retry_share) } else { 0 };
        self.ordering += retried - answered;
        self.stages[0] += answered - retried;
        self.responses.answered += answered;
        self.responses.given_up += given_up;
        self.responses.waited_s += response_s * answered as f64;
        sound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(document: serde_json::Value) -> Model {
        Model::new(&serde_json::from_value(document).unwrap())
    }

    fn minutes(network: &mut Network, model: &Model, minutes: u32) -> i64 {
        (0..120 * minutes).map(|_| network.step(&model.at(0.0), model.max_users)).sum()
    }

    #[test]
    fn users_neither_appear_nor_vanish_on_their_way() {
        let model = model(serde_json::json!({
            "run": { "target": "600/min" }, "journey": { "login": "20s" }, "checkout": { "capacity": "2/s", "timeout": "20s" }
        }));
        let mut network = Network::new(&model, Chance::new(1));
        for (users, rate) in [(700.0, 50.0), (90.0, 400.0), (1200.0, 0.0), (3.0, 0.5), (0.0, 1e9)] {
            network.command(users, rate);
            for _ in 0..400 {
                network.step(&model.at(0.0), model.max_users);
                let places = network.stages.iter().sum::<i64>() + network.ordering + network.logging_in;
                assert_eq!(places, network.running);
                assert!(network.stages.iter().all(|users| *users >= 0) && network.ordering >= 0);
            }
        }
        assert_eq!(network.running(), 0);
    }

    #[test]
    fn the_kpi_is_what_the_steady_state_says() {
        let model = model(serde_json::json!({ "run": { "target": "600/min" }, "journey": {}, "checkout": {} }));
        let mut network = Network::new(&model, Chance::new(2));
        network.command(model.users_for(0.0, 600.0).round(), 0.0);
        minutes(&mut network, &model, 40);
        let per_minute = minutes(&mut network, &model, 100) as f64 / 100.0;
        assert!((per_minute / 600.0 - 1.0).abs() < 0.02, "{per_minute}");
    }

    #[test]
    fn beyond_the_knee_more_users_bring_fewer_events() {
        let model = model(serde_json::json!({
            "run": { "target": "600/min" }, "journey": {}, "checkout": { "capacity": "7/s", "timeout": "30s", "retryShare": 0.6 }
        }));
        let events = |users: f64| {
            let mut network = Network::new(&model, Chance::new(3));
            network.command(users, 1.0);
            minutes(&mut network, &model, 60);
            minutes(&mut network, &model, 10)
        };
        let (below, beyond) = (events(0.9 * model.knee(0.0).users), events(2.0 * model.knee(0.0).users));
        assert!(below > 3500 && beyond < below / 5, "{below} below the knee, {beyond} beyond");
    }

    #[test]
    fn users_start_as_fast_as_the_generator_can_and_stop_ten_times_as_fast() {
        let model = model(serde_json::json!({
            "run": { "target": "600/min" }, "journey": {}, "checkout": {}, "generator": { "maxSpawnRate": "10/s" }
        }));
        let mut network = Network::new(&model, Chance::new(4));
        network.command(1000.0, 50.0);
        minutes(&mut network, &model, 1);
        assert_eq!(network.running(), 600);
        network.command(0.0, 0.0);
        for _ in 0..10 {
            network.step(&model.at(0.0), model.max_users);
        }
        assert_eq!(network.running(), 100);
    }
}
