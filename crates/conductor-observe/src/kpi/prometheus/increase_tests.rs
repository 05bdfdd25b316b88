//! Counters with resets, gaps, new series and series that end.

use proptest::prelude::*;

use super::*;

/// Samples every ten seconds from a time on.
fn scraped(from: f64, values: &[f64]) -> Vec<Point> {
    values.iter().enumerate().map(|(position, value)| (from + 10.0 * position as f64, *value)).collect()
}

fn told(series: &[Vec<Point>], since: f64, now: f64) -> (f64, f64, f64) {
    let found = increase(series, since, now).unwrap();
    (found.from, found.to, found.events)
}

#[test]
fn a_window_ends_with_the_last_sample_and_has_what_lies_between() {
    let series = [scraped(0.0, &[100.0, 110.0, 130.0, 160.0])];
    assert_eq!(told(&series, 10.0, 37.0), (10.0, 30.0, 50.0));
    assert_eq!(told(&series, 15.0, 37.0), (15.0, 30.0, 40.0), "half of what lies between two samples");
    assert_eq!(told(&series, 30.0, 37.0), (30.0, 30.0, 0.0));
    assert_eq!(told(&series, 33.0, 37.0), (33.0, 33.0, 0.0), "never back");
}

#[test]
fn a_reset_counts_from_zero_and_is_told() {
    let series = [scraped(0.0, &[100.0, 110.0, 4.0, 9.0])];
    let found = increase(&series, 0.0, 31.0).unwrap();
    assert_eq!((found.events, found.reset), (19.0, true));
    assert!(!increase(&series, 20.0, 31.0).unwrap().reset, "it was before");
}

#[test]
fn several_series_are_summed_and_the_window_ends_with_the_slowest() {
    let series = [scraped(0.0, &[0.0, 10.0, 20.0, 30.0]), scraped(5.0, &[0.0, 100.0, 200.0])];
    // The second has a sample at 25 only, where the first is half way between 20 and 30.
    assert_eq!(told(&series, 5.0, 32.0), (5.0, 25.0, 220.0));
}

#[test]
fn a_series_that_ends_holds_nobody_up_and_a_new_one_counts_from_zero() {
    let old = scraped(0.0, &[500.0, 510.0, 520.0]);
    let new = scraped(33.0, &[7.0, 17.0, 27.0, 37.0]);
    assert_eq!(told(&[old.clone(), new.clone()], 0.0, 64.0), (0.0, 63.0, 57.0));
    let alone = told(&[new], 0.0, 64.0);
    assert_eq!(alone, (33.0, 63.0, 30.0), "of what was before its first sample nothing is known");
    assert_eq!(increase(&[old], 0.0, 64.0), Err(Unknown::Silent(44.0)));
}

#[test]
fn no_series_is_not_zero() {
    assert_eq!(increase(&[], 0.0, 10.0), Err(Unknown::NoSample));
    assert_eq!(increase(&[Vec::new()], 0.0, 10.0), Err(Unknown::NoSample));
}

#[test]
fn scrapes_that_are_missing_change_no_window_that_was_answered() {
    let steady: Vec<f64> = (0..20).map(|position| 10.0 * f64::from(position)).collect();
    let mut gapped = scraped(0.0, &steady);
    gapped.drain(5..12);
    let other = scraped(1.0, &steady);
    // At 85 the first is silent since 40, and the other one goes on.
    let early = [gapped[..5].to_vec(), other[..9].to_vec()];
    let first = increase(&early, 0.0, 85.0).unwrap();
    assert_eq!((first.to, first.gap), (81.0, false));
    let late = [gapped, other];
    let rest = increase(&late, first.to, 192.0).unwrap();
    let whole = increase(&late, 0.0, 192.0).unwrap();
    assert_eq!(first.events + rest.events, whole.events);
    assert!(rest.gap && whole.gap);
}

proptest! {
    /// Whenever windows are asked for, they add up to what was counted, through resets, gaps and new series.
    #[test]
    fn consecutive_windows_add_up(
        steps in prop::collection::vec((0u32..50, prop::bool::weighted(0.05), prop::bool::weighted(0.2)), 30),
        others in prop::collection::vec(0u32..50, 30),
        begins in 0usize..25,
        asked in prop::collection::vec(1.0f64..60.0, 1..12),
    ) {
        let mut value = 1000.0;
        // Scrapes before the load have told how often there is one.
        let mut first: Vec<Point> = (-40..=0).map(|position| (10.0 * f64::from(position), value)).collect();
        for (position, (more, resets, missing)) in steps.iter().enumerate() {
            value = if *resets { f64::from(*more) } else { value + f64::from(*more) };
            if !missing || *resets {
                first.push((10.0 * (position + 1) as f64, value));
            }
        }
        let mut value = 0.0;
        let second: Vec<Point> = others.iter().enumerate().skip(begins).map(|(position, more)| {
            value += f64::from(*more);
            (10.0 * position as f64 + 4.0, value)
        }).collect();
        let seen = |now: f64| {
            let until = |points: &[Point]| points.iter().copied().filter(|point| point.0 <= now).collect::<Vec<_>>();
            [until(&first), until(&second)]
        };
        let (mut now, mut cursor, mut sum) = (0.0, 0.0, 0.0);
        for wait in asked {
            now += wait;
            if let Ok(found) = increase(&seen(now), cursor, now) {
                prop_assert!(found.events >= 0.0 && found.from >= cursor && found.to >= found.from);
                sum += found.events;
                cursor = found.to;
            }
        }
        if let Ok(whole) = increase(&seen(now), 0.0, now) {
            let rest = increase(&seen(now), cursor, now).map_or(0.0, |found| found.events);
            prop_assert!((sum + rest - whole.events).abs() < 1e-6, "{} and {}", sum + rest, whole.events);
        }
    }
}
