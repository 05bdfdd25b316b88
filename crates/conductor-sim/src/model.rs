//! A plant in numbers of seconds and events, and how it changes over time. How it is written is in `document`, what
//! single users do in it in `network`, and what many of them do on average in `steady`.

mod steady;

use std::sync::Arc;

use conductor_core::ramp::Profile;

use crate::draw::Quantiles;
use crate::plant::{LostSample, Plant};

/// Length of a step of the model, seconds.
pub(crate) const STEP_S: f64 = 0.5;

/// A plant in numbers.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    /// The KPI wanted over time.
    pub(crate) line: Profile,
    pub(crate) target_per_min: f64,
    pub(crate) ramp_up_s: f64,
    think_s: f64,
    /// Steps of a journey, as many as steps of time can tell apart.
    pub(crate) stages: usize,
    pub(crate) login_s: f64,
    ratio: f64,
    pub(crate) station: Station,
    pub(crate) usual: Arc<Usual>,
    pub(crate) report_delay_s: f64,
    pub(crate) lost_samples: f64,
    pub(crate) lost_read_as: LostSample,
    drift: f64,
    ratio_step: Option<(f64, f64)>,
    pub(crate) ratio_noise: f64,
    /// From when to when the capacity is multiplied by what.
    pub(crate) drop: Option<(f64, f64, f64)>,
    extra_think: f64,
    capacity_loss: f64,
    warm_up_s: f64,
    pub(crate) max_users: f64,
    pub(crate) max_spawn_rate: f64,
    pub(crate) users_per_kpi: Option<f64>,
    pub(crate) kpi_lag_s: Option<f64>,
    pub(crate) first_kpi_s: Option<f64>,
    pub(crate) tells_congestion: bool,
}

/// What happens in most steps, made ready to be drawn.
#[derive(Debug)]
pub(crate) struct Usual {
    /// The probability of leaving a stage, and of leaving it the distributions by the users in it.
    pub(crate) leave: f64,
    pub(crate) leaving: Quantiles,
    /// The share of journeys that reach the checkout, and the distributions by the journeys finished.
    pub(crate) ratio: f64,
    pub(crate) ordering: Quantiles,
    /// The distributions of answers by the orders under way, with the whole capacity.
    pub(crate) answering: Quantiles,
}

/// The checkout: a station whose throughput follows the universal scalability law.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Station {
    pub(crate) service_s: f64,
    peak_concurrency: f64,
    contention: f64,
    coherency: f64,
    timeout_s: f64,
    pub(crate) retry_share: f64,
}

/// What the model is like in one step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conditions {
    /// What the capacity is multiplied by.
    pub(crate) capacity: f64,
    /// Mean time of a journey, seconds.
    pub(crate) think_s: f64,
    /// Share of journeys that reach the checkout.
    pub(crate) ratio: f64,
}

impl Model {
    pub(crate) fn new(plant: &Plant) -> Self {
        const DEFAULT_SPAWN_RATE: f64 = 100.0;
        let Plant { run, journey, kpi, ratio, warm_up, generator, hints, .. } = plant;
        let target_per_min = run.target.as_per_minute();
        let think_s = journey.think_time.as_secs_f64();
        let stages = (journey.stages as usize).min((think_s / STEP_S) as usize).max(1);
        let station = Station::new(plant);
        Self {
            line: Profile::ramp(target_per_min, run.ramp_up.as_secs_f64(), run.plateau.as_secs_f64()),
            target_per_min,
            ramp_up_s: run.ramp_up.as_secs_f64(),
            think_s,
            stages,
            login_s: journey.login.as_secs_f64(),
            ratio: journey.checkout_ratio,
            usual: Arc::new(Usual::new(&station, leave_probability(stages, think_s), journey.checkout_ratio)),
            station,
            report_delay_s: kpi.report_delay.as_secs_f64(),
            lost_samples: kpi.lost_samples,
            lost_read_as: kpi.lost_read_as,
            drift: ratio.drift,
            ratio_step: ratio.step.map(|step| (step.at.as_secs_f64(), step.factor)),
            ratio_noise: ratio.noise,
            drop: plant.capacity.drop.map(|drop| (drop.from.as_secs_f64(), drop.to.as_secs_f64(), drop.factor)),
            extra_think: warm_up.extra_think_time,
            capacity_loss: warm_up.capacity_loss,
            warm_up_s: warm_up.time_constant.as_secs_f64().max(1.0),
            max_users: generator.max_users.map_or(f64::INFINITY, |users| users as f64),
            max_spawn_rate: generator.max_spawn_rate.map_or(DEFAULT_SPAWN_RATE, |rate| rate.as_per_minute() / 60.0),
            users_per_kpi: hints.users_per_kpi,
            kpi_lag_s: hints.kpi_lag.map(conductor_core::units::Span::as_secs_f64),
            first_kpi_s: hints.first_kpi.map(conductor_core::units::Span::as_secs_f64),
            tells_congestion: hints.congestion,
        }
    }

