//! Mocks in an environment's settings.

use super::{GOOD, environment};
use conductor_core::mocks::LeakPolicy;

const MOCK: &str = r#"{ name: psp, hoverfly: { admin: ["http://hoverfly:8888"] }, router: { metrics: ["http://skipper:9911/metrics"], routes: { mock: [psp_mock], leak: [psp_leak], real: [psp_real] } }, probe: { url: "http://skipper:9090/v1/charge" }, onLeak: abort }"#;

fn with(mocks: &str) -> String {
    format!("{}  mocks: [{mocks}]\n", GOOD.trim_start())
}

#[test]
fn mocks_are_read_and_become_what_a_run_must_know_of_them() {
    let read = environment(&with(MOCK)).unwrap();
    let spec = read.spec.mocks[0].spec();
    assert_eq!((spec.name.as_str(), spec.on_leak, spec.other_traffic), ("psp", LeakPolicy::Abort, false));
}

#[test]
fn what_is_wrong_with_a_mock_is_pointed_at() {
    let twice = environment(&with(&format!("{MOCK}, {MOCK}"))).unwrap_err();
    let expected = "spec.mocks[1].name: \"psp\" is there twice; expected a name of its own for each mock";
    assert!(twice.contains(expected), "{twice}");
    let empty = environment(&with(&MOCK.replace("[psp_leak]", "[]"))).unwrap_err();
    assert!(empty.starts_with("environment.yaml:13:"), "{empty}");
    assert!(
        empty.contains("spec.mocks[0].router.routes.leak: it is empty; expected the id of at least one route"),
        "{empty}"
    );
    let unknown = environment(&with(&MOCK.replace("onLeak", "onleak"))).unwrap_err();
    assert!(unknown.contains("unknown field `onleak`"), "{unknown}");
}
