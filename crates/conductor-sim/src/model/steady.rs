//! What a plant does on average when its users stay as many as they are: where its knee is, and how many users a KPI
//! needs. Chance and what came before are not in here.

use super::Model;

/// The share of the greatest KPI that counts as the knee.
const KNEE: f64 = 0.99;
const POINTS: i32 = 600;
/// Fewest orders under way that are looked at.
const FEWEST: f64 = 0.01;

/// The most a plant can do at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Knee {
    /// The greatest KPI, events per minute.
    pub(crate) kpi_per_min: f64,
    /// Users with which 99 % of it is reached.
    pub(crate) users: f64,
}

impl Model {
    /// Users and KPI events per minute while so many orders are under way.
    fn steady(&self, at_s: f64, under_way: f64) -> (f64, f64) {
        let now = self.at(at_s);
        if now.capacity <= 0.0 {
            return (under_way, 0.0);
        }
        let response_s = self.station.response_s(under_way, now.capacity);
        let (throughput, sound) = (under_way / response_s, self.station.patience(response_s));
        let leaving = throughput * (sound + (1.0 - sound) * (1.0 - self.station.retry_share));
        (leaving * now.think_s / now.ratio + under_way, throughput * sound * 60.0)
    }

    /// The most this plant can do at a time, within the generator's limit.
    pub(crate) fn knee(&self, at_s: f64) -> Knee {
        let most = self.station.peak_concurrency * 3.0;
        let ratio = libm::exp(libm::log(most / FEWEST) / f64::from(POINTS));
        let points =
            || std::iter::successors(Some(FEWEST), move |point| Some(point * ratio)).take_while(|at| *at < most);
        let greatest = points().map(|point| self.steady(at_s, point).1).fold(0.0, f64::max);
        let enough = |(_, kpi): &(f64, f64)| *kpi >= KNEE * greatest;
        let users = points().map(|point| self.steady(at_s, point)).find(enough).map_or(0.0, |(users, _)| users);
        if self.max_users.is_finite() {
            let now = self.at(at_s);
            let generated = self.max_users * 60.0 * now.ratio / now.think_s;
            if generated < greatest {
                return Knee { kpi_per_min: generated, users: self.max_users };
            }
        }
        Knee { kpi_per_min: greatest, users }
    }

    /// The fewest users for a KPI; those at the knee when it cannot be reached.
    pub(crate) fn users_for(&self, at_s: f64, kpi_per_min: f64) -> f64 {
        const HALVINGS: u32 = 60;
        let knee = self.knee(at_s);
        if kpi_per_min >= KNEE * knee.kpi_per_min {
            return knee.users;
        }
        let (mut low, mut high) = (1e-4, self.station.peak_concurrency);
        for _ in 0..HALVINGS {
            let middle = (low * high).sqrt();
            if self.steady(at_s, middle).1 < kpi_per_min {
                low = middle;
            } else {
                high = middle;
            }
        }
        self.steady(at_s, high).0
    }

    /// KPI events per user and minute at the target, or just below the knee, while nothing changes.
    pub(crate) fn nominal_gain(&self) -> f64 {
        let undisturbed = self.undisturbed();
        let kpi = self.target_per_min.min(0.95 * undisturbed.knee(0.0).kpi_per_min);
        kpi / undisturbed.users_for(0.0, kpi)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(document: serde_json::Value) -> Model {
        Model::new(&serde_json::from_value(document).unwrap())
    }

    #[test]
    fn below_the_knee_users_are_in_proportion_to_the_kpi() {
        let model = model(serde_json::json!({ "run": { "target": "600/min" }, "journey": {}, "checkout": {} }));
        // A journey of 90 s and an order of a second, half of the journeys with an order.
        let users = model.users_for(0.0, 300.0);
        assert!((users / (5.0 * 181.0) - 1.0).abs() < 0.02, "{users}");
        assert!((model.nominal_gain() - 600.0 / model.users_for(0.0, 600.0)).abs() < 1e-9);
        assert!((model.knee(0.0).kpi_per_min / 960.0 - 1.0).abs() < 0.01);
    }

    #[test]
    fn a_target_out_of_reach_needs_the_users_at_the_knee() {
        let model = model(serde_json::json!({
            "run": { "target": "600/min" }, "journey": {}, "checkout": { "capacity": "7/s" }
        }));
        assert_eq!(model.users_for(0.0, 600.0), model.knee(0.0).users);
    }

    #[test]
    fn a_generator_that_is_full_bounds_the_kpi() {
        let model = model(serde_json::json!({
            "run": { "target": "600/min" }, "journey": {}, "checkout": {}, "generator": { "maxUsers": 900 }
        }));
        let knee = model.knee(0.0);
        assert_eq!((knee.kpi_per_min, knee.users), (300.0, 900.0));
    }
}
