//! The mock of the payment provider is what is wrong: it asks the provider, it is not on the way, or nobody can tell what is for it.

use serde_json::json;

use super::generator::at;
use crate::staged::case::{Case, Expected, Scenery};

const MOCKED: Scenery = Scenery { mock: true, ..Scenery::LOCAL };

pub(super) const CASES: &[Case] = &[
    Case {
        name: "mock spies",
        disturbed: "somebody sets Hoverfly to spy at 1:15",
        expected: Expected::invalid("mocks_broken"),
        scenery: MOCKED,
        prepare: |_| {},
        disturb: |scene, running| at(running, 75, || scene.mock_mode("spy")),
    },
    Case {
        name: "mock's route removed",
        disturbed: "somebody takes the route away from Skipper at 1:15",
        expected: Expected::invalid("mocks_bypassed"),
        scenery: MOCKED,
        prepare: |_| {},
        disturb: |scene, running| at(running, 75, || scene.remove_mock_route()),
    },
    Case {
        name: "header stripped",
        disturbed: "the shop pays without the tags of the load test from 1:15 on",
        expected: Expected::invalid("mocks_bypassed"),
        scenery: MOCKED,
        prepare: |_| {},
        disturb: |scene, running| at(running, 75, || scene.conditions(&json!({ "stripTags": true }))),
    },
    Case {
        name: "header stripped, marked",
        disturbed: "the same, where the environment lets the load go on",
        expected: Expected::invalid("mocks_bypassed"),
        scenery: MOCKED,
        prepare: |scene| scene.edit("environment.yaml", "onLeak: abort", "onLeak: mark"),
        disturb: |scene, running| at(running, 75, || scene.conditions(&json!({ "stripTags": true }))),
    },
];
