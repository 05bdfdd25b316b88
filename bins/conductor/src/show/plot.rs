//! Pictures of runs on models: the line, the KPI, the users, the knee and the modes over time, one below the other in
//! one SVG. Its colours follow the reader's light or dark surroundings. Places on paper are in `paper`.

mod paper;

use std::fmt::Write;

use conductor_core::ramp::Mode;
use conductor_sim::{Course, CourseWindow};

use paper::{BOTTOM, HEIGHT, LEFT, Paper, TOP, WIDTH};

const STYLE: &str = include_str!("plot/style.css");
/// Space for the modes' names below a picture.
const GAP: f64 = 26.0;

/// The pictures as one SVG.
pub(crate) fn svg(courses: &[Course]) -> String {
    let height = (HEIGHT + GAP) * courses.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
         <style>{STYLE}</style>\n<rect class=\"paper\" width=\"{WIDTH}\" height=\"{height}\"/>\n"
    );
    for (position, course) in courses.iter().enumerate() {
        push(&mut svg, format_args!("<g transform=\"translate(0 {})\">", position as f64 * (HEIGHT + GAP)));
        picture(&mut svg, course);
        svg.push_str("</g>\n");
    }
    svg + "</svg>\n"
}

/// The pictures as a page.
pub(crate) fn html(courses: &[Course]) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Runs on models</title>\n\
         <style>:root {{ color-scheme: light dark; }} body {{ margin: 0 auto; max-width: 1100px; }}</style>\n{}</html>\n",
        svg(courses)
    )
}

fn picture(svg: &mut String, course: &Course) {
    let highest = |value: fn(&CourseWindow) -> f64| course.windows.iter().map(value).fold(0.0, f64::max);
    let kpi = highest(|window| window.kpi_per_min.max(window.line_per_min));
    let paper = Paper::new(course.length_s, kpi, highest(|window| window.users));
    let title = format!("{}, {}, seed {}", escaped(&course.plant), course.algorithm, course.seed);
    push(svg, format_args!("<title>{title}</title><text class=\"title\" x=\"{LEFT}\" y=\"18\">{title}</text>"));
    let shown = modes(svg, course, &paper);
    paper.axes(svg);
    let knee = |insights: &[conductor_sim::Insight]| -> Vec<_> {
        insights.iter().map(|insight| (insight.at_s, insight.knee_users)).collect()
    };
    let of = |value: fn(&CourseWindow) -> f64| -> Vec<_> {
        course.windows.iter().map(|window| (window.to_s, Some(value(window)))).collect()
    };
    // A window's mean belongs to its middle.
    let mean = |value: fn(&CourseWindow) -> f64| -> Vec<_> {
        course.windows.iter().skip(1).map(|window| (window.to_s - 30.0, Some(value(window)))).collect()
    };
    let is_limited =
        |pair: &[CourseWindow]| pair[1].achievable_per_min < 0.98 * (pair[0].line_per_min + pair[1].line_per_min) / 2.0;
    let limited = course.windows.windows(2).any(is_limited);
    let mut legend = vec![("line", "target"), ("kpi", "KPI per minute")];
    paper.left(svg, "line", &of(|window| window.line_per_min));
    if limited {
        legend.insert(1, ("achievable", "what can be served"));
        paper.left(svg, "achievable", &mean(|window| window.achievable_per_min));
        legend.push(("true-knee", "users at the knee"));
        paper.right(svg, "true-knee", &mean(|window| window.knee_users));
    }
    let found = knee(&course.insights);
    if found.iter().any(|(_, users)| users.is_some()) {
        legend.push(("knee", "knee as believed"));
        paper.right(svg, "knee", &found);
    }
    legend.push(("users", "users (right)"));
    paper.right(svg, "users", &of(|window| window.users));
    paper.left(svg, "kpi", &mean(|window| window.kpi_per_min));
    key(svg, &legend, &shown);
}

/// Paints the modes as bands, and gives those that there are, in the order of their coming.
fn modes(svg: &mut String, course: &Course, paper: &Paper) -> Vec<Mode> {
    let mut shown = Vec::new();
    let mut insights = course.insights.iter().peekable();
    while let Some(first) = insights.next() {
        let Some(mode) = first.mode else { continue };
        while insights.next_if(|next| next.mode == Some(mode)).is_some() {}
        let to_s = insights.peek().map_or(course.length_s, |next| next.at_s);
        let (left, right) = (paper.x(first.at_s), paper.x(to_s));
        for (class, top, height) in [("veil", TOP, HEIGHT - TOP - BOTTOM), ("strip", HEIGHT - BOTTOM, 6.0)] {
            push(
                svg,
                format_args!(
                    "<rect class=\"{class} {mode}\" x=\"{left:.1}\" y=\"{top}\" width=\"{:.1}\" height=\"{height}\"/>",
                    right - left
                ),
            );
        }
        if !shown.contains(&mode) {
            shown.push(mode);
        }
    }
    shown
}

/// Says what the lines and the bands are.
fn key(svg: &mut String, lines: &[(&str, &str)], modes: &[Mode]) {
    const LETTER: f64 = 6.1;
    let mut left = LEFT;
    for (class, name) in lines {
        push(
            svg,
            format_args!(
                "<path class=\"{class}\" d=\"M{left:.1} 32h20\"/><text x=\"{:.1}\" y=\"36\">{name}</text>",
                left + 26.0
            ),
        );
        left += 26.0 + LETTER * name.len() as f64 + 16.0;
    }
    let mut left = LEFT;
    for mode in modes {
        let name = mode.to_string();
        push(
            svg,
            format_args!(
                "<rect class=\"strip {mode}\" x=\"{left:.1}\" y=\"{}\" width=\"12\" height=\"9\"/>\
                 <text x=\"{:.1}\" y=\"{}\">{name}</text>",
                HEIGHT - 6.0,
                left + 17.0,
                HEIGHT + 3.0
            ),
        );
        left += 17.0 + LETTER * name.len() as f64 + 16.0;
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn push(text: &mut String, part: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = text.write_fmt(part);
}

#[cfg(test)]
mod tests {
    use conductor_sim::{Algorithm, scenarios};

    use super::*;

    fn course(name: &str, algorithm: Algorithm) -> Course {
        let plants = scenarios();
        let plant = plants.iter().find(|plant| plant.name == name).unwrap();
        Course::run(plant, algorithm, 1, 60.0)
    }

    #[test]
    fn a_picture_shows_lines_knee_and_modes() {
        let svg = svg(&[course("overcap", Algorithm::Adaptive)]);
        for part in ["overcap, adaptive, seed 1", "class=\"kpi\"", "class=\"users\"", "class=\"knee\"", "strip hold"] {
            assert!(svg.contains(part), "{part} is missing");
        }
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn what_an_algorithm_has_not_is_not_drawn() {
        let svg = svg(&[course("nom600", Algorithm::Fixed)]);
        assert!(!svg.contains("<rect class=\"strip") && !svg.contains("class=\"knee\""));
    }

    #[test]
    fn a_name_cannot_break_out_of_its_picture() {
        let mut course = course("nom600", Algorithm::Fixed);
        course.plant = "<script>&".to_owned();
        let page = html(&[course]);
        assert!(page.contains("&lt;script&gt;&amp;, fixed") && !page.contains("<script"), "{page}");
    }
}
