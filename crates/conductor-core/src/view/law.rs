//! What the control law has to tell people: its mode when that changes, and its alarms when they begin.

use crate::phase::Level;
use crate::ramp::{Advice, Alarm, Mode};

/// What is new in an advice since the one before it, each as one sentence.
pub(super) fn news(before: Option<&Advice>, now: &Advice) -> Vec<(Level, String)> {
    let mode = before.map_or(Mode::default(), |before| before.mode);
    let alarm = before.and_then(|before| before.alarm);
    let mut news = Vec::new();
    if now.mode != mode {
        news.push((level(now.mode), format!("{}: {}{}", now.mode, now.reason, figures(now))));
    }
    // A stall is told by its mode already.
    let untold = now.alarm.filter(|_| now.alarm != alarm && now.mode != Mode::Stalled);
    news.extend(untold.map(|alarm: Alarm| (Level::Warning, alarm.to_string())));
    news
}

/// Whether somebody should look when the law goes into a mode.
fn level(mode: Mode) -> Level {
    match mode {
        Mode::Boot | Mode::Track | Mode::Hold | Mode::Climb | Mode::Probe => Level::Info,
        Mode::Test | Mode::Drain | Mode::Stalled => Level::Warning,
    }
}

/// The limit, where the mode is about it.
fn figures(advice: &Advice) -> String {
    match (advice.mode, advice.knee) {
        (Mode::Drain | Mode::Hold | Mode::Probe, Some(knee)) => format!("; {knee}"),
        (
            Mode::Boot
            | Mode::Track
            | Mode::Test
            | Mode::Climb
            | Mode::Stalled
            | Mode::Drain
            | Mode::Hold
            | Mode::Probe,
            _,
        ) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ramp::{Knee, Reason};

    fn advice(mode: Mode, reason: Reason, alarm: Option<Alarm>) -> Advice {
        Advice {
            users: 300,
            spawn_rate: 1.0,
            set_point_per_min: 2000.0,
            alarm,
            mode,
            reason,
            gain: 6.4,
            gain_sd: 0.02,
            lag_s: 9.0,
            efficiency: None,
            knee: None,
        }
    }

    #[test]
    fn a_mode_is_told_once_with_its_reason_and_nothing_while_it_lasts() {
        let boot = advice(Mode::Boot, Reason::Begin, None);
        let test = advice(Mode::Test, Reason::EfficiencyLost, None);
        assert!(news(None, &boot).is_empty(), "every run begins there");
        let told = news(Some(&boot), &test);
        assert_eq!(told, [(Level::Warning, "test: users are worth less than they were".to_owned())]);
        assert!(news(Some(&test), &test).is_empty());
    }

    #[test]
    fn the_limit_is_told_where_the_mode_is_about_it() {
        let track = advice(Mode::Track, Reason::RatioLearnt, None);
        let knee = Some(Knee { users: 141.6, kpi_per_min: 899.6 });
        let hold = Advice { knee, ..advice(Mode::Hold, Reason::Drained, None) };
        let told = news(Some(&track), &hold);
        assert_eq!(
            told,
            [(Level::Info, "hold: the system is well again; its limit is 900/min with 142 users".to_owned())]
        );
        let back = Advice { knee, ..advice(Mode::Track, Reason::LineWithinReach, None) };
        assert_eq!(news(Some(&hold), &back)[0].1, "track: the line is within what the system can do");
    }

    #[test]
    fn an_alarm_is_told_when_it_begins_and_a_stall_only_once() {
        let fine = advice(Mode::Track, Reason::RatioLearnt, None);
        let short = advice(Mode::Track, Reason::RatioLearnt, Some(Alarm::GeneratorShort));
        let told = news(Some(&fine), &short);
        assert_eq!(
            told,
            [(
                Level::Warning,
                "the load generator runs fewer users than it was told to, three times in a row".to_owned()
            )]
        );
        assert!(news(Some(&short), &short).is_empty());
        assert_eq!(news(Some(&fine), &short).len(), 1, "it may come again");
        let stalled = advice(Mode::Stalled, Reason::NothingCounted, Some(Alarm::Stalled));
        let told = news(Some(&fine), &stalled);
        assert_eq!(told, [(Level::Warning, "stalled: the KPI is zero, and chance does not explain it".to_owned())]);
        let published = advice(Mode::Boot, Reason::Begin, Some(Alarm::Stalled));
        assert_eq!(news(None, &published)[0].1, "the KPI is zero, and chance does not explain it");
    }
}
