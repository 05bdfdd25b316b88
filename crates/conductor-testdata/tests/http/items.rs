//! Lists that are deleted item by item: paging, tags, ids.

use std::collections::BTreeSet;

use conductor_core::ports::{FailureKind, TestDataStore};
use serde_json::json;

use crate::bed::{counts, filtered, run, store, store_with, tagged, told, until};
use crate::service::{Compares, Habits, Paging, Service};

const PAGINGS: [Paging; 5] = [Paging::Whole, Paging::Token, Paging::Link, Paging::Page, Paging::Offset];

fn survivors(each: usize) -> Vec<String> {
    (0..each).flat_map(|number| [format!("b-{number}"), format!("c-{number}")]).collect()
}

#[tokio::test]
async fn exactly_the_runs_items_go_however_the_list_is_paged_and_though_deletions_move_the_pages() {
    for paging in PAGINGS {
        for ignores_filter in [false, true] {
            let service = Service::with(57, Habits { paging, ignores_filter, ..Habits::default() });
            let store = store(&service, &tagged(paging));
            assert_eq!(store.count(&run()).await.unwrap(), counts(57), "{paging:?}");
            assert_eq!(store.delete(&run()).await.unwrap(), counts(57), "{paging:?}");
            assert_eq!(service.ids(), survivors(57), "{paging:?}");
            assert_eq!(store.count(&run()).await.unwrap(), counts(0), "{paging:?}");
            assert_eq!(store.delete(&run()).await.unwrap(), counts(0), "{paging:?}");
        }
    }
}

#[tokio::test]
async fn counting_only_reads() {
    let service = Service::with(5, Habits::default());
    store(&service, &tagged(Paging::Whole)).count(&run()).await.unwrap();
    assert_eq!((service.count("GET"), service.seen().len()), (1, 1));
}

#[tokio::test]
async fn a_filter_alone_is_believed_after_it_was_tried_on_a_run_that_never_was() {
    let service = Service::with(23, Habits { paging: Paging::Link, ..Habits::default() });
    let store = store(&service, &filtered(Paging::Link));
    assert_eq!(store.count(&run()).await.unwrap(), counts(23));
    assert_eq!(store.delete(&run()).await.unwrap(), counts(23));
    assert_eq!(service.ids(), survivors(23));
    let first = service.seen().into_iter().next().unwrap();
    assert!(first.target.starts_with("/orders?runId=no-such-run-"), "{}", first.target);
}

#[tokio::test]
async fn a_service_that_ignores_the_filter_is_refused_before_anything_is_deleted() {
    let service = Service::with(5, Habits { ignores_filter: true, ..Habits::default() });
    let store = store(&service, &filtered(Paging::Whole));
    for error in [store.count(&run()).await.unwrap_err(), store.delete(&run()).await.unwrap_err()] {
        assert_eq!(
            told(&service, &error),
            (
                FailureKind::Rejected,
                "test data shop: the list of orders for a run that does not exist tells some; the service seems not to \
                 know the parameter with {run}, and what it tells may be anybody's"
                    .to_owned()
            )
        );
    }
    assert_eq!((service.ids().len(), service.count("DELETE")), (15, 0));
}

#[tokio::test]
async fn a_count_that_ignores_the_filter_is_refused_too() {
    let service = Service::with(5, Habits { ignores_filter: true, ..Habits::default() });
    let mut resource = tagged(Paging::Whole);
    resource["count"] = json!({ "path": "/orders/count?runId={run}", "number": "/page/total" });
    let (kind, message) = told(&service, &store(&service, &resource).delete(&run()).await.unwrap_err());
    assert_eq!(kind, FailureKind::Rejected);
    assert!(message.contains("the count of orders for a run that does not exist tells some"), "{message}");
    assert_eq!(service.ids().len(), 15);
}

#[tokio::test]
async fn a_filter_that_is_ignored_is_told_where_tags_protect_the_others() {
    for (ignores_filter, expected) in [(false, 0), (true, 1)] {
        let service = Service::with(5, Habits { ignores_filter, ..Habits::default() });
        let remarks = store(&service, &tagged(Paging::Whole)).check().await.unwrap();
        assert_eq!(remarks.len(), expected, "{remarks:?}");
        let begin = "the list of orders for a run that does not exist tells 15 items; the service seems not to know the parameter";
        assert!(remarks.iter().all(|remark| remark.starts_with(begin)), "{remarks:?}");
    }
}

