//! What is believed of the gain (KPI events per user and minute): a Gamma posterior for each candidate lag, and how
//! well each lag explains what was counted.
//!
//! A window with exposure E is expected to hold gain × E events; its variance is that of Poisson counts times an
//! over-dispersion φ, plus a model error. The posterior forgets slowly, so that it follows a gain that drifts.

use serde::{Deserialize, Serialize};

use super::history::{Ends, History};
use super::scatter::Scatter;
use super::tuning::{MOST_LAGS, Tuning};
use super::{Config, Window};

/// What a lag's evidence loses for each place in the list, nats: of lags that explain alike the shorter one is taken.
const LATER_LAG: f64 = 0.1;
/// What other lags than the one that was told begin with, nats.
const HINT_TRUSTED: f64 = 6.0;
/// The shortest lag that is told from none, as a share of the interval.
const SHORTEST_LAG: f64 = 0.3;
/// A lag that weighs less counts for nothing.
const LEAST_WEIGHT: f64 = 0.02;
/// No window counts more than this against a lag, nats, beside the best: one odd window must not decide.
const WORST_EVIDENCE: f64 = -30.0;
/// What a count is worth where nothing could be counted, nats.
const IMPOSSIBLE: f64 = -1e9;
/// How far behind the best a lag's evidence may fall, nats, so that it can come back.
const FARTHEST_BEHIND: f64 = 12.0;
/// By how much other a lag is taken to see what that would change: seconds at least, and as a share of it.
const LAG_OFF_S: f64 = 12.0;
const LAG_OFF: f64 = 0.15;
/// User-minutes that are next to none.
const LEAST_EXPOSED: f64 = 1e-9;
/// The most the trend may be, in ln gain a minute.
const STEEPEST_TREND: f64 = 0.015;
const TREND_KEPT: f64 = 0.97;
/// A window this many standard deviations off is a surprise; so many of one sign in a row mean that the gain moves.
const SURPRISE_SD: f64 = 0.6;
const SURPRISES: u32 = 3;
const MOST_BOOST: f64 = 64.0;

/// One candidate lag: the posterior if it is the true one, and the evidence that it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Candidate {
    lag_s: f64,
    shape: f64,
    rate: f64,
    evidence: f64,
}

/// The candidates together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Bank {
    candidates: [Candidate; MOST_LAGS],
    /// The share of each lag; those that say next to nothing have none.
    weights: [f64; MOST_LAGS],
    lags: usize,
    told: bool,
    /// Over-dispersion of counts, 1 for Poisson, and the count that it was learnt at.
    dispersion: f64,
    dispersed_at: f64,
    /// Windows the lags were told apart by.
    weighed: f64,
    scatter: Scatter,
    /// Windows the dispersion was learnt from.
    dispersed: f64,
    /// Change of ln gain a minute.
    pub(super) trend: f64,
    /// Surprises in a row, and their sign.
    surprises: u32,
    sign: f64,
}

/// What the candidates expect of a window, before it is learnt from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forecast {
    exposed: [f64; MOST_LAGS],
    noise: [f64; MOST_LAGS],
    weight: [f64; MOST_LAGS],
    /// Events expected.
    pub(super) events: f64,
    /// Standard deviation of what is counted.
    pub(super) sd: f64,
    /// How much the exposure would change, in ln, were the lag a little other.
    pub(super) sensitivity: f64,
    /// Events the belief is worth.
    pub(super) worth: f64,
    mean_noise: f64,
    wander: f64,
    drift: f64,
}

/// What is believed over all lags.
#[derive(Clone, Copy, Debug)]
pub(super) struct Belief {
    /// KPI events per user and minute.
    pub(super) gain: f64,
    /// From users to KPI, seconds.
    pub(super) lag_s: f64,
    /// Events the belief is worth.
    pub(super) worth: f64,
    /// The largest gain that a likely lag allows, for planning while little is known.
    pub(super) most_gain: f64,
}

/// How a window is learnt from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lesson {
    /// Whether it tells lags apart.
    pub(super) tells_lags: bool,
    /// Whether the trend is followed.
    pub(super) follows_trend: bool,
    /// Whether it teaches how much counts scatter.
    pub(super) teaches_noise: bool,
    /// Whether all that was believed is in doubt.
    pub(super) breaks: bool,
}

/// What a forecast rests on besides the window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outlook {
    /// Whether users follow the line: then the trend is foreseen.
    pub(super) tracking: bool,
    /// Whether the gain is anchored.
    pub(super) anchored: bool,
}

