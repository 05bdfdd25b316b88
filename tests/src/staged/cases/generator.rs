//! The load generator is what is wrong: starved, killed, restarted, frozen, or telling the same for ever.

use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::conductor::Running;
use crate::staged::case::{Case, Expected, Scenery};
use crate::staged::scene::Scene;

const WORKERS: Scenery = Scenery { workers: 2, ..Scenery::LOCAL };

pub(super) const CASES: &[Case] = &[
    Case {
        name: "generator starved",
        disturbed: "Locust gets no CPU for 3 of 4 s, from 1:10 on, for 24 s",
        expected: Expected::invalid("generator_bound"),
        scenery: Scenery::LOCAL,
        prepare: |_| {},
        disturb: starve,
    },
    Case {
        name: "worker killed",
        disturbed: "one of two load workers at 1:15",
        expected: Expected::invalid("workers_lost"),
        scenery: WORKERS,
        prepare: |_| {},
        disturb: |scene, running| at(running, 75, || scene.signal("load-workers", Signal::SIGKILL)),
    },
    Case {
        name: "master restarted",
        disturbed: "Locust's master killed at 1:15, and up again",
        expected: Expected::invalid("generator_disturbed"),
        scenery: WORKERS,
        prepare: |_| {},
        disturb: |scene, running| at(running, 75, || scene.signal("locust", Signal::SIGKILL)),
    },
    Case {
        name: "Locust frozen",
        disturbed: "Locust stopped from 1:10 to 1:40",
        expected: Expected::invalid("generator_bound"),
        scenery: Scenery::LOCAL,
        prepare: |_| {},
        disturb: |scene, running| {
            at(running, 70, || {
                scene.signal("locust", Signal::SIGSTOP);
                sleep(Duration::from_secs(30));
                scene.signal("locust", Signal::SIGCONT);
            });
        },
    },
    Case {
        name: "Locust frozen for good",
        disturbed: "Locust stopped at 1:10, until the run gives it up",
        expected: Expected::invalid("generator_lost"),
        scenery: Scenery::LOCAL,
        prepare: |scene| scene.edit("loadtest.yaml", "plateau: 60s", "plateau: 3m"),
        disturb: |scene, running| {
            at(running, 70, || scene.signal("locust", Signal::SIGSTOP));
            running.line("the load generator has not answered for");
            scene.signal("locust", Signal::SIGCONT);
        },
    },
    Case {
        name: "statistics stuck",
        disturbed: "Locust's counts are the same page from 1:15 on",
        expected: Expected::invalid("stats_stale"),
        scenery: Scenery { front: true, ..Scenery::LOCAL },
        prepare: |_| {},
        disturb: |scene, running| {
            at(running, 75, || scene.front().stick(true));
            // The end of the load has to be proved by counts that go on.
            at(running, 120, || scene.front().stick(false));
        },
    },
];

/// Does something once the load has gone on for so many seconds.
pub(super) fn at(running: &mut Running, seconds: u64, act: impl FnOnce()) {
    running.load_for(Duration::from_secs(seconds));
    act();
}

fn starve(scene: &Scene, running: &mut Running) {
    at(running, 70, || {
        for _ in 0..6 {
            scene.signal("locust", Signal::SIGSTOP);
            sleep(Duration::from_secs(3));
            scene.signal("locust", Signal::SIGCONT);
            sleep(Duration::from_secs(1));
        }
    });
}