    /// The same plant with nothing that changes and nothing that limits the generator.
    pub(crate) fn undisturbed(&self) -> Self {
        Self {
            drift: 0.0,
            ratio_step: None,
            drop: None,
            extra_think: 0.0,
            capacity_loss: 0.0,
            max_users: f64::INFINITY,
            ..self.clone()
        }
    }

    pub(crate) fn length_s(&self) -> f64 {
        self.line.end_s()
    }

    /// What the model is like at a time.
    #[inline]
    pub(crate) fn at(&self, at_s: f64) -> Conditions {
        let warms = self.extra_think > 0.0 || self.capacity_loss > 0.0;
        let cold = if warms { libm::exp(-at_s / self.warm_up_s) } else { 0.0 };
        let drop = self.drop.filter(|(from, to, _)| (*from..*to).contains(&at_s)).map_or(1.0, |(_, _, factor)| factor);
        let step = self.ratio_step.filter(|(since, _)| at_s >= *since).map_or(1.0, |(_, factor)| factor);
        Conditions {
            capacity: drop * (1.0 - self.capacity_loss * cold),
            think_s: self.think_s * (1.0 + self.extra_think * cold),
            ratio: self.ratio * (1.0 + self.drift * at_s / self.length_s()).max(0.0) * step,
        }
    }
}

impl Usual {
    fn new(station: &Station, leave: f64, ratio: f64) -> Self {
        Self {
            leave,
            leaving: Quantiles::new(|_| leave),
            ratio,
            ordering: Quantiles::new(|_| ratio),
            answering: Quantiles::new(|orders| station.answer_probability(station.response_s(orders as f64, 1.0))),
        }
    }
}

/// The probability that a user leaves its stage in one step.
#[inline]
pub(crate) fn leave_probability(stages: usize, think_s: f64) -> f64 {
    (stages as f64 / think_s * STEP_S).min(1.0)
}

impl Station {
    fn new(plant: &Plant) -> Self {
        let (checkout, target_per_s) = (&plant.checkout, plant.run.target.as_per_minute() / 60.0);
        let seconds = |span: Option<conductor_core::units::Span>, or: f64| span.map_or(or, |span| span.as_secs_f64());
        let capacity = checkout.capacity.map_or(1.6 * target_per_s, |rate| rate.as_per_minute() / 60.0);
        // One order at a time cannot be served faster than at the capacity.
        let service_s = seconds(checkout.service_time, 1.0).max(1.0 / capacity);
        let peak = checkout.peak_concurrency.unwrap_or_else(|| (10.0 * capacity * service_s).max(2.0));
        // The law's two coefficients, so that the throughput is greatest at the peak and is the capacity there.
        let serial = (peak - 1.0) / peak;
        let contention = if peak > 1.0 {
            ((peak / (service_s * capacity) - 1.0 - serial) / (peak - 1.0 - serial)).max(0.0)
        } else {
            0.0
        };
        Self {
            service_s,
            peak_concurrency: peak,
            contention,
            coherency: (1.0 - contention) / (peak * peak),
            timeout_s: seconds(checkout.timeout, 120.0),
            retry_share: checkout.retry_share.unwrap_or(0.3),
        }
    }

