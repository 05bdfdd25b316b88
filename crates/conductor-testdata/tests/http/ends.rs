//! Where a list ends, whatever the service says of further pages.

use std::collections::BTreeMap;

use conductor_core::ports::{FailureKind, TestDataStore};
use serde_json::json;

use crate::bed::{counts, filtered, run, store, store_with, tagged, told};
use crate::service::{Habits, Paging, Service};

#[tokio::test]
async fn a_service_that_shows_its_last_page_again_is_at_its_end() {
    for paging in [Paging::Page, Paging::Offset] {
        for each in [1, 10, 25, 57] {
            for resource in [tagged(paging), filtered(paging)] {
                let service = Service::with(each, Habits { paging, clamps: true, ..Habits::default() });
                let store = store(&service, &resource);
                assert_eq!(store.count(&run()).await.unwrap(), counts(each as u64), "{paging:?}");
                assert_eq!(store.delete(&run()).await.unwrap(), counts(each as u64), "{paging:?}");
                assert_eq!(service.ids().len(), each * 2, "{paging:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_list_of_others_that_shows_its_last_page_again_is_at_its_end() {
    for paging in [Paging::Page, Paging::Offset] {
        let service = Service::start(Habits { paging, clamps: true, ignores_filter: true, ..Habits::default() });
        for number in 0..25 {
            service.shop().add(format!("b-{number}"), Some("run-2"));
        }
        assert_eq!(store(&service, &tagged(paging)).delete(&run()).await.unwrap(), counts(0), "{paging:?}");
    }
}

#[tokio::test]
async fn a_service_that_does_not_know_the_parameter_is_told_where_the_runs_items_may_be_behind_those_of_others() {
    let service = Service::start(Habits { paging: Paging::Page, ignores_filter: true, ..Habits::default() });
    for number in 0..15 {
        service.shop().add(format!("b-{number}"), Some("run-2"));
    }
    service.shop().add("a", Some("run-1"));
    let mut resource = tagged(Paging::Page);
    resource["list"]["next"] = json!({ "page": { "parameter": "pageNumber" } });
    let store = store(&service, &resource);
    for error in [store.count(&run()).await.unwrap_err(), store.delete(&run()).await.unwrap_err()] {
        let (kind, message) = told(&service, &error);
        let begin = "test data shop: could not list orders by GET http://shop/orders?runId=run-1&pageNumber=…: two pages have the \
                     same items; does it know the parameter pageNumber?: {\"orders\":[";
        assert!(message.starts_with(begin) && message.ends_with('…'), "{message}");
        assert_eq!(kind, FailureKind::Rejected);
    }
}

#[tokio::test]
async fn a_service_that_does_not_know_the_parameter_is_cleaned_up_page_after_page() {
    let service = Service::with(57, Habits { paging: Paging::Page, ..Habits::default() });
    let mut resource = tagged(Paging::Page);
    resource["list"]["next"] = json!({ "page": { "parameter": "pageNumber" } });
    assert_eq!(store(&service, &resource).delete(&run()).await.unwrap(), counts(57));
    assert_eq!(service.ids().len(), 114);
}

#[tokio::test]
async fn tokens_without_an_end_keep_nothing_from_being_deleted() {
    let service = Service::with(25, Habits { paging: Paging::Token, endless: true, ..Habits::default() });
    let store = store(&service, &tagged(Paging::Token));
    let error = store.delete(&run()).await.unwrap_err();
    assert_eq!(service.ids().len(), 50, "the run's are gone, and of the others none");
    let (kind, message) = told(&service, &error);
    let begin = "test data shop: could not list orders by GET http://shop/orders?runId=run-1&pageToken=…: 1000 pages, one after \
                 another, have no items; the list seems to have no end: {\"nextPageToken\":\"";
    assert!(message.starts_with(begin), "{message}");
    assert_eq!(kind, FailureKind::Rejected);
}

#[tokio::test]
async fn a_page_of_others_that_is_told_again_under_another_token_is_refused() {
    let habits = Habits { paging: Paging::Token, endless: true, ignores_filter: true, ..Habits::default() };
    let service = Service::start(habits);
    for number in 0..15 {
        service.shop().add(format!("b-{number}"), Some("run-2"));
    }
    let (kind, message) = told(&service, &store(&service, &tagged(Paging::Token)).count(&run()).await.unwrap_err());
    let begin = "test data shop: could not list orders by GET http://shop/orders?runId=run-1&pageToken=…: the page has only items \
                 that were listed before: {\"nextPageToken\":\"";
    assert!(message.starts_with(begin), "{message}");
    assert_eq!((kind, service.seen().len()), (FailureKind::Rejected, 2));
}

#[tokio::test]
async fn an_item_that_is_listed_twice_counts_once() {
    let body = "{\"orders\":[{\"id\":1,\"meta\":{\"runId\":\"run-1\"}},{\"id\":1,\"meta\":{\"runId\":\"run-1\"}},\
                {\"id\":1,\"meta\":{\"runId\":\"run-2\"}}]}";
    let instead = BTreeMap::from([("/orders".to_owned(), (200, None, body.to_owned()))]);
    let service = Service::with(2, Habits { instead, ..Habits::default() });
    let store = store_with(&service, &tagged(Paging::Whole), &json!({}));
    assert_eq!(store.count(&run()).await.unwrap(), counts(1));
}

#[tokio::test]
async fn ids_of_others_need_not_be_their_own_for_what_is_behind_them_to_be_found() {
    let service =
        Service::start(Habits { paging: Paging::Page, ignores_filter: true, page_size: 2, ..Habits::default() });
    for id in ["b", "c", "c", "c", "c", "c", "c", "c"] {
        service.shop().add(id, Some("run-2"));
    }
    service.shop().add("a", Some("run-1"));
    assert_eq!(store(&service, &tagged(Paging::Page)).delete(&run()).await.unwrap(), counts(1));
    assert_eq!(service.ids().len(), 8);
}
