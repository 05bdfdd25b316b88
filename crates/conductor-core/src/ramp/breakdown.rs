//! When a KPI has broken down: in one window where counts are large, in several together where they are few.

/// Below this share of what is expected, and so many standard deviations off, the KPI has broken down.
const BROKEN: f64 = 0.6;
const BROKEN_SD: f64 = 3.0;
/// Where counts are few it takes several windows: evidence that no more than this share of the KPI is left, nats, how much of it
/// is needed, how much one window may add, and the relative error of what is expected.
const LEFT: f64 = 0.4;
const NEEDED: f64 = 8.0;
const MOST_AT_ONCE: f64 = 0.7;
const ERROR: f64 = 0.1;

/// Evidence so far and that in a count, where so many events are expected with so much noise; nats, never below none.
pub(super) fn gathered(so_far: f64, count: f64, expected: f64, noise: f64) -> f64 {
    let evidence = count * LEFT.ln() + (1.0 - LEFT) * expected;
    let noise = noise + ERROR.powi(2) * expected;
    (so_far + (evidence / noise).min(MOST_AT_ONCE * NEEDED)).max(0.0)
}

/// True where the count alone, or the evidence with those before it, shows that the KPI has broken down.
pub(super) fn is_certain(evidence: f64, count: f64, expected: f64, dispersion: f64) -> bool {
    count < BROKEN * expected - BROKEN_SD * (dispersion * expected).sqrt() || evidence > NEEDED
}