impl Bank {
    pub(super) fn new(config: &Config) -> Self {
        let tuning = &config.tuning;
        let told = config.users_per_kpi.filter(|users| users.is_finite() && *users > 0.0);
        let (shape, rate) =
            told.map_or((1.0, tuning.prior_gain.recip()), |users| (tuning.told_shape, tuning.told_shape * users));
        let mut candidates = [Candidate::default(); MOST_LAGS];
        let hinted = config.kpi_lag_s.filter(|lag| lag.is_finite() && *lag >= 0.0);
        // Lags much shorter than an interval cannot be told from none.
        let shortest_s = SHORTEST_LAG * config.interval_s;
        let distinct = tuning.lags.iter().copied().filter(|lag_s| *lag_s <= 0.0 || *lag_s >= shortest_s);
        let mut lags = 0;
        let others =
            distinct.filter(|lag_s| hinted.is_none_or(|hint| (hint - lag_s).abs() > shortest_s.max(LAG_OFF * hint)));
        for (candidate, lag_s) in candidates.iter_mut().zip(hinted.into_iter().chain(others)) {
            let unlikely = if lags > 0 && hinted.is_some() { HINT_TRUSTED } else { 0.0 };
            *candidate = Candidate { lag_s, shape, rate, evidence: -LATER_LAG * lags as f64 - unlikely };
            lags += 1;
        }
        let mut bank = Self {
            candidates,
            weights: [0.0; MOST_LAGS],
            lags,
            told: told.is_some(),
            dispersion: 1.0,
            dispersed_at: 0.0,
            weighed: 0.0,
            scatter: Scatter::default(),
            dispersed: 0.0,
            trend: 0.0,
            surprises: 0,
            sign: 0.0,
        };
        bank.weigh();
        bank
    }

    /// Whether the ratio was told.
    pub(super) fn is_told(&self) -> bool {
        self.told
    }

    /// What the candidates expect of a window.
    pub(super) fn forecast(&self, tuning: &Tuning, history: &History, window: &Window, outlook: Outlook) -> Forecast {
        let minutes = window.minutes();
        let ends = history.ends(window);
        let mut forecast = Forecast {
            exposed: [0.0; MOST_LAGS],
            noise: [0.0; MOST_LAGS],
            weight: self.weights,
            events: 0.0,
            sd: 0.0,
            sensitivity: 0.0,
            worth: 0.0,
            mean_noise: 0.0,
            wander: self.wander(tuning, outlook) * minutes,
            drift: if outlook.tracking { (self.trend * minutes).exp() } else { 1.0 },
        };
        for (position, candidate) in self.candidates[..self.lags].iter().enumerate() {
            let lag_s = candidate.lag_s;
            let exposed = history.exposure_of(&ends, lag_s);
            let moving = sensitivity(history, &ends, lag_s);
            let events = candidate.shape / candidate.rate * forecast.drift * exposed;
            let noise = self.dispersion_at(tuning, events, minutes)
                + (tuning.model_error.powi(2) + (tuning.lag_error * moving).powi(2)) * events;
            let weight = forecast.weight[position];
            forecast.exposed[position] = exposed;
            forecast.noise[position] = noise;
            forecast.events += weight * events;
            forecast.worth += weight * candidate.shape;
            forecast.mean_noise += weight * noise;
            forecast.sensitivity += weight * moving;
        }
        let relative = forecast.worth.recip() + forecast.wander;
        forecast.sd = (forecast.mean_noise * forecast.events + forecast.events.powi(2) * relative + 0.25).sqrt();
        forecast
    }

    /// Log-probability of counting nothing in the window, by the lag that makes it likeliest.
    pub(super) fn ln_nothing(&self, forecast: &Forecast) -> f64 {
        let of = |(position, candidate): (usize, &Candidate)| {
            let noise = forecast.noise[position].max(1.0);
            -candidate.shape / noise * (forecast.exposed[position] / candidate.rate).ln_1p()
        };
        let likely =
            self.candidates[..self.lags].iter().enumerate().filter(|(i, _)| forecast.weight[*i] > LEAST_WEIGHT);
        likely.map(of).fold(f64::NEG_INFINITY, f64::max)
    }

