//! The conductor is killed or interrupted in every phase, with real processes, and everything is put back exactly.

use std::time::Duration;

use conductor_tests::{Bed, Shop, until};
use nix::sys::signal::Signal;

/// Locust's dead man's switch in these tests: longer than the interval of 5 s.
const SHOP: Shop = Shop { capacity: 1.0, dead_man: "12s", mock: false };

/// Kills the conductor some time into a phase, and puts everything back.
fn killed_in(phase: &str, after: Duration) {
    let bed = Bed::up(SHOP);
    let rows = bed.rows();
    let mut running = bed.start();
    running.line(&format!("== {phase}"));
    std::thread::sleep(after);
    running.signal(Signal::SIGKILL);
    assert_eq!(running.wait().code, None, "it had ended before it was killed");
    if phase == "GENERATE_LOAD" {
        assert!(bed.users() > 0, "no load was running when the conductor was killed");
        until("Locust's own stop", Duration::from_secs(30), || bed.users() == 0);
    }
    bed.without_files(|| bed.conductor(&["restore"]).ended_with(0));
    bed.assert_restored(&rows);
    let cause = &bed.view()["ending"]["cause"];
    let load_was_over = ["SCALE_DOWN", "CLEAN_UP"].contains(&phase);
    assert_eq!(cause, if load_was_over { "completed" } else { "abandoned" });
    assert_eq!(bed.conductor(&["restore"]).succeeded(), "nothing to restore: every run has ended\n");
}

/// A moment that differs from run to run.
fn some_milliseconds(most: u32) -> Duration {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    Duration::from_millis(u64::from(now.subsec_micros() % most))
}

#[test]
fn killed_while_deploying() {
    killed_in("DEPLOY", some_milliseconds(100));
}

#[test]
fn killed_while_scaling_up() {
    killed_in("SCALE_UP", some_milliseconds(100));
}

#[test]
fn killed_while_generating_load() {
    killed_in("GENERATE_LOAD", Duration::from_secs(12) + some_milliseconds(10_000));
}

#[test]
fn killed_while_scaling_down() {
    killed_in("SCALE_DOWN", some_milliseconds(100));
}

#[test]
fn killed_while_cleaning_up() {
    killed_in("CLEAN_UP", some_milliseconds(1_000));
}

#[test]
fn the_next_run_puts_back_what_a_killed_one_left() {
    let bed = Bed::up(SHOP);
    let rows = bed.rows();
    let mut running = bed.start();
    running.line("== GENERATE_LOAD");
    running.signal(Signal::SIGKILL);
    running.wait();
    for verb in ["stop", "watch"] {
        let told = bed.conductor(&[verb]).ended_with(1).err;
        assert!(told.contains("no conductor drives run short-") && told.contains("conductor restore short-"), "{told}");
    }
    let ended = bed.run();
    assert!(ended.out.contains("was left behind by a conductor that died; it is put back first"), "{}", ended.out);
    assert!(ended.out.contains("restored   everything is as it was before"), "{}\n{}", ended.out, ended.err);
    bed.assert_restored(&rows);
}

#[test]
fn what_becomes_of_one_run_does_not_keep_the_others_from_being_put_back_and_every_error_is_told() {
    let bed = Bed::up(SHOP);
    let rows = bed.rows();
    let mut running = bed.start();
    running.line("== SCALE_UP");
    running.signal(Signal::SIGKILL);
    running.wait();
    let run = bed.view()["id"].as_str().unwrap().to_owned();
    bed.add_unreadable_run("nonsense");
    bed.bar_report(&run);
    let restored = bed.conductor(&["restore"]).ended_with(1);
    let told: Vec<&str> = restored.err.lines().filter(|line| line.starts_with("error: ")).collect();
    assert!(
        told[0].starts_with("error: could not read the run: could not understand record 1 of run nonsense"),
        "{told:?}"
    );
    assert!(told[1].starts_with("error: could not write ") && told[1].contains(&run), "{told:?}");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(restored.out.contains(&format!("run        {run}")), "{}", restored.out);
    bed.assert_restored(&rows);
}

#[test]
fn ctrl_c_once_ends_in_order() {
    let bed = Bed::up(SHOP);
    let rows = bed.rows();
    let mut running = bed.start();
    running.line("0:10 ");
    running.signal(Signal::SIGINT);
    let ended = running.wait().ended_with(4);
    assert!(ended.out.contains("cancelled: stopped by Ctrl-C"), "{}", ended.out);
    bed.assert_restored(&rows);
}

#[test]
fn ctrl_c_twice_says_what_is_left_and_how_to_finish_it() {
    let bed = Bed::up(SHOP);
    let rows = bed.rows();
    let mut running = bed.start();
    running.line("the ramp begins");
    running.signal(Signal::SIGINT);
    running.line("stopping in order");
    running.signal(Signal::SIGINT);
    let ended = running.wait().ended_with(5);
    assert!(ended.err.contains("May have to be put back: shop to v1 with 1 replica"), "{}", ended.err);
    assert!(ended.err.contains("To finish it: conductor restore short-"), "{}", ended.err);
    bed.conductor(&["restore"]).ended_with(0);
    bed.assert_restored(&rows);
}

#[test]
fn a_reader_that_goes_away_and_a_closed_terminal_do_not_leave_the_environment_as_it_is() {
    let bed = Bed::up(SHOP);
    let rows = bed.rows();
    let mut running = bed.start();
    running.line("== DEPLOY");
    running.stop_reading();
    until("the load", Duration::from_secs(60), || {
        bed.view()["ticks"].as_array().is_some_and(|ticks| !ticks.is_empty())
    });
    running.signal(Signal::SIGHUP);
    let ended = running.wait();
    // Nobody has read what became of it.
    let view = bed.view();
    assert_eq!(ended.code, Some(4), "{}\n{}\n{}", ended.err, view["ending"], view["verdict"]);
    assert!(!ended.err.contains("panicked"), "{}", ended.err);
    assert_eq!(view["ending"]["cause"]["cancelled"]["by"], "the end of its terminal");
    bed.assert_restored(&rows);
}

#[test]
fn restoring_an_environment_that_is_down_says_so_and_goes_on_when_it_is_up() {
    let bed = Bed::up(SHOP);
    let rows = bed.rows();
    let environment = bed.path("environment.yaml");
    let mut running = bed.start();
    running.line("the ramp begins");
    running.signal(Signal::SIGKILL);
    running.wait();
    bed.conductor(&["local", "down", &environment]).succeeded();
    let mut restoring = bed.start_command(&["restore"]);
    restoring.line("it is tried again and again");
    bed.conductor(&["local", "up", &environment]).succeeded();
    restoring.wait().ended_with(0);
    bed.assert_restored(&rows);
}