#[tokio::test]
async fn a_search_may_be_a_post_with_the_run_in_its_body() {
    let service = Service::with(23, Habits { paging: Paging::Offset, ..Habits::default() });
    let mut resource = tagged(Paging::Offset);
    resource["list"]["method"] = json!("POST");
    resource["list"]["path"] = json!("/orders/search");
    resource["list"]["body"] = json!({ "runId": "{run}", "most": 10 });
    assert_eq!(store(&service, &resource).delete(&run()).await.unwrap(), counts(23));
    assert_eq!(service.ids(), survivors(23));
    assert_eq!(service.seen()[0].body, r#"{"most":10,"runId":"run-1"}"#);
}

#[tokio::test]
async fn ids_are_parts_of_a_path_and_nothing_else() {
    let service = Service::start(Habits::default());
    for id in ["a/b", "x?y=1#z", "ü %", "plain", "%2e%2e"] {
        service.shop().add(id, Some("run-1"));
    }
    service.shop().add("kept", Some("run-2"));
    assert_eq!(store(&service, &tagged(Paging::Whole)).delete(&run()).await.unwrap(), counts(5));
    assert_eq!(service.ids(), ["kept"]);
}

#[tokio::test]
async fn an_id_that_would_lead_elsewhere_is_refused_and_all_others_go() {
    let service = Service::start(Habits::default());
    for id in ["a", "..", "b"] {
        service.shop().add(id, Some("run-1"));
    }
    service.shop().add("kept", Some("run-2"));
    let store = store_with(&service, &tagged(Paging::Whole), &json!({ "patience": "1s" }));
    let (kind, message) = told(&service, &store.delete(&run()).await.unwrap_err());
    let begin = "test data shop: the id \"..\" of orders cannot be a part of the path /orders/{id} (1 of the 1 listed stay, tried ";
    assert!(message.starts_with(begin), "{message}");
    assert_eq!(kind, FailureKind::Rejected);
    assert_eq!(service.ids(), ["..", "kept"]);
}

#[tokio::test]
async fn an_item_without_an_id_is_told() {
    let service = Service::start(Habits::default());
    service.shop().add("", Some("run-1"));
    let (kind, message) = told(&service, &store(&service, &tagged(Paging::Whole)).delete(&run()).await.unwrap_err());
    assert_eq!(
        (kind, message.as_str()),
        (
            FailureKind::Rejected,
            "test data shop: could not list orders by GET http://shop/orders?runId=run-1: an item has no id at \"/id\": \
             {\"orders\":[{\"id\":\"\",\"meta\":{\"runId\":\"run-1\"},\"number\":0}]}"
        )
    );
}

#[tokio::test]
async fn an_item_that_is_refused_keeps_no_other_from_being_deleted() {
    let refuses = BTreeSet::from(["a-3".to_owned(), "a-7".to_owned()]);
    let service = Service::with(30, Habits { paging: Paging::Page, refuses, ..Habits::default() });
    let store = store_with(&service, &tagged(Paging::Page), &json!({ "patience": "1s" }));
    let (kind, message) = told(&service, &store.delete(&run()).await.unwrap_err());
    let begin = "test data shop: could not delete one of orders by DELETE http://shop/orders/a-";
    assert!(message.starts_with(begin) && message.contains("(2 of the 2 listed stay, tried "), "{message}");
    assert!(
        message.ends_with(": it answers HTTP 409 Conflict: {\"error\":\"the order is being shipped\"}"),
        "{message}"
    );
    assert_eq!(kind, FailureKind::Rejected);
    assert_eq!(service.ids().len(), 62);
    service.shop().habits.refuses.clear();
    assert_eq!(store.delete(&run()).await.unwrap(), counts(30), "the next sweep goes on with what is left");
}

#[tokio::test]
async fn a_list_that_shows_deleted_items_for_a_while_is_waited_for() {
    for paging in [Paging::Token, Paging::Offset] {
        let service = Service::with(25, Habits { paging, shows_deleted: 3, ..Habits::default() });
        assert_eq!(store(&service, &tagged(paging)).delete(&run()).await.unwrap(), counts(25), "each is counted once");
        assert_eq!(service.ids(), survivors(25));
    }
}

#[tokio::test]
async fn a_list_that_never_forgets_is_given_up() {
    let service = Service::with(3, Habits { shows_deleted: usize::MAX, ..Habits::default() });
    let store = store_with(&service, &tagged(Paging::Whole), &json!({ "patience": "1s" }));
    let (kind, message) = told(&service, &store.delete(&run()).await.unwrap_err());
    let begin = "test data shop: 3 of orders are still listed, and the service answers HTTP 404 Not Found to their deletion (tried ";
    assert!(message.starts_with(begin), "{message}");
    assert_eq!(kind, FailureKind::Unsettled);
}

#[tokio::test]
async fn resources_go_in_the_order_in_which_they_are_declared() {
    let service = Service::with(3, Habits::default());
    let settings = json!({ "resources": [whole_then(), tagged(Paging::Whole)] });
    let store = store_with(&service, &tagged(Paging::Whole), &settings);
    let tables: Vec<(String, u64)> =
        store.delete(&run()).await.unwrap().into_iter().map(|count| (count.table, count.rows)).collect();
    assert_eq!(tables, [("all orders".to_owned(), 3), ("orders".to_owned(), 0)]);
}

fn whole_then() -> serde_json::Value {
    let mut first = crate::bed::whole();
    first["name"] = json!("all orders");
    first
}

#[tokio::test]
async fn a_sweep_that_is_cut_short_is_finished_by_the_next() {
    let service = Service::with(80, Habits { paging: Paging::Token, ..Habits::default() });
    let store = std::sync::Arc::new(store_with(&service, &tagged(Paging::Token), &json!({ "requestsPerSecond": 200 })));
    let sweep = tokio::spawn({
        let store = store.clone();
        async move { store.delete(&run()).await }
    });
    until("some are deleted", || service.count("DELETE") > 20).await;
    sweep.abort();
    assert!(sweep.await.unwrap_err().is_cancelled());
    let left = store.count(&run()).await.unwrap()[0].rows;
    assert!(left > 0 && left < 80, "{left}");
    let deleted = store.delete(&run()).await.unwrap()[0].rows;
    assert!(
        (left + 1..=80).contains(&deleted),
        "{deleted} of which {left} were left: those of before that were confirmed"
    );
    assert_eq!(service.ids(), survivors(80));
}

/// Such a service tells run-10's orders, or RUN-1's, as those of run-1.
#[tokio::test]
async fn a_filter_that_is_not_exact_is_refused_before_anything_is_deleted_unless_tags_tell_the_run() {
    let service = |compares| {
        let service = Service::with(5, Habits { compares, ..Habits::default() });
        service.shop().add("d-0", Some("run-10"));
        service.shop().add("d-1", Some("RUN-1"));
        service
    };
    for (compares, alike) in [(Compares::Beginnings, "run-"), (Compares::Parts, "run-"), (Compares::Letters, "RUN-1")] {
        let weak = service(compares);
        let error = store(&weak, &filtered(Paging::Whole)).delete(&run()).await.unwrap_err();
        assert_eq!(
            told(&weak, &error),
            (
                FailureKind::Rejected,
                format!(
                    "test data shop: the list of orders for \"{alike}\" tells some, as if that were run run-1; the service seems \
                     not to compare {{run}} exactly, and what it tells may be another run's; say tag, so that items tell their run"
                )
            )
        );
        assert_eq!((weak.ids().len(), weak.count("DELETE")), (17, 0));
        assert_eq!(store(&weak, &tagged(Paging::Whole)).delete(&run()).await.unwrap(), counts(5));
        assert_eq!(weak.ids().len(), 12);
    }
    let exact = Service::with(5, Habits::default());
    exact.shop().add("d-0", Some("run-10"));
    assert_eq!(store(&exact, &filtered(Paging::Whole)).delete(&run()).await.unwrap(), counts(5));
    assert_eq!(exact.ids().len(), 11);
}

#[tokio::test]
async fn that_nothing_but_the_filter_tells_runs_apart_is_told_before_a_run() {
    let service = Service::with(5, Habits::default());
    assert_eq!(
        store(&service, &filtered(Paging::Whole)).check().await.unwrap(),
        [
            "the items of orders do not tell their run: nothing but the service's own filter by {run} keeps those of others from \
             being deleted; where an item has its run's id in it, say where by tag"
        ]
    );
}

#[tokio::test]
async fn an_item_at_which_the_service_breaks_down_keeps_no_other_from_being_deleted() {
    let breaks = BTreeSet::from(["a-3".to_owned(), "a-7".to_owned()]);
    let service = Service::with(30, Habits { paging: Paging::Page, breaks, ..Habits::default() });
    let store = store_with(&service, &tagged(Paging::Page), &json!({ "patience": "1s" }));
    let (kind, message) = told(&service, &store.delete(&run()).await.unwrap_err());
    let begin = "test data shop: could not delete one of orders by DELETE http://shop/orders/a-";
    assert!(message.starts_with(begin) && message.contains(" (2 of the 2 listed stay, tried "), "{message}");
    assert!(message.ends_with(": it answers HTTP 500 Internal Server Error: null"), "{message}");
    assert_eq!(kind, FailureKind::Unsettled, "the service is not away: to try it all again does not help");
    assert_eq!(service.ids().len(), 62);
    service.shop().habits.breaks.clear();
    assert_eq!(store.delete(&run()).await.unwrap(), counts(30), "those of the first sweep are told, too");
}

#[tokio::test]
async fn a_service_that_fails_at_one_deletion_after_the_other_is_away() {
    let breaks = (0..200).map(|number| format!("a-{number}")).collect();
    let service = Service::with(200, Habits { breaks, ..Habits::default() });
    let store = store_with(&service, &tagged(Paging::Whole), &json!({ "patience": "1s", "concurrency": 10 }));
    let (kind, message) = told(&service, &store.delete(&run()).await.unwrap_err());
    assert!(
        message.starts_with("test data shop: could not delete one of orders by DELETE http://shop/orders/a-"),
        "{message}"
    );
    assert_eq!(kind, FailureKind::Unavailable);
    let asked: BTreeSet<String> = service.seen().into_iter().map(|seen| seen.target).collect();
    assert!(asked.len() < 60, "{} items were tried", asked.len());
}

#[tokio::test]
async fn many_refusals_at_the_beginning_of_a_list_keep_the_rest_from_nothing() {
    let refuses = (0..60).map(|number| format!("a-{number}")).collect();
    let service = Service::with(80, Habits { paging: Paging::Page, refuses, ..Habits::default() });
    let store = store_with(&service, &tagged(Paging::Page), &json!({ "patience": "1s" }));
    let (_, message) = told(&service, &store.delete(&run()).await.unwrap_err());
    assert!(message.contains("(60 of the 60 listed stay, tried "), "{message}");
    assert_eq!(service.ids().len(), 220);
}

#[tokio::test]
async fn a_deletion_at_a_wrong_address_is_told_with_what_was_answered_and_counts_nothing() {
    let service = Service::with(3, Habits::default());
    let mut resource = tagged(Paging::Whole);
    resource["deleteItem"]["path"] = json!("/parcels/{id}");
    let wrong = store_with(&service, &resource, &json!({ "patience": "1s" }));
    let (kind, message) = told(&service, &wrong.delete(&run()).await.unwrap_err());
    let begin = "test data shop: 3 of orders are still listed, and the service answers HTTP 404 Not Found to their deletion (tried ";
    assert!(message.starts_with(begin), "{message}");
    assert_eq!(kind, FailureKind::Unsettled);
    assert_eq!(service.ids().len(), 9);
    store(&service, &tagged(Paging::Whole)).delete(&run()).await.unwrap();
    assert_eq!(wrong.delete(&run()).await.unwrap(), counts(0), "somebody else has deleted them");
}
