//! Line charts as SVG: axes with round ticks, lines with gaps where nothing was measured, bands. Colours are CSS classes.

use std::fmt::Write;

use crate::text::{clock, number};

const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 250.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 34.0;

/// A line over time.
pub(crate) struct Line {
    /// The CSS class that colours it.
    pub(crate) class: &'static str,
    /// Seconds and values; `None` makes a gap.
    pub(crate) points: Vec<(f64, Option<f64>)>,
}

/// An area from one time to another.
#[derive(Clone)]
pub(crate) struct Band {
    pub(crate) class: &'static str,
    pub(crate) from_s: f64,
    pub(crate) to_s: f64,
    /// The lowest and the highest value; `None` for the whole height.
    pub(crate) values: Option<(f64, f64)>,
}

/// A chart.
pub(crate) struct Chart {
    /// What it shows, for those who cannot see it.
    pub(crate) title: &'static str,
    /// The last second of the time axis.
    pub(crate) length_s: f64,
    pub(crate) bands: Vec<Band>,
    pub(crate) lines: Vec<Line>,
}

impl Chart {
    /// The chart as an SVG element.
    pub(crate) fn svg(&self) -> String {
        let values = self.lines.iter().flat_map(|line| line.points.iter().filter_map(|(_, value)| *value));
        let highest = values.chain(self.bands.iter().filter_map(|band| Some(band.values?.1))).fold(0.0, f64::max);
        let step = round_step(highest / 4.0);
        let top = (highest / step).ceil().max(1.0) * step;
        let scale = Scale { length_s: self.length_s.max(1.0), top };
        let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\"><title>{}</title>", self.title);
        for band in &self.bands {
            let (left, right) = (scale.x(band.from_s), scale.x(band.to_s));
            let (low, high) = band.values.unwrap_or((0.0, top));
            let (high, low) = (scale.y(high), scale.y(low));
            push(
                &mut svg,
                format_args!(
                    "<rect class=\"{}\" x=\"{left:.1}\" y=\"{high:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
                    band.class,
                    right - left,
                    low - high
                ),
            );
        }
        axes(&mut svg, &scale, step);
        for line in &self.lines {
            push(&mut svg, format_args!("<path class=\"line {}\" d=\"{}\"/>", line.class, path(&line.points, &scale)));
        }
        svg + "</svg>"
    }
}

/// From seconds and values to places on the paper.
struct Scale {
    length_s: f64,
    top: f64,
}

impl Scale {
    fn x(&self, seconds: f64) -> f64 {
        LEFT + (seconds / self.length_s).clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - (value / self.top).clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM)
    }
}

fn axes(svg: &mut String, scale: &Scale, step: f64) {
    let steps = (scale.top / step).round() as u32;
    for value in (0..=steps).map(|count| f64::from(count) * step) {
        let y = scale.y(value);
        push(svg, format_args!("<path class=\"grid\" d=\"M{LEFT} {y:.1}H{}\"/>", WIDTH - RIGHT));
        push(
            svg,
            format_args!(
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 8.0,
                y + 4.0,
                number(value)
            ),
        );
    }
    let step = time_step(scale.length_s / 7.0);
    let mut seconds = 0.0;
    while seconds <= scale.length_s + 0.5 {
        let x = scale.x(seconds);
        push(
            svg,
            format_args!("<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>", HEIGHT - 12.0, clock(seconds)),
        );
        seconds += step;
    }
}

/// A path through the points that lifts the pen at gaps; a point alone between two gaps is a dot.
fn path(points: &[(f64, Option<f64>)], scale: &Scale) -> String {
    let mut text = String::new();
    let mut drawing = false;
    for (position, (seconds, value)) in points.iter().enumerate() {
        let Some(value) = value else {
            drawing = false;
            continue;
        };
        let (x, y) = (scale.x(*seconds), scale.y(*value));
        push(&mut text, format_args!("{}{x:.1} {y:.1}", if drawing { "L" } else { "M" }));
        let alone = !drawing && points.get(position + 1).is_none_or(|(_, next)| next.is_none());
        if alone {
            text.push_str("h0");
        }
        drawing = true;
    }
    text
}

/// The smallest of 1, 2 and 5 times a power of ten that is not below a value.
fn round_step(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * power).find(|step| *step >= value * 0.999).unwrap_or(value)
}

/// The smallest step of a clock that is not below so many seconds.
fn time_step(seconds: f64) -> f64 {
    const STEPS: [f64; 11] = [5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0];
    STEPS.into_iter().find(|step| *step >= seconds).unwrap_or((seconds / 3_600.0).ceil() * 3_600.0)
}

fn push(text: &mut String, part: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = text.write_fmt(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        assert_eq!([0.0, 0.3, 1.0, 13.0, 550.0, 6_000.0].map(round_step), [1.0, 0.5, 1.0, 20.0, 1_000.0, 10_000.0]);
        assert_eq!([3.0, 34.0, 1_000.0, 9_000.0].map(time_step), [5.0, 60.0, 1_800.0, 10_800.0]);
    }

    #[test]
    fn a_gap_lifts_the_pen_and_a_lonely_point_is_a_dot() {
        let scale = Scale { length_s: 100.0, top: 10.0 };
        let points = [(0.0, Some(0.0)), (10.0, Some(10.0)), (20.0, None), (30.0, Some(5.0)), (40.0, None)];
        let drawn = path(&points, &scale);
        assert_eq!(drawn.matches('M').count(), 2, "{drawn}");
        assert_eq!(drawn.matches('L').count(), 1, "{drawn}");
        assert!(drawn.ends_with("h0"), "{drawn}");
    }

    #[test]
    fn a_chart_of_nothing_has_axes() {
        let svg = Chart { title: "t", length_s: 0.0, bands: vec![], lines: vec![] }.svg();
        assert!(svg.contains(">0</text>") && svg.contains(">0:00</text>"), "{svg}");
        assert!(!svg.contains("NaN"));
    }
}
