//! What is believed of the gain (KPI events per user and minute): a Gamma posterior for each candidate lag, and how
//! well each lag explains what was counted.
//!
//! A window with exposure E is expected to hold gain × E events, Poisson but for an over-dispersion φ. The posterior
//! forgets slowly, so that it follows a gain that drifts.

use serde::{Deserialize, Serialize};

use super::Config;

/// Candidate lags, seconds.
const LAGS: [f64; 10] = [0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 110.0, 160.0, 220.0, 300.0];
/// Shape of a prior that the spec gives: worth twelve events.
const TOLD_SHAPE: f64 = 12.0;
/// Variance by which ln gain wanders in a minute: while little is known, and once the belief is worth [`KNOWN`] events.
const WANDER_PER_MIN: f64 = 0.03 * 0.03;
const KNOWN_WANDER_PER_MIN: f64 = 0.012 * 0.012;
const KNOWN: f64 = 100.0;
/// Evidence for a lag that is kept after a minute.
const EVIDENCE_KEPT_PER_MIN: f64 = 0.98;
/// No window counts more than this against a lag, in nats: one odd window must not decide.
const WORST_EVIDENCE: f64 = -30.0;
/// How far behind the best a lag's evidence may fall, in nats, so that it can come back.
const FARTHEST_BEHIND: f64 = 12.0;
const MOST_DISPERSION: f64 = 30.0;
/// Model error of a window's expectation, relative.
const MODEL_ERROR: f64 = 0.004;
/// The share of what a slightly other lag would change in the exposure that counts as model error: while users move,
/// a window tells less of the gain.
const LAG_ERROR: f64 = 0.5;
/// How much other, seconds at least and as a share of the lag.
const LAG_OFF_S: f64 = 12.0;
const LAG_OFF: f64 = 0.15;

/// One candidate lag: the posterior if it is the true one, and the evidence that it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Candidate {
    lag_s: f64,
    shape: f64,
    rate: f64,
    evidence: f64,
}

/// The candidates together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Bank {
    candidates: Vec<Candidate>,
    dispersion: f64,
    told: bool,
}

impl Bank {
    pub(super) fn new(config: &Config) -> Self {
        let told = config.users_per_kpi.filter(|users| users.is_finite() && *users > 0.0);
        let (shape, rate) = told.map_or((1.0, 1.0), |users| (TOLD_SHAPE, TOLD_SHAPE * users));
        let candidate = |(position, lag_s)| Candidate { lag_s, shape, rate, evidence: -0.1 * position as f64 };
        let candidates = match config.kpi_lag_s.filter(|lag| lag.is_finite() && *lag >= 0.0) {
            Some(lag_s) => vec![candidate((0, lag_s))],
            None => LAGS.into_iter().enumerate().map(candidate).collect(),
        };
        Self { candidates, dispersion: 1.0, told: told.is_some() }
    }

    /// Mean gain over the lags, by their weight.
    pub(super) fn gain(&self) -> f64 {
        self.mean(|candidate| candidate.shape / candidate.rate)
    }

    /// Mean lag over the lags, by their weight, seconds.
    pub(super) fn lag_s(&self) -> f64 {
        self.mean(|candidate| candidate.lag_s)
    }

    /// How many events the belief is worth.
    pub(super) fn worth(&self) -> f64 {
        self.mean(|candidate| candidate.shape)
    }

    /// Relative standard deviation of the gain.
    pub(super) fn relative_sd(&self) -> f64 {
        self.worth().sqrt().recip()
    }

    /// The gain to plan with: above the mean while little is known, so that users are not over-estimated.
    pub(super) fn cautious_gain(&self) -> f64 {
        const TRUSTED: f64 = 30.0;
        let of = |candidate: &Candidate| {
            let caution = (1.0 - candidate.shape / TRUSTED).max(0.0) / candidate.shape.sqrt();
            let gain = candidate.shape / candidate.rate * (1.0 + caution);
            let unseen =
                if self.told || candidate.shape >= 3.0 { 0.0 } else { (candidate.shape + 1.5) / candidate.rate };
            gain.max(unseen)
        };
        self.likely(0.05).map(of).fold(self.gain(), f64::max)
    }

    /// Log-probability of counting nothing in a window, by the lag that makes it likeliest.
    pub(super) fn ln_nothing(&self, exposure: impl Fn(f64) -> f64) -> f64 {
        let of = |candidate: &Candidate| {
            -candidate.shape / self.dispersion * (exposure(candidate.lag_s) / candidate.rate).ln_1p()
        };
        self.likely(0.02).map(of).fold(f64::NEG_INFINITY, f64::max)
    }