    /// The response time of one order while so many are under way, seconds; infinite during an outage.
    #[inline]
    pub(crate) fn response_s(&self, under_way: f64, capacity: f64) -> f64 {
        let others = (under_way - 1.0).max(0.0);
        self.service_s * (1.0 + self.contention * others + self.coherency * under_way * others) / capacity
    }

    /// The share of what it can do that it does while so many orders are under way; 1 beyond its peak.
    pub(crate) fn used(&self, under_way: f64) -> f64 {
        if under_way >= self.peak_concurrency {
            return 1.0;
        }
        let throughput = |orders: f64| orders / self.response_s(orders, 1.0);
        throughput(under_way.max(0.0)) / throughput(self.peak_concurrency)
    }

    /// The probability that an order with such a response time is answered in one step.
    #[inline]
    pub(crate) fn answer_probability(&self, response_s: f64) -> f64 {
        (STEP_S / response_s).min(1.0)
    }

    /// The share of orders with such a response time that are not given up.
    #[inline]
    pub(crate) fn patience(&self, response_s: f64) -> f64 {
        let strain = response_s / self.timeout_s;
        1.0 / (1.0 + strain * strain * strain * strain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(document: serde_json::Value) -> Model {
        Model::new(&serde_json::from_value(document).unwrap())
    }

    #[test]
    fn the_station_serves_most_at_its_peak_concurrency_and_its_capacity_there() {
        let model = model(serde_json::json!({
            "run": { "target": "600/min" }, "journey": {}, "checkout": { "capacity": "16/s", "peakConcurrency": 160 }
        }));
        let throughput = |users: f64| users / model.station.response_s(users, 1.0);
        assert!((throughput(160.0) - 16.0).abs() < 1e-9);
        assert!(throughput(150.0) < 16.0 && throughput(170.0) < 16.0);
        assert!((throughput(80.0) / throughput(160.0)) > 0.8, "it saturates before the peak");
        let used = |users| model.station.used(users);
        assert!(used(0.0) == 0.0 && used(80.0) > 0.8 && used(80.0) < 1.0);
        assert_eq!((used(160.0), used(300.0)), (1.0, 1.0), "what it does falls beyond the peak, what it uses does not");
    }

    #[test]
    fn a_capacity_of_few_orders_is_that_of_one_order_after_the_other() {
        let model = model(serde_json::json!({
            "run": { "target": "20/min" }, "journey": {}, "checkout": { "capacity": "6/min" }
        }));
        for under_way in [1.0, 2.0, 10.0] {
            let throughput = under_way / model.station.response_s(under_way, 1.0);
            assert!((throughput - 0.1).abs() < 1e-9, "{throughput} with {under_way}");
        }
        assert!((model.knee(0.0).kpi_per_min / 6.0 - 1.0).abs() < 0.05, "{:?}", model.knee(0.0));
    }

    #[test]
    fn what_is_cold_warms_up_and_what_drops_comes_back() {
        let model = model(serde_json::json!({
            "run": { "target": "600/min" }, "journey": {}, "checkout": {},
            "ratio": { "drift": -0.4, "step": { "at": "50m", "factor": 0.5 } },
            "capacity": { "drop": { "from": "60m", "to": "70m", "factor": 0.25 } },
            "warmUp": { "extraThinkTime": 1.0, "capacityLoss": 0.5, "timeConstant": "400s" }
        }));
        let at = |minutes: f64| model.at(60.0 * minutes);
        assert_eq!((at(0.0).capacity, at(0.0).think_s, at(0.0).ratio), (0.5, 180.0, 0.5));
        assert!((at(400.0 / 60.0).think_s - 90.0 * (1.0 + (-1.0_f64).exp())).abs() < 1e-9);
        assert!((at(45.0).ratio - 0.4).abs() < 1e-12 && (at(90.0).ratio - 0.15).abs() < 1e-12);
        assert!((at(65.0).capacity / at(75.0).capacity - 0.25).abs() < 1e-3);
    }
}
