//! How fast and how often a service is called, with which headers, and what is tried again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use conductor_core::ports::TestDataStore;
use serde_json::json;

use crate::bed::{counts, run, store, store_with, tagged, whole};
use crate::service::{Habits, Paging, Service};

#[tokio::test]
async fn a_service_that_asks_for_a_pause_gets_it_from_all_requests() {
    let throttles = BTreeMap::from([(5, 1), (9, 1)]);
    let service = Service::with(20, Habits { throttles, ..Habits::default() });
    let store = store_with(&service, &tagged(Paging::Whole), &json!({ "requestsPerSecond": 100 }));
    assert_eq!(store.delete(&run()).await.unwrap(), counts(20));
    let seen = service.seen();
    // Requests that were under way already are still to come.
    let under_way = 4;
    for throttled in [5, 9] {
        let next = &seen[throttled + under_way];
        let pause = next.at - seen[throttled - 1].at;
        assert!(pause > Duration::from_millis(950), "after request {throttled} it was {pause:?}");
    }
}

#[tokio::test]
async fn what_fails_or_is_not_answered_is_done_again() {
    let fails: BTreeSet<usize> = [1, 2, 5, 8].into();
    let loses: BTreeSet<usize> = [3, 7, 12, 13].into();
    for resource in [tagged(Paging::Token), whole()] {
        let habits =
            Habits { paging: Paging::Token, bulk: 6, fails: fails.clone(), loses: loses.clone(), ..Habits::default() };
        let service = Service::with(25, habits);
        assert_eq!(store(&service, &resource).delete(&run()).await.unwrap(), counts(25));
        assert_eq!(service.ids().len(), 50);
    }
}

#[tokio::test]
async fn requests_that_wait_for_their_turn_wait_for_the_pause_too() {
    let throttles = BTreeMap::from([(3, 3)]);
    let service = Service::with(20, Habits { throttles, ..Habits::default() });
    let besides = json!({ "requestsPerSecond": 10, "concurrency": 20 });
    let store = store_with(&service, &tagged(Paging::Whole), &besides);
    assert_eq!(store.delete(&run()).await.unwrap(), counts(20));
    let seen = service.seen();
    let in_pause = seen[3..].iter().take_while(|next| next.at - seen[2].at < Duration::from_millis(2_900)).count();
    // All of them would come within two seconds; those that begin before the answer has arrived are few.
    assert!(in_pause < 12, "{in_pause} requests came within the pause");
}

#[tokio::test]
async fn no_more_requests_begin_in_a_second_than_are_allowed() {
    let service = Service::with(30, Habits::default());
    let store = store_with(&service, &tagged(Paging::Whole), &json!({ "requestsPerSecond": 50 }));
    let begun = std::time::Instant::now();
    store.delete(&run()).await.unwrap();
    // Thirty deletions between two lists, of which the first begins at once.
    assert!(begun.elapsed() >= Duration::from_millis(31 * 20), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn as_many_requests_go_on_at_once_as_are_allowed_and_no_more() {
    for concurrency in [1, 2, 5] {
        // It works at a request for so long that all that are let go meet there.
        let service = Service::with(12, Habits { takes: Duration::from_millis(300), ..Habits::default() });
        let store = store_with(&service, &tagged(Paging::Whole), &json!({ "concurrency": concurrency }));
        assert_eq!(store.delete(&run()).await.unwrap(), counts(12));
        assert_eq!(service.shop().most_at_once, concurrency);
    }
}

#[tokio::test]
async fn requests_carry_the_token_and_what_is_declared() {
    let service = Service::with(1, Habits::default());
    let besides = json!({ "headers": { "X-Tenant": "load tests" } });
    store_with(&service, &tagged(Paging::Whole), &besides).delete(&run()).await.unwrap();
    for seen in service.seen() {
        let header = |name: &str| seen.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("authorization").as_deref(), Some("Bearer secret"));
        assert_eq!(header("x-tenant").as_deref(), Some("load tests"));
        assert_eq!((header("x-load-test"), header("x-load-test-run")), (None, None), "nobody has asked for them");
    }
}

#[tokio::test]
async fn a_token_may_be_in_another_header_and_requests_may_be_marked() {
    let service = Service::with(1, Habits::default());
    let besides = json!({ "tokenEnv": "KEY", "tokenHeader": "X-Api-Key", "loadTestHeaders": true });
    store_with(&service, &tagged(Paging::Whole), &besides).count(&run()).await.unwrap();
    let headers = service.seen().remove(0).headers;
    assert_eq!((headers.get("authorization"), &headers["x-api-key"]), (None, &"secret".parse().unwrap()));
    assert_eq!(
        (&headers["x-load-test"], &headers["x-load-test-run"]),
        (&"true".parse().unwrap(), &"run-1".parse().unwrap())
    );
}

/// What a shell or a container sets for its programs must not lead the token to a proxy.
#[test]
fn a_proxy_that_the_environment_names_is_not_used() {
    let tests = std::env::current_exe().unwrap();
    let output = std::process::Command::new(tests)
        .args(["--exact", "paces::requests_carry_the_token_and_what_is_declared"])
        .envs(["HTTP_PROXY", "http_proxy", "ALL_PROXY"].map(|name| (name, "http://127.0.0.1:1")))
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}