    /// Learns from a window.
    pub(super) fn learn(&mut self, tuning: &Tuning, window: &Window, forecast: &Forecast, lesson: Lesson) {
        let minutes = window.minutes();
        let kept = tuning.evidence_kept_per_min.powf(minutes);
        let (mut before, mut after) = (0.0, 0.0);
        let mut found = [0.0; MOST_LAGS];
        for (position, candidate) in self.candidates[..self.lags].iter_mut().enumerate() {
            let exposed = forecast.exposed[position];
            let mut shape = candidate.shape / (1.0 + forecast.wander * candidate.shape);
            if lesson.breaks {
                shape = shape.min(4.0);
            }
            let rate = candidate.rate * shape / candidate.shape / forecast.drift;
            before += forecast.weight[position] * shape / rate;
            found[position] = ln_likelihood(window.count, shape, shape / rate * exposed, forecast.mean_noise);
            (candidate.shape, candidate.rate) = (shape, rate);
            // Events that no user can have caused by this lag tell nothing of what users are worth.
            if exposed > LEAST_EXPOSED {
                candidate.shape += window.count / forecast.noise[position];
                candidate.rate += exposed / forecast.noise[position];
            }
            after += forecast.weight[position] * candidate.shape / candidate.rate;
        }
        if lesson.tells_lags {
            self.weigh_lags(tuning, &found, kept);
        }
        self.settle_evidence();
        let surprise = (window.count - forecast.events) / forecast.sd;
        if lesson.breaks {
            self.calm();
        } else if lesson.follows_trend {
            let trend = TREND_KEPT * self.trend + tuning.trend_gain * (after / before).ln();
            self.trend = trend.clamp(-STEEPEST_TREND, STEEPEST_TREND);
        }
        self.count_surprise(surprise);
        if lesson.teaches_noise && forecast.events > 2.0 && surprise.abs() < 6.0 {
            self.learn_dispersion(tuning, window, forecast);
        }
    }

    /// What is believed.
    pub(super) fn belief(&self, tuning: &Tuning) -> Belief {
        let mut belief = Belief { gain: 0.0, lag_s: 0.0, worth: 0.0, most_gain: 0.0 };
        for (candidate, weight) in self.candidates[..self.lags].iter().zip(self.weights) {
            let gain = candidate.shape / candidate.rate;
            belief.gain += weight * gain;
            belief.lag_s += weight * candidate.lag_s;
            belief.worth += weight * candidate.shape;
            let mut most = gain * caution(tuning, candidate.shape);
            if !self.told && candidate.shape < 3.0 {
                most = most.max((candidate.shape + tuning.events_to_come) / candidate.rate);
            }
            if weight > 0.05 {
                belief.most_gain = belief.most_gain.max(most);
            }
        }
        belief
    }

    /// Over-dispersion where so many events are expected in so many minutes. What is beyond chance of what was learnt at
    /// fewer of them grows with them.
    pub(super) fn dispersion_at(&self, tuning: &Tuning, events: f64, minutes: f64) -> f64 {
        if !tuning.noisy_ratio {
            return self.dispersion;
        }
        let growth = if self.dispersed_at > 0.0 { (events / self.dispersed_at - 1.0).max(0.0) } else { 0.0 };
        let by_chance = self.dispersion * (2.0 / (self.dispersed + 1.0)).sqrt();
        let excess = (self.dispersion - 1.0 - by_chance).max(0.0);
        (self.dispersion + excess * growth).max(self.scatter.dispersion(events / minutes)).min(tuning.most_dispersion)
    }

    /// Takes in how the ratio jumps from window to window.
    pub(super) fn observe_scatter(&mut self, tuning: &Tuning, window: &Window, exposed: f64, sensitivity: f64) {
        if tuning.noisy_ratio {
            self.scatter.observe(window, exposed, sensitivity);
        }
    }

    /// Believes this gain from now on, at all lags.
    pub(super) fn reset(&mut self, shape: f64, gain: f64) {
        let gain = gain.max(1e-9);
        for candidate in &mut self.candidates[..self.lags] {
            (candidate.shape, candidate.rate) = (shape, shape / gain);
        }
    }

    /// Forgets trend and surprises.
    pub(super) fn calm(&mut self) {
        self.trend = 0.0;
        self.surprises = 0;
    }

    fn wander(&self, tuning: &Tuning, outlook: Outlook) -> f64 {
        let unanchored = outlook.tracking && !outlook.anchored;
        let wander = if unanchored {
            tuning.unanchored_wander_per_min.max(tuning.wander_per_min)
        } else {
            tuning.wander_per_min
        };
        let more = self.surprises.saturating_sub(SURPRISES - 1);
        if more > 0 { wander * tuning.wander_boost.powf(f64::from(more)).min(MOST_BOOST) } else { wander }
    }

