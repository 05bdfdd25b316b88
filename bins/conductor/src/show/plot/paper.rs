//! A picture's paper: a time axis and two axes of values, from values to places, and lines with gaps.

use super::push;
use crate::show::figures::{clock, thousands};

pub(super) const WIDTH: f64 = 1000.0;
pub(super) const HEIGHT: f64 = 334.0;
pub(super) const LEFT: f64 = 66.0;
const RIGHT: f64 = 66.0;
pub(super) const TOP: f64 = 50.0;
pub(super) const BOTTOM: f64 = 40.0;
/// Steps of both axes of values, so that they share their grid.
const STEPS: u32 = 5;

/// What both axes of values and the time axis span.
pub(super) struct Paper {
    length_s: f64,
    /// One step of the left axis, events per minute.
    left_step: f64,
    /// One step of the right axis, users.
    right_step: f64,
}

impl Paper {
    pub(super) fn new(length_s: f64, highest_left: f64, highest_right: f64) -> Self {
        let step = |highest: f64| round_step(highest / f64::from(STEPS));
        Self { length_s: length_s.max(1.0), left_step: step(highest_left), right_step: step(highest_right) }
    }

    pub(super) fn x(&self, seconds: f64) -> f64 {
        LEFT + (seconds / self.length_s).clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    fn y(steps: f64) -> f64 {
        HEIGHT - BOTTOM - (steps / f64::from(STEPS)).clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM)
    }

    /// A line of values of the left axis.
    pub(super) fn left(&self, svg: &mut String, class: &str, points: &[(f64, Option<f64>)]) {
        self.line(svg, class, self.left_step, points);
    }

    /// A line of values of the right axis.
    pub(super) fn right(&self, svg: &mut String, class: &str, points: &[(f64, Option<f64>)]) {
        self.line(svg, class, self.right_step, points);
    }

    /// A line that lifts the pen where nothing is known, or the value is off the paper.
    fn line(&self, svg: &mut String, class: &str, step: f64, points: &[(f64, Option<f64>)]) {
        push(svg, format_args!("<path class=\"{class}\" d=\""));
        let mut drawing = false;
        for (seconds, value) in points {
            let value = value.filter(|value| *value <= step * f64::from(STEPS));
            if let Some(value) = value {
                let pen = if drawing { "L" } else { "M" };
                push(svg, format_args!("{pen}{:.1} {:.1}", self.x(*seconds), Self::y(value / step)));
            }
            drawing = value.is_some();
        }
        svg.push_str("\"/>");
    }

    /// Grid and figures.
    pub(super) fn axes(&self, svg: &mut String) {
        for step in 0..=STEPS {
            let (steps, right) = (f64::from(step), WIDTH - RIGHT);
            let y = Self::y(steps);
            push(svg, format_args!("<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/>"));
            for (x, anchor, value) in
                [(LEFT - 8.0, "end", steps * self.left_step), (right + 8.0, "start", steps * self.right_step)]
            {
                let figure = if value < 10.0 { format!("{}", (value * 10.0).round() / 10.0) } else { thousands(value) };
                push(
                    svg,
                    format_args!("<text x=\"{x}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{figure}</text>", y + 4.0),
                );
            }
        }
        let step = time_step(self.length_s / 9.0);
        let times =
            (0_u32..).map(|count| f64::from(count) * step).take_while(|seconds| *seconds <= self.length_s + 0.5);
        for seconds in times {
            let (x, y) = (self.x(seconds), HEIGHT - BOTTOM + 22.0);
            push(svg, format_args!("<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{}</text>", clock(seconds)));
        }
    }
}

/// The smallest of 1, 2, 2.5 and 5 times a power of ten that is not below a value.
fn round_step(value: f64) -> f64 {
    if !value.is_finite() || value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 2.5, 5.0]
        .into_iter()
        .map(|times| times * power)
        .find(|step| *step >= value * 0.999)
        .unwrap_or(10.0 * power)
}

/// The smallest step of a clock that is not below so many seconds.
fn time_step(seconds: f64) -> f64 {
    const STEPS: [f64; 9] = [15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0];
    STEPS.into_iter().find(|step| *step >= seconds).unwrap_or((seconds / 3_600.0).ceil() * 3_600.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        assert_eq!([0.0, 0.3, 1.0, 13.0, 230.0, 6_000.0].map(round_step), [1.0, 0.5, 1.0, 20.0, 250.0, 10_000.0]);
        assert_eq!([3.0, 34.0, 600.0, 9_000.0].map(time_step), [15.0, 60.0, 600.0, 10_800.0]);
    }

    #[test]
    fn a_gap_lifts_the_pen() {
        let mut svg = String::new();
        let points = [(0.0, Some(0.0)), (10.0, Some(10.0)), (20.0, None), (30.0, Some(5.0))];
        Paper::new(100.0, 10.0, 10.0).left(&mut svg, "kpi", &points);
        assert_eq!((svg.matches('M').count(), svg.matches('L').count()), (2, 1), "{svg}");
    }
}
