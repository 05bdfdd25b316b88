//! Searches with the control law on a model that saturates, and single trials by hand.

use super::*;
use crate::ramp::{self, Algorithm, Config, Congestion, Knee, Observation, State};

fn plan(from: &str, to: &str) -> SearchPlan {
    let span = |text: &str| text.parse().unwrap();
    SearchPlan {
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        step: 0.10,
        hold: span("3m"),
        ramp_up: span("5m"),
        precision: 0.025,
    }
}

/// A search with the law that steers, on users who are worth 6 events a minute each up to a capacity.
struct Bench {
    search: Search,
    config: Config,
    state: State,
    advice: Advice,
    at_s: f64,
    users: u64,
}

impl Bench {
    fn new(plan: &SearchPlan, max_users: Option<u64>) -> Self {
        let line = Profile::ramp(plan.from.as_per_minute(), plan.ramp_up.as_secs_f64(), plan.hold.as_secs_f64());
        let config = Config { max_users, ..Config::new(Algorithm::Adaptive, line, 60.0) };
        let begin = Observation { at_s: 0.0, users: 1, window: None, congestion: Congestion::Unknown };
        let (state, advice) = ramp::step(&config, State::new(&config), &begin);
        let search = Search::begin(plan, Span::minutes(1), max_users);
        Self { search, config, state, advice, at_s: 0.0, users: 1 }
    }

    /// One minute, in which the system does what it can, and the generator as much as that.
    fn minute(&mut self, capacity: f64) {
        let users = f64::midpoint(self.users as f64, self.advice.users as f64);
        self.users = self.advice.users;
        let count = (6.0 * users).min(capacity).round();
        let window = Window { from_s: self.at_s, to_s: self.at_s + 60.0, count };
        self.at_s += 60.0;
        let sight = Sight {
            at_s: self.at_s,
            window: Some(window),
            users: self.users,
            generator_bound: false,
            advice: &self.advice,
        };
        if let Some(line) = self.search.see(&sight, &self.config.profile) {
            assert!((line.at(self.at_s) - self.config.profile.at(self.at_s)).abs() < 1e-6, "the set-point never jumps");
            self.config.profile = line;
        }
        let observation =
            Observation { at_s: self.at_s, users: self.users, window: Some(window), congestion: Congestion::Unknown };
        let (state, advice) = ramp::step(&self.config, self.state.clone(), &observation);
        (self.state, self.advice) = (state, advice);
    }

    fn run(mut self, capacity: f64) -> Search {
        while self.search.end().is_none() {
            assert!(self.at_s < self.search.longest_s(), "not over in its longest time: {:?}", self.search);
            self.minute(capacity);
        }
        self.search
    }
}

#[test]
fn the_highest_level_is_found_wherever_the_limit_is() {
    for capacity in [1_300.0, 1_900.0, 2_777.0, 4_200.0, 9_000.0] {
        let search = Bench::new(&plan("1200/min", "20000/min"), None).run(capacity);
        assert_eq!(search.end(), Some(SearchEnd::LimitFound), "{capacity}: {search:?}");
        let found = search.found();
        let best = found.sustained.unwrap();
        let mean = best.mean_per_min.unwrap();
        assert!((0.92..=1.001).contains(&(mean / capacity)), "{mean} of {capacity}: {:?}", search.trials());
        let upper = found.not_sustained_per_min.unwrap();
        assert!(upper > 0.97 * capacity, "{upper} of {capacity} was called too much: {:?}", search.trials());
        assert!(upper / best.level_per_min <= 1.025 + 1e-6, "{search:?}");
        let users = best.users.unwrap();
        assert!((0.9..1.15).contains(&(users * 6.0 / capacity)), "{users} users for {capacity}");
    }
}