    fn count_surprise(&mut self, surprise: f64) {
        if surprise.abs() <= SURPRISE_SD {
            return;
        }
        let same = surprise.signum() == self.sign;
        self.surprises = if same { self.surprises.saturating_add(1) } else { 1 };
        self.sign = surprise.signum();
    }

    fn learn_dispersion(&mut self, tuning: &Tuning, window: &Window, forecast: &Forecast) {
        let known = self.dispersion_at(tuning, forecast.events, window.minutes());
        let excess = forecast.mean_noise - known;
        let expected = forecast.events * (1.0 + excess + forecast.events / forecast.worth);
        let seen = ((window.count - forecast.events).powi(2) / expected).min(12.0 * known);
        self.dispersed += 1.0;
        let minutes = window.minutes();
        let step = if self.surprises < SURPRISES {
            (0.10 * minutes).max((self.dispersed + 4.0).recip())
        } else {
            0.03 * minutes
        };
        let step = step.min(1.0);
        self.dispersion = (known + step * (seen - known)).clamp(1.0, tuning.most_dispersion);
        self.dispersed_at = self.dispersed_at.max(forecast.events);
    }

    /// Adds what was found for each lag, the best taken as nothing.
    fn weigh_lags(&mut self, tuning: &Tuning, found: &[f64; MOST_LAGS], kept: f64) {
        let best = found[..self.lags].iter().copied().fold(f64::NEG_INFINITY, f64::max);
        self.weighed += 1.0;
        let trust = (self.weighed / tuning.lag_patience).min(1.0);
        for (candidate, found) in self.candidates[..self.lags].iter_mut().zip(found) {
            candidate.evidence = kept * candidate.evidence + (trust * (found - best)).max(WORST_EVIDENCE);
        }
    }

    fn settle_evidence(&mut self) {
        let best = self.best();
        for candidate in &mut self.candidates[..self.lags] {
            candidate.evidence = (candidate.evidence - best).max(-FARTHEST_BEHIND);
        }
        self.weigh();
    }

    fn best(&self) -> f64 {
        self.candidates[..self.lags].iter().map(|candidate| candidate.evidence).fold(f64::NEG_INFINITY, f64::max)
    }

    fn weigh(&mut self) {
        let best = self.best();
        let mut sum = 0.0;
        for (weight, candidate) in self.weights.iter_mut().zip(&self.candidates[..self.lags]) {
            let share = (candidate.evidence - best).exp();
            *weight = if share < LEAST_WEIGHT { 0.0 } else { share };
            sum += *weight;
        }
        self.weights.iter_mut().for_each(|weight| *weight /= sum);
    }
}

/// By what factor a gain known so well is over-estimated on purpose.
pub(super) fn caution(tuning: &Tuning, worth: f64) -> f64 {
    1.0 + tuning.caution_sd * (1.0 - worth / tuning.sure_worth).max(0.0) / worth.sqrt()
}

/// By how much, in ln, the exposure would differ were the lag a little shorter or longer.
fn sensitivity(history: &History, ends: &Ends, lag_s: f64) -> f64 {
    let off = LAG_OFF_S.max(LAG_OFF * lag_s);
    let (shorter, longer) = (history.exposure_of(ends, (lag_s - off).max(0.0)), history.exposure_of(ends, lag_s + off));
    if shorter > 0.0 || longer > 0.0 { ((shorter + 1e-3) / (longer + 1e-3)).ln().abs().min(3.0) } else { 0.0 }
}

/// How well a belief explains a count, in nats but for what is the same for every belief: negative binomial with this mean, its shape that of the belief widened by
/// the noise beyond Poisson.
fn ln_likelihood(count: f64, shape: f64, mean: f64, noise: f64) -> f64 {
    if mean <= 1e-12 {
        return if count < 0.5 { 0.0 } else { IMPOSSIBLE };
    }
    let shape = (shape.recip() + (noise - 1.0) / mean.max(1.0)).recip().clamp(0.5, 1e7);
    let none = shape * (shape / (shape + mean)).ln();
    if count <= 0.0 {
        return none;
    }
    let choices = libm::lgamma(shape + count) - libm::lgamma(shape);
    choices + none + count * (mean / (shape + mean)).ln()
}
