//! One request that deletes all of a run.

use conductor_core::ports::{FailureKind, TestDataStore};
use serde_json::json;

use crate::bed::{counts, run, store, store_with, told, whole};
use crate::service::{Habits, Service};

#[tokio::test]
async fn the_request_is_sent_until_nothing_of_the_run_is_left() {
    let hints = [
        json!({}),
        json!({ "remaining": "/remaining" }),
        json!({ "deleted": "/deleted" }),
        json!({ "remaining": "/remaining", "deleted": "/deleted" }),
    ];
    for hint in hints {
        let service = Service::with(50, Habits { bulk: 20, ..Habits::default() });
        let mut resource = whole();
        resource["deleteRun"].as_object_mut().unwrap().extend(hint.as_object().unwrap().clone());
        let store = store(&service, &resource);
        assert_eq!(store.count(&run()).await.unwrap(), counts(50));
        assert_eq!(store.delete(&run()).await.unwrap(), counts(50), "{hint}");
        assert_eq!((service.ids().len(), service.count("DELETE")), (100, 3), "{hint}");
        assert_eq!(store.delete(&run()).await.unwrap(), counts(0), "{hint}: a 404 says that there is nothing");
    }
}

#[tokio::test]
async fn a_list_may_tell_what_is_left() {
    let service = Service::with(7, Habits::default());
    let mut resource = whole();
    resource.as_object_mut().unwrap().remove("count");
    resource["list"] = json!({ "path": "/orders?runId={run}", "items": "/orders", "id": "/id" });
    assert_eq!(store(&service, &resource).delete(&run()).await.unwrap(), counts(7));
    assert_eq!(service.ids().len(), 14);
}

#[tokio::test]
async fn a_service_that_does_it_later_is_waited_for_and_not_asked_again() {
    let service = Service::with(7, Habits { later: true, ..Habits::default() });
    assert_eq!(store(&service, &whole()).delete(&run()).await.unwrap(), counts(7));
    assert_eq!((service.ids().len(), service.count("DELETE")), (14, 1));
}

#[tokio::test]
async fn a_service_that_deletes_nothing_is_given_up() {
    let service = Service::with(7, Habits { bulk: 0, ..Habits::default() });
    let store = store_with(&service, &whole(), &json!({ "patience": "1s" }));
    let (kind, message) = told(&service, &store.delete(&run()).await.unwrap_err());
    let begin = "test data shop: 7 of orders are left, and they do not become fewer; the service answers HTTP 200 OK to the \
                 deletion (tried ";
    assert!(message.starts_with(begin), "{message}");
    assert_eq!(kind, FailureKind::Unsettled);
    assert_eq!(service.ids().len(), 21);
}

#[tokio::test]
async fn what_has_come_after_a_sweep_is_found_by_the_next() {
    let service = Service::with(3, Habits::default());
    let store = store(&service, &whole());
    assert_eq!(store.delete(&run()).await.unwrap(), counts(3));
    service.shop().add("late", Some("run-1"));
    assert_eq!(store.delete(&run()).await.unwrap(), counts(1));
    assert_eq!(service.ids().len(), 6);
}

#[tokio::test]
async fn a_deletion_at_a_wrong_address_is_told_with_what_was_answered() {
    let service = Service::with(7, Habits::default());
    let mut resource = whole();
    resource["deleteRun"]["path"] = json!("/runs/{run}/parcels");
    let store = store_with(&service, &resource, &json!({ "patience": "1s" }));
    let (kind, message) = told(&service, &store.delete(&run()).await.unwrap_err());
    let begin = "test data shop: 7 of orders are left, and they do not become fewer; the service answers HTTP 404 Not Found to \
                 the deletion (tried ";
    assert!(message.starts_with(begin), "{message}");
    assert_eq!(kind, FailureKind::Unsettled);
}

#[tokio::test]
async fn what_was_deleted_before_a_service_gives_up_is_told_by_the_next_sweep() {
    for hint in [json!({}), json!({ "deleted": "/deleted" })] {
        let service = Service::with(50, Habits { bulk: 20, ..Habits::default() });
        let mut resource = whole();
        resource["deleteRun"].as_object_mut().unwrap().extend(hint.as_object().unwrap().clone());
        let store = store_with(&service, &resource, &json!({ "patience": "1s" }));
        // Two checks of the count, two deletions with their counts: then it is overloaded.
        service.shop().habits.fails = (7..1_000).collect();
        let error = store.delete(&run()).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::Unavailable, "{error}");
        assert!((1..50).contains(&service.ids().iter().filter(|id| id.starts_with("a-")).count()), "{hint}");
        service.shop().habits.fails.clear();
        assert_eq!(store.delete(&run()).await.unwrap(), counts(50), "{hint}");
    }
}
