//! Every parameter of the adaptive law, with its unit, its default and the reason for it. [`Tuning::default`] is what
//! runs use; the figures in the documentation were measured with it.

/// Candidate lags from users to KPI events, seconds; at most [`MOST_LAGS`].
pub type Lags = &'static [f64];

/// The most candidate lags a [`Tuning`] may have.
pub const MOST_LAGS: usize = 12;

/// The parameters of the adaptive law.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tuning {
    /// Candidate lags, seconds. Default 0 to 300: the short ones are for short journeys measured at short intervals, the
    /// longest is five times a usual journey.
    pub lags: Lags,
    /// Variance by which the logarithm of the gain wanders in a minute once it is anchored. Default 0.004²: a gain that
    /// drifts by some percent in ten minutes is followed; what drifts faster shows as a trend or as surprises.
    pub wander_per_min: f64,
    /// The same while the gain is not anchored yet. Default 0.03²: what is believed early was learnt on a ramp.
    pub unanchored_wander_per_min: f64,
    /// What is believed of KPI events per user and minute where nothing is told. Default 0.5: with a shape of 1, 95 % of
    /// the belief is below 1.5.
    pub prior_gain: f64,
    /// Shape of the belief where the ratio is told. Default 12 events: right within 29 %, one standard deviation.
    pub told_shape: f64,
    /// Standard deviations by which the gain is over-estimated on purpose while little is known. Default 0.8: too few users
    /// cost a minute, too many can cost the system.
    pub caution_sd: f64,
    /// Events added to those that were counted, where they are fewer than three. Default 1: the next one may be about to come.
    pub events_to_come: f64,
    /// Events the belief must be worth for that caution to end. Default 30.
    pub sure_worth: f64,
    /// Most growth of users in a minute while they are below three quarters of what the line needs, as a factor. Default
    /// 4.5: a ramp of minutes can still be caught up with.
    pub far_growth_per_min: f64,
    /// Most growth in a minute near the line, as a factor, unless the line itself grows faster. Default 1.15.
    pub near_growth_per_min: f64,
    /// Growth in a minute on the way up to an unknown limit, as a factor. Default 1.10.
    pub climb_growth_per_min: f64,
    /// On a level line, a change smaller than this many standard deviations of the gain is not made. Default 0.5: users
    /// that come and go for noise cost journeys and tell nothing.
    pub dead_band_sd: f64,
    /// The share of the limit at which users are held. Default 0.98.
    pub hold_share: f64,
    /// The same where the system collapsed at its limit. Default 0.975: each collapse costs ten minutes.
    pub collapsed_hold_share: f64,
    /// Time in the hold before the first probe, minutes. Default 5.
    pub first_probe_min: f64,
    /// The smallest probe, as a share of users. Default 0.06.
    pub probe_step: f64,
    /// Most over-dispersion of counts against Poisson, as a factor of their variance. Default 300: a ratio that varies by a third,
    /// at thousands of events a window.
    pub most_dispersion: f64,
    /// Whether what a user is worth may itself be noisy. Then dispersion grows with the count, so that what a ramp has shown
    /// at a low KPI holds at a higher one, and it is also learnt from how the ratio jumps from window to window, whatever the
    /// mode. Default true.
    pub noisy_ratio: bool,
    /// What the wander is multiplied by for each surprise more in one direction, from the third on. Default 2.
    pub wander_boost: f64,
    /// Evidence for a lag that is kept after a minute, as a share. Default 0.98: half of it is gone in half an hour.
    pub evidence_kept_per_min: f64,
    /// Windows until what they say of lags counts whole; before that it counts by so much less. Default 2.5: users who have just
    /// begun make the shortest lag look likely.
    pub lag_patience: f64,
    /// Standard deviations beyond which one window that is not zero is not believed until a second one like it comes.
    /// Default 5: where neither growth nor response times speak for a loss, the answer to one comes a window later.
    pub outlier_sd: f64,
    /// Standard deviations off, in one direction, at which two windows in a row confirm each other. Default 3: by chance in one
    /// of half a million pairs.
    pub twice_off_sd: f64,
    /// Probability below which a run of zeros is not chance. Default 0.001.
    pub chance: f64,
    /// How long such a run lasts before it is a stall, minutes. Default 3.
    pub stall_min: f64,
    /// Relative error of the model itself. Default 0.004: however many events are counted, no gain is known better.
    pub model_error: f64,
    /// Relative error of the model for each unit by which the logarithm of the exposure would change were the lag a
    /// little other. Default 0.5: windows in which users move teach less.
    pub lag_error: f64,
    /// The share of a change of the gain that goes into its trend. Default 0.13.
    pub trend_gain: f64,
    /// Loss of efficiency that is looked for, as a share. Default 0.09.
    pub loss: f64,
    /// Evidence for that loss at which users are put to the test, nats. Default 9: one false alarm in eight thousand windows.
    pub loss_evidence: f64,
    /// A gain that falls is made up for by more users only down to this share of the anchor before it is proven that the
    /// system is well. Default 0.90.
    pub unproven_share: f64,
    /// The most the anchor falls in a minute while the line is not met, as a share. Default 0.015.
    pub anchor_fall_per_min: f64,
    /// Efficiency at which the system counts as well again. Default 0.90.
    pub well: f64,
    /// The smallest share of users that is taken away for a test. Default 0.25: a smaller one is lost in the noise.
    pub test_step: f64,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            lags: &[0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 110.0, 160.0, 220.0, 300.0],
            wander_per_min: 0.004 * 0.004,
            unanchored_wander_per_min: 0.03 * 0.03,
            prior_gain: 0.5,
            told_shape: 12.0,
            caution_sd: 0.8,
            events_to_come: 1.0,
            sure_worth: 30.0,
            far_growth_per_min: 4.5,
            near_growth_per_min: 1.15,
            climb_growth_per_min: 1.10,
            dead_band_sd: 0.5,
            hold_share: 0.98,
            collapsed_hold_share: 0.975,
            first_probe_min: 5.0,
            probe_step: 0.06,
            most_dispersion: 300.0,
            noisy_ratio: true,
            wander_boost: 2.0,
            evidence_kept_per_min: 0.98,
            lag_patience: 2.5,
            outlier_sd: 5.0,
            twice_off_sd: 3.0,
            chance: 1e-3,
            stall_min: 3.0,
            model_error: 0.004,
            lag_error: 0.5,
            trend_gain: 0.13,
            loss: 0.09,
            loss_evidence: 9.0,
            unproven_share: 0.90,
            anchor_fall_per_min: 0.015,
            well: 0.90,
            test_step: 0.25,
        }
    }
}
