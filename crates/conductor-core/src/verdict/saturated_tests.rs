//! The reason for a target that was not held names the application that was at its limit first, and says so where that is not known.

use jiff::Timestamp;

use crate::phase::Cause;
use crate::saturation::{Saturation, Used};
use crate::verdict::VerdictCause;
use crate::verdict::tests::{following, judged, spec};

/// A load that falls short from 90 s on; the shares of two applications, and whether they could be read, as functions of time.
fn fallen_short(share: f64, used: impl Fn(f64) -> Option<[f64; 2]>) -> VerdictCause {
    let mut ticks = following(&spec(), |from_s| if from_s < 90.0 { 1.0 } else { share });
    for tick in &mut ticks {
        let at = Timestamp::from_second(tick.at_s as i64).unwrap();
        let one = |name: &str, ratio| Used { application: name.parse().unwrap(), ratio };
        let look = match used(tick.at_s) {
            Some([db, shop]) => Saturation::of(at, 0.9, vec![one("db", db), one("shop", shop)]),
            None => Saturation::failed(at, 0.9, "no answer within 10s"),
        };
        tick.saturation = Some(look.since(Timestamp::UNIX_EPOCH));
    }
    judged(&spec(), &ticks, Cause::Completed).causes.remove(0)
}

fn evidence(cause: &VerdictCause) -> Vec<String> {
    cause
        .evidence
        .iter()
        .map(ToString::to_string)
        .filter(|line| line.ends_with("the environment's saturation"))
        .collect()
}

#[test]
fn the_application_that_was_at_its_limit_first_is_named() {
    let cause =
        fallen_short(0.7, |at_s| Some([if at_s >= 80.0 { 0.97 } else { 0.5 }, if at_s >= 100.0 { 1.0 } else { 0.6 }]));
    assert_eq!(cause.code, "target_not_held");
    let told =
        "; db (97 % of what it may have) was saturated first, at 1m20s of the load, and one other application by then";
    assert!(cause.message.ends_with(told), "{}", cause.message);
    assert_eq!(
        evidence(&cause),
        [
            "db was saturated first, and one other application by then: 97 % (limit 90 %), from 1m20s to 1m30s; the environment's \
          saturation"
        ]
    );
}

#[test]
fn what_nobody_was_at_or_nobody_read_is_said() {
    let calm = fallen_short(0.7, |_| Some([0.5, 0.8]));
    let told =
        "; no application was seen at 90 % of what it may have by then, shop (80 % of what it may have) used most";
    assert!(calm.message.ends_with(told), "{}", calm.message);
    let unread = fallen_short(0.7, |_| None);
    assert_eq!(
        evidence(&unread),
        [
            "which application was at its limit first is not known: nothing was read by then: no answer within 10s; the environment's \
          saturation"
        ]
    );
    let late = fallen_short(0.7, |at_s| Some([if at_s > 150.0 { 1.0 } else { 0.5 }, 0.8]));
    assert!(late.message.contains("no application was seen"), "long after it is too late: {}", late.message);
    let lagging = fallen_short(0.7, |at_s| Some([if at_s >= 120.0 { 1.0 } else { 0.5 }, 0.8]));
    assert!(lagging.message.contains("db (100 %"), "what is measured may be late: {}", lagging.message);
}

#[test]
fn more_than_the_target_is_nobodys_limit() {
    let cause = fallen_short(1.4, |_| Some([1.0, 1.0]));
    assert_eq!((cause.code.as_str(), evidence(&cause).len()), ("target_not_held", 0), "{}", cause.message);
}
