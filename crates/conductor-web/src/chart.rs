//! Line charts: axes with round ticks, lines with gaps where nothing was measured, bands. Colours are CSS classes.
//!
//! Lines and bands are an SVG that is stretched to its place, with strokes that keep their width; figures beside the axes are
//! text of the page around it, so that they are as large on a phone as on a wide screen.

use std::fmt::Write;

use crate::text::{clock, number};

/// The width and the height of the drawing in units of its own, which are stretched to its place.
const SIZE: f64 = 1000.0;

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

/// What a line or a band means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// A piece of it, as an SVG element.
    pub(crate) sample: String,
    pub(crate) text: String,
}

impl Entry {
    /// Of a line.
    pub(crate) fn line(class: &str, text: impl Into<String>) -> Self {
        Self::with(&format!("<path class=\"line {class}\" d=\"M0 5H26\"/>"), text.into())
    }

    /// Of a band.
    pub(crate) fn band(class: &str, text: impl Into<String>) -> Self {
        Self::with(&format!("<rect class=\"{class}\" width=\"26\" height=\"10\"/>"), text.into())
    }

    fn with(shape: &str, text: String) -> Self {
        Self { sample: format!("<svg viewBox=\"0 0 26 10\" aria-hidden=\"true\">{shape}</svg>"), text }
    }
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
    /// The chart as an element of a page.
    pub(crate) fn html(&self) -> String {
        let values = self.lines.iter().flat_map(|line| line.points.iter().filter_map(|(_, value)| *value));
        let highest = values.chain(self.bands.iter().filter_map(|band| Some(band.values?.1))).fold(0.0, f64::max);
        let step = round_step(highest / 4.0);
        let top = (highest / step).ceil().max(1.0) * step;
        let scale = Scale { length_s: self.length_s.max(1.0), top };
        let mut html = "<div class=\"plot\">".to_owned();
        let marks: Vec<f64> = (0..=(top / step).round() as u32).map(|count| f64::from(count) * step).collect();
        push(
            &mut html,
            format_args!(
                "<svg viewBox=\"0 0 {SIZE} {SIZE}\" preserveAspectRatio=\"none\" role=\"img\"><title>{}</title>",
                self.title
            ),
        );
        for band in &self.bands {
            let (left, right) = (scale.x(band.from_s), scale.x(band.to_s));
            let (low, high) = band.values.unwrap_or((0.0, top));
            let (high, low) = (scale.y(high), scale.y(low));
            push(
                &mut html,
                format_args!(
                    "<rect class=\"{}\" x=\"{left:.1}\" y=\"{high:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
                    band.class,
                    right - left,
                    low - high
                ),
            );
        }
        for value in &marks {
            push(&mut html, format_args!("<path class=\"grid\" d=\"M0 {:.1}H{SIZE}\"/>", scale.y(*value)));
        }
        for line in &self.lines {
            push(&mut html, format_args!("<path class=\"line {}\" d=\"{}\"/>", line.class, path(&line.points, &scale)));
        }
        html.push_str("</svg>");
        for value in marks {
            let bottom = 100.0 - scale.y(value) / SIZE * 100.0;
            push(&mut html, format_args!("<span class=\"y\" style=\"bottom:{bottom:.2}%\">{}</span>", number(value)));
        }
        time_axis(&mut html, &scale);
        html + "</div>"
    }
}

/// From seconds and values to places on the paper.
struct Scale {
    length_s: f64,
    top: f64,
}

impl Scale {
    fn x(&self, seconds: f64) -> f64 {
        (seconds / self.length_s).clamp(0.0, 1.0) * SIZE
    }

    fn y(&self, value: f64) -> f64 {
        SIZE - (value / self.top).clamp(0.0, 1.0) * SIZE
    }
}

/// The times under a chart. Every other one is left out where there is little room.
fn time_axis(html: &mut String, scale: &Scale) {
    let step = time_step(scale.length_s / 7.0);
    let count = ((scale.length_s + 0.5) / step).floor() as u32;
    for position in 0..=count {
        let seconds = f64::from(position) * step;
        let (class, left) = (if position % 2 == 0 { "x" } else { "x odd" }, scale.x(seconds) / SIZE * 100.0);
        push(html, format_args!("<span class=\"{class}\" style=\"left:{left:.2}%\">{}</span>", clock(seconds)));
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
        let html = Chart { title: "t", length_s: 0.0, bands: vec![], lines: vec![] }.html();
        assert!(html.contains(">0</span>") && html.contains(">0:00</span>"), "{html}");
        assert!(!html.contains("NaN"));
    }
}
