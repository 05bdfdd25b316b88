//! Which application was at its limit first, and what is kept of a look.

use jiff::Timestamp;

use super::*;
use crate::fixtures::tick;

fn used(name: &str, ratio: f64) -> Used {
    Used { application: name.parse().unwrap(), ratio }
}

/// Looks ten seconds apart, each with the shares of some applications; `None` for one without an answer.
fn ticks(looks: &[Option<&[(&str, f64)]>]) -> Vec<Tick> {
    let at = |position: usize| Timestamp::from_second(10 * position as i64).unwrap();
    let look = |(position, shares): (usize, &Option<&[(&str, f64)]>)| {
        let saturation = match shares {
            Some(shares) => {
                Saturation::of(at(position), 0.9, shares.iter().map(|(name, ratio)| used(name, *ratio)).collect())
            }
            None => Saturation::failed(at(position), 0.9, "it did not answer"),
        };
        Tick { saturation: Some(saturation.since(at(0))), ..tick(10.0 * position as f64) }
    };
    looks.iter().enumerate().map(look).collect()
}

fn known(ticks: &[Tick], from_s: f64, to_s: f64) -> (String, f64, f64, f64, usize) {
    match first(ticks, from_s, to_s) {
        First::Known(Reached { used, from_s, to_s, others, .. }) => {
            (used.application.to_string(), used.ratio, from_s, to_s, others)
        }
        other @ (First::NotAsked | First::Unread(_) | First::Nobody { .. }) => panic!("{other:?}"),
    }
}

#[test]
fn the_first_is_the_one_that_came_there_earliest_and_stayed() {
    let ticks = ticks(&[
        Some(&[("warm", 1.0), ("db", 0.3)]),
        Some(&[("warm", 0.4), ("db", 0.95)]),
        None,
        Some(&[("db", 1.0), ("shop", 0.99), ("warm", 0.4)]),
        Some(&[("db", 0.97), ("shop", 1.0), ("cart", 0.91)]),
    ]);
    assert_eq!(
        known(&ticks, 25.0, 35.0),
        ("db".to_owned(), 1.0, 10.0, 30.0, 1),
        "a look without an answer is no break"
    );
    assert_eq!(known(&ticks, 40.0, 45.0).4, 2);
    assert_eq!(known(&ticks, 0.0, 0.0).0, "warm");
    // No look in this time: the last one before it counts.
    assert_eq!(known(&ticks, 35.0, 38.0), ("db".to_owned(), 1.0, 10.0, 30.0, 1));
}

#[test]
fn nobody_is_named_where_nothing_shows_it() {
    let calm = ticks(&[Some(&[("db", 0.5), ("shop", 0.7)]), Some(&[("db", 0.6), ("shop", 0.89)])]);
    assert_eq!(first(&calm, 0.0, 20.0), First::Nobody { most: Some(used("shop", 0.89)), threshold: 0.9 });
    assert_eq!(first(&ticks(&[None, None]), 0.0, 20.0), First::Unread(Some("it did not answer".to_owned())));
    assert_eq!(first(&[tick(0.0)], 0.0, 20.0), First::NotAsked);
    let late = ticks(&[None, None, Some(&[("db", 1.0)])]);
    assert!(matches!(first(&late, 0.0, 10.0), First::Unread(Some(_))), "what came after it has not brought it about");
}

#[test]
fn ten_are_kept_or_all_that_are_at_their_limit() {
    let kept = |shares: Vec<Used>| {
        let look = Saturation::of(Timestamp::UNIX_EPOCH, 0.9, shares);
        (look.read, look.highest.len(), look.highest[0].ratio)
    };
    let shares = |of: &dyn Fn(usize) -> f64| (0..1_122).map(|n| used(&format!("app-{n}"), of(n))).collect::<Vec<_>>();
    assert_eq!(kept(shares(&|n| n as f64 / 1_200.0)), (1_122, 42, 1_121.0 / 1_200.0));
    assert_eq!(kept(shares(&|_| 0.1)), (1_122, 10, 0.1));
    assert_eq!(kept(shares(&|_| 2.0)), (1_122, 100, 2.0));
}

#[test]
fn what_journals_had_before_there_was_any_is_still_read() {
    let old = serde_json::json!({ "sample": null, "generator": null });
    let old: crate::phase::Measurement = serde_json::from_value(old).unwrap();
    assert_eq!((old.figures, old.saturation), (None, None));
}