    /// Learns from one window of `minutes` with `count` events; `exposure` gives its user-minutes for a lag.
    pub(super) fn learn(&mut self, count: f64, minutes: f64, exposure: impl Fn(f64) -> f64) {
        let kept = EVIDENCE_KEPT_PER_MIN.powf(minutes);
        let (mut expected, mut squares, mut spread) = (0.0, 0.0, 0.0);
        // Weights are those from before this window, for all candidates alike.
        let (best, all) = (self.best(), self.total());
        for position in 0..self.candidates.len() {
            let mut candidate = self.candidates[position];
            let weight = (candidate.evidence - best).exp() / all;
            let exposed = exposure(candidate.lag_s);
            let wander = if candidate.shape < KNOWN { WANDER_PER_MIN } else { KNOWN_WANDER_PER_MIN };
            let shape = candidate.shape / (1.0 + wander * minutes * candidate.shape);
            let rate = candidate.rate * shape / candidate.shape;
            let mean = shape / rate * exposed;
            let moving = LAG_ERROR * sensitivity(&exposure, candidate.lag_s);
            // Relative to what was counted where that is more: a lag that reaches back to before there were users
            // expects nothing, and must not take the whole count as proof of a huge gain.
            let noise = self.dispersion + (MODEL_ERROR * MODEL_ERROR + moving * moving) * mean.max(count);
            expected += weight * mean;
            squares += weight * mean * mean;
            spread += weight * (noise * mean + mean * mean / shape);
            candidate.evidence = kept * candidate.evidence + ln_likelihood(count, mean, noise, shape);
            candidate.shape = shape + count / noise;
            candidate.rate = rate + exposed / noise;
            self.candidates[position] = candidate;
        }
        self.settle_evidence();
        let spread = spread + (squares - expected * expected).max(0.0);
        if expected > 2.0 && spread > 0.0 {
            let seen = self.dispersion * (count - expected).powi(2) / spread;
            let step = (0.1 * minutes).min(0.5);
            let aim = seen.min(12.0 * self.dispersion);
            self.dispersion = (self.dispersion + step * (aim - self.dispersion)).clamp(1.0, MOST_DISPERSION);
        }
    }

    fn settle_evidence(&mut self) {
        let best = self.best();
        for candidate in &mut self.candidates {
            candidate.evidence = (candidate.evidence - best).max(-FARTHEST_BEHIND);
        }
    }

    fn best(&self) -> f64 {
        self.candidates.iter().map(|candidate| candidate.evidence).fold(f64::NEG_INFINITY, f64::max)
    }

    /// The sum of all weights when the best candidate weighs 1.
    fn total(&self) -> f64 {
        let best = self.best();
        self.candidates.iter().map(|other| (other.evidence - best).exp()).sum()
    }

    /// The candidates that weigh more than this share.
    fn likely(&self, share: f64) -> impl Iterator<Item = &Candidate> {
        let (best, all) = (self.best(), self.total());
        self.candidates.iter().filter(move |candidate| (candidate.evidence - best).exp() / all > share)
    }

    fn mean(&self, value: impl Fn(&Candidate) -> f64) -> f64 {
        let best = self.best();
        let (sum, all) = self.candidates.iter().fold((0.0, 0.0), |(sum, all), candidate| {
            let weight = (candidate.evidence - best).exp();
            (sum + weight * value(candidate), all + weight)
        });
        sum / all
    }
}

/// By how much, in ln, the exposure would differ were the lag a little shorter or longer.
fn sensitivity(exposure: impl Fn(f64) -> f64, lag_s: f64) -> f64 {
    let off = LAG_OFF_S.max(LAG_OFF * lag_s);
    let (shorter, longer) = (exposure((lag_s - off).max(0.0)), exposure(lag_s + off));
    if longer > 0.0 { (shorter / longer).ln().abs().min(3.0) } else { 3.0 }
}

/// How well a mean explains a count, in nats: a normal density whose variance adds count noise, over-dispersion and
/// the belief's own width.
fn ln_likelihood(count: f64, mean: f64, noise: f64, shape: f64) -> f64 {
    let variance = noise * mean + mean * mean / shape + 0.5;
    let ln = -0.5 * ((count - mean).powi(2) / variance + variance.ln());
    ln.max(WORST_EVIDENCE)
}