#[test]
fn a_system_that_sustains_the_highest_level_has_no_limit_to_show() {
    let search = Bench::new(&plan("1200/min", "2000/min"), None).run(9_000.0);
    assert_eq!(search.end(), Some(SearchEnd::NoLimitSeen));
    let found = search.found();
    assert_eq!((found.sustained.unwrap().level_per_min, found.not_sustained_per_min), (2000.0, None));
    let levels: Vec<f64> = search.trials().iter().map(|trial| trial.level_per_min.round()).collect();
    assert_eq!(levels, [1200.0, 1320.0, 1452.0, 1597.0, 1757.0, 1933.0, 2000.0]);
    assert!(search.trials().iter().all(|trial| trial.margin_per_min.unwrap() < 0.05 * trial.level_per_min));
}

#[test]
fn a_first_level_that_is_too_high_is_told_as_that() {
    let search = Bench::new(&plan("1200/min", "2000/min"), None).run(700.0);
    assert_eq!(search.end(), Some(SearchEnd::NothingSustained), "{search:?}");
    assert_eq!(search.trials().len(), 1);
}

#[test]
fn users_that_run_out_are_not_taken_for_the_systems_limit() {
    let search = Bench::new(&plan("1200/min", "20000/min"), Some(300)).run(1e6);
    assert_eq!(search.end(), Some(SearchEnd::UsersCapped), "{search:?}");
    assert!(search.trials().last().unwrap().users_capped);
    assert!(search.found().sustained.unwrap().level_per_min <= 1800.0 * 1.06);
}

/// The advice of a law that is in this mode.
fn advice(mode: Mode) -> Advice {
    let knee = Some(Knee { users: 300.0, kpi_per_min: 1800.0 });
    Advice { mode, knee, lag_s: 30.0, ..Bench::new(&plan("1200/min", "2000/min"), None).advice }
}

/// Shows a search one minute of a level in a mode of the law.
fn show(search: &mut Search, minute: u64, mode: Mode, count: Option<f64>, generator_bound: bool) -> Option<Profile> {
    let at_s = minute as f64 * 60.0;
    let window = count.map(|count| Window { from_s: at_s - 60.0, to_s: at_s, count });
    let line = Profile::ramp(1200.0, 300.0, 180.0);
    search.see(&Sight { at_s, window, users: 200, generator_bound, advice: &advice(mode) }, &line)
}

fn begun() -> Search {
    let mut search = Search::begin(&plan("1200/min", "2000/min"), Span::minutes(1), None);
    for minute in 1..=5 {
        assert_eq!(show(&mut search, minute, Mode::Track, Some(1000.0), false), None);
    }
    search
}

/// Shows holds of three minutes with this KPI from the minute after `minute` on, until the trial is over; tells how many.
fn holds_until_over(search: &mut Search, mut minute: u64, count: f64) -> u32 {
    let trials = search.trials().len();
    for hold in 1..=10 {
        for _ in 0..3 {
            assert_eq!(search.trials().len(), trials, "in hold {hold}");
            minute += 1;
            let line = show(search, minute, Mode::Track, Some(count), false);
            let end_s = minute as f64 * 60.0 + 180.0;
            assert!(line.is_none_or(|line| search.trials().len() > trials || (line.end_s() - end_s).abs() < 1e-6));
        }
        if search.trials().len() > trials {
            return hold;
        }
    }
    panic!("never over: {search:?}")
}

#[test]
fn a_hold_that_falls_short_is_repeated_before_the_level_is_too_high() {
    let mut search = begun();
    assert_eq!(holds_until_over(&mut search, 5, 900.0), 6, "what users are worth may have yet to be learnt");
    assert_eq!(search.end(), Some(SearchEnd::NothingSustained));
    let mut search = begun();
    assert_eq!(holds_until_over(&mut search, 5, 1200.0), 1);
    // The next level begins with two intervals of ramp.
    for minute in 9..=10 {
        show(&mut search, minute, Mode::Track, Some(1200.0), false);
    }
    assert_eq!(holds_until_over(&mut search, 10, 1200.0), 3);
    assert!(search.trials()[0].sustained && !search.trials()[1].sustained, "{:?}", search.trials());
}

#[test]
fn one_unlucky_hold_is_not_the_last_word() {
    let mut search = begun();
    for (minute, count) in (6..=11).zip([900.0, 1100.0, 1050.0, 1190.0, 1210.0, 1180.0]) {
        show(&mut search, minute, Mode::Track, Some(count), false);
    }
    assert!(search.trials()[0].sustained, "{:?}", search.trials());
}

#[test]
fn a_trial_is_its_whole_windows_and_leads_to_the_next_one() {
    let mut search = begun();
    show(&mut search, 6, Mode::Track, Some(1180.0), false);
    show(&mut search, 7, Mode::Track, Some(1220.0), false);
    let line = show(&mut search, 8, Mode::Track, Some(1200.0), false).unwrap();
    let trial = search.trials()[0];
    assert_eq!((trial.sustained, trial.mean_per_min, trial.users), (true, Some(1200.0), Some(200.0)));
    // Twenty events a minute either way by three windows are 11.5 of standard error; counting alone has 20.
    assert!((trial.margin_per_min.unwrap() - 1.96 * 20.0).abs() < 1e-9);
    assert_eq!(trial.to_string(), "1200/min was sustained: 1200 ± 39/min with 200 users");
    assert_eq!(line.at(480.0), 1200.0);
    assert!((line.at(600.0) - 1320.0).abs() < 1e-9, "{line:?}");
}

#[test]
fn what_is_counted_while_the_law_tests_says_nothing_of_the_level() {
    let mut search = begun();
    show(&mut search, 6, Mode::Track, Some(1200.0), false);
    show(&mut search, 7, Mode::Test, Some(700.0), false);
    for minute in [8, 9, 10] {
        assert_eq!(show(&mut search, minute, Mode::Track, Some(1200.0), false), None);
    }
    assert!(show(&mut search, 11, Mode::Track, Some(1200.0), false).is_some());
    assert!(search.trials()[0].sustained);
}

#[test]
fn a_limit_that_the_law_finds_ends_the_trial_at_once() {
    let mut search = begun();
    assert_eq!(show(&mut search, 6, Mode::Drain, Some(1200.0), false), None);
    assert_eq!(search.end(), Some(SearchEnd::NothingSustained));
    assert_eq!(search.trials()[0].to_string(), "1200/min was not sustained; the control law found a limit of 1800/min");
}

#[test]
fn a_generator_at_its_limit_says_nothing_of_the_system() {
    let mut search = begun();
    for minute in 6..=8 {
        show(&mut search, minute, Mode::Track, Some(1000.0), true);
    }
    assert_eq!(search.end(), Some(SearchEnd::GeneratorBound));
    let mut search = begun();
    for minute in 6..=8 {
        show(&mut search, minute, Mode::Track, Some(1200.0), true);
    }
    assert_eq!(search.end(), None, "a level that was reached was reached");
}

#[test]
fn a_level_without_samples_ends_the_search() {
    let mut search = begun();
    let mut minute = 6;
    while search.end().is_none() && minute < 60 {
        show(&mut search, minute, Mode::Track, None, false);
        minute += 1;
    }
    assert_eq!((search.end(), minute), (Some(SearchEnd::Unmeasured), 15));
    assert_eq!(show(&mut search, minute, Mode::Track, Some(1200.0), false), None, "it is over");
}

#[test]
fn a_search_reads_as_it_was_written() {
    let search = Bench::new(&plan("1200/min", "20000/min"), Some(9_000)).run(1_900.0);
    let text = serde_json::to_string(&search).unwrap();
    let read: Search = serde_json::from_str(&text).unwrap();
    let told = |search: &Search| search.trials().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!((read.end(), told(&read)), (search.end(), told(&search)));
}
