//! What is said when a service refuses, makes no sense, sends elsewhere or is away, and that nothing of others is deleted.

use std::collections::BTreeMap;

use conductor_core::ports::{FailureKind, TestDataStore};
use serde_json::{Value, json};

use crate::bed::{counts, filtered, run, store, store_with, tagged, told, whole};
use crate::service::{Habits, Paging, Service};

/// What is told when the service answers something else at a path, as a kind and a text that may end with what varies.
async fn told_at(
    path: &str,
    resource: &Value,
    status: u16,
    header: Option<(&'static str, &str)>,
    body: &str,
) -> (FailureKind, String) {
    let header = header.map(|(name, value)| (name, value.to_owned()));
    let instead = BTreeMap::from([(path.to_owned(), (status, header, body.to_owned()))]);
    let service = Service::with(2, Habits { instead, ..Habits::default() });
    let store = store_with(&service, resource, &json!({ "patience": "1s" }));
    let error = store.delete(&run()).await.unwrap_err();
    assert_eq!(service.ids().iter().filter(|id| !id.starts_with("a-")).count(), 4, "others' orders stay");
    told(&service, &error)
}

#[tokio::test]
async fn an_answer_that_is_none_is_told_with_what_was_asked_and_what_was_said() {
    let list = "test data shop: could not list orders by GET http://shop/orders?runId=run-1: ";
    let long = "x".repeat(300);
    let cases = [
        (401, "no", "it answers HTTP 401 Unauthorized, expected a token it accepts in the variable of tokenEnv: no"),
        (403, "", "it answers HTTP 403 Forbidden, expected a token it accepts in the variable of tokenEnv"),
        (400, "{\"error\": \"no such field\"}", "it answers HTTP 400 Bad Request: {\"error\": \"no such field\"}"),
        (400, &long, &format!("it answers HTTP 400 Bad Request: {}…", "x".repeat(200))),
        (
            200,
            "<html>\n<h1>Login</h1>",
            "the answer (HTTP 200) is no JSON, expected value at line 1 column 1: <html> <h1>Login</h1>",
        ),
        (200, "{\"items\":[]}", "the answer has no list at \"/orders\": {\"items\":[]}"),
        (200, "{\"orders\":7}", "the answer has no list at \"/orders\": {\"orders\":7}"),
    ];
    for (status, body, expected) in cases {
        let told = told_at("/orders", &tagged(Paging::Whole), status, None, body).await;
        assert_eq!(told, (FailureKind::Rejected, format!("{list}{expected}")));
    }
    let told = told_at("/orders", &tagged(Paging::Whole), 404, None, "").await;
    assert_eq!(
        told,
        (FailureKind::NotFound, format!("{list}it answers HTTP 404 Not Found")),
        "a wrong path is not an empty list"
    );
}

#[tokio::test]
async fn a_status_may_be_declared_to_mean_that_there_is_none() {
    let instead = BTreeMap::from([("/orders".to_owned(), (404, None, String::new()))]);
    let service = Service::with(2, Habits { instead, ..Habits::default() });
    let mut resource = tagged(Paging::Whole);
    resource["list"]["noneStatus"] = json!([404]);
    assert_eq!(store(&service, &resource).delete(&run()).await.unwrap(), counts(0));
}

#[tokio::test]
async fn a_number_that_is_none_is_told() {
    let act = "test data shop: could not count orders by GET http://shop/orders/count?runId=";
    for body in ["{\"page\":{\"total\":\"7\"}}", "{\"page\":{\"total\":-1}}", "{\"total\":7}"] {
        let (kind, message) = told_at("/orders/count", &whole(), 200, None, body).await;
        let end = format!(": the answer has no whole number at \"/page/total\": {body}");
        assert!(message.starts_with(act) && message.ends_with(&end), "{message}");
        assert_eq!(kind, FailureKind::Rejected);
    }
}

#[tokio::test]
async fn what_passes_by_is_tried_for_a_while_and_then_told_with_the_tries() {
    let (kind, message) = told_at("/orders", &tagged(Paging::Whole), 503, None, "overloaded").await;
    let begin = "test data shop: could not list orders by GET http://shop/orders?runId=run-1 (tried ";
    let end = ": it answers HTTP 503 Service Unavailable: overloaded";
    assert!(message.starts_with(begin) && message.contains(" times within ") && message.ends_with(end), "{message}");
    assert_eq!(kind, FailureKind::Unavailable);
    let wait = Some(("retry-after", "3600"));
    let (kind, message) = told_at("/orders", &tagged(Paging::Whole), 429, wait, "").await;
    assert!(message.contains("(tried once within ") && message.contains(", and it asks to wait 1h)"), "{message}");
    assert_eq!(kind, FailureKind::Unavailable);
    let most = u64::MAX.to_string();
    let (kind, message) = told_at("/orders", &tagged(Paging::Whole), 503, Some(("retry-after", &most)), "").await;
    assert!(message.contains("(tried once within ") && message.contains(", and it asks to wait "), "{message}");
    assert_eq!(kind, FailureKind::Unavailable);
}

#[tokio::test]
async fn secrets_of_a_query_are_not_told() {
    let mut resource = tagged(Paging::Whole);
    resource["list"]["path"] = json!("/orders?runId={run}&key=hush");
    let (_, message) = told_at("/orders", &resource, 400, None, "").await;
    assert!(message.contains("/orders?runId=run-1&key=…:"), "{message}");
}

#[tokio::test]
async fn nobody_goes_where_a_redirect_leads() {
    let other = Service::with(2, Habits::default());
    let target = format!("{}/orders?code=7", other.url());
    for status in [301, 302, 303, 307, 308] {
        let (kind, message) = told_at("/orders", &tagged(Paging::Whole), status, Some(("location", &target)), "").await;
        let end = format!("and sends us on to {}/orders, where we do not go; give the address itself", other.url());
        assert!(message.ends_with(&end), "{message}");
        assert_eq!(kind, FailureKind::Rejected);
    }
    assert_eq!(other.seen().len(), 0);
}

#[tokio::test]
async fn a_link_to_another_place_is_not_followed() {
    let other = Service::with(2, Habits::default());
    let link = format!("<{}/orders?runId=run-1>; rel=\"next\"", other.url());
    let body = "{\"orders\":[]}";
    let (kind, message) = told_at("/orders", &tagged(Paging::Link), 200, Some(("link", &link)), body).await;
    assert!(message.contains("the next page is at another place, 127.0.0.1, where we do not go"), "{message}");
    assert_eq!((kind, other.seen().len()), (FailureKind::Rejected, 0));
}

#[tokio::test]
async fn a_link_that_forgets_the_run_is_not_followed_where_nothing_else_tells_it() {
    let link = Some(("link", "</orders?page=2>; rel=next"));
    let (_, message) = told_at("/orders", &filtered(Paging::Link), 200, link, "{\"orders\":[]}").await;
    assert!(
        message.contains("the link to the next page does not name the run; say tag, so that items tell it"),
        "{message}"
    );
}

#[tokio::test]
async fn a_list_that_goes_in_a_circle_is_given_up() {
    let body = "{\"orders\":[],\"nextPageToken\":\"again\"}";
    let (kind, message) = told_at("/orders", &tagged(Paging::Token), 200, None, body).await;
    assert!(message.contains("the next page is one that was there before"), "{message}");
    assert_eq!(kind, FailureKind::Rejected);
    let link = Some(("link", "</orders?runId=run-1>; rel=next"));
    let (_, message) = told_at("/orders", &tagged(Paging::Link), 200, link, "{\"orders\":[]}").await;
    assert!(message.contains("the next page is one that was there before"), "{message}");
}

#[tokio::test]
async fn a_service_that_goes_away_in_the_middle_is_cleaned_up_when_it_is_back() {
    for resource in [tagged(Paging::Token), whole()] {
        let habits = Habits { paging: Paging::Token, bulk: 3, away_at: Some(7), ..Habits::default() };
        let mut service = Service::with(40, habits);
        let store = store_with(&service, &resource, &json!({ "patience": "1s" }));
        let error = store.delete(&run()).await.unwrap_err();
        let (kind, message) = told(&service, &error);
        assert!(message.contains("http://shop/") && message.contains(" (tried "), "{message}");
        assert_eq!(kind, FailureKind::Unavailable, "{message}");
        service.gone();
        service.come_back();
        let left = store.count(&run()).await.unwrap()[0].rows;
        assert!((1..40).contains(&left), "{left}");
        let deleted = store.delete(&run()).await.unwrap()[0].rows;
        assert!(
            (left + 1..=40).contains(&deleted),
            "{deleted} of which {left} were left: those of before that were confirmed"
        );
        assert_eq!(service.ids().len(), 80);
    }
}

#[tokio::test]
async fn a_service_that_is_away_is_told_before_whoever_looks_takes_it_for_slow() {
    let instead = BTreeMap::from([("/orders".to_owned(), (503, None, String::new()))]);
    let service = Service::with(2, Habits { instead, ..Habits::default() });
    let store = store_with(&service, &filtered(Paging::Whole), &json!({ "patience": "10m" }));
    for looked in [store.count(&run()).await.unwrap_err(), store.check().await.unwrap_err()] {
        let (kind, message) = told(&service, &looked);
        assert!(message.contains(" times within ") && message.ends_with("HTTP 503 Service Unavailable"), "{message}");
        assert_eq!(kind, FailureKind::Unavailable);
    }
}

#[tokio::test]
async fn a_resource_that_fails_keeps_none_of_the_others_from_being_deleted_and_what_was_deleted_is_told_in_the_end() {
    let instead = BTreeMap::from([("/carts".to_owned(), (403, None, String::new()))]);
    let service = Service::with(6, Habits { instead, breaks: ["a-2".to_owned()].into(), ..Habits::default() });
    let (mut carts, mut notes) = (tagged(Paging::Whole), tagged(Paging::Whole));
    carts["name"] = json!("carts");
    carts["list"]["path"] = json!("/carts?runId={run}");
    notes["name"] = json!("notes");
    notes["list"]["path"] = json!("/notes?runId={run}");
    let all = json!({ "resources": [carts, tagged(Paging::Whole), notes], "patience": "1s" });
    let store = store_with(&service, &tagged(Paging::Whole), &all);
    let (kind, message) = told(&service, &store.delete(&run()).await.unwrap_err());
    let parts: Vec<&str> = message.split("; test data shop: ").collect();
    assert_eq!(
        parts[0],
        "test data shop: could not list carts by GET http://shop/carts?runId=run-1: it answers HTTP 403 Forbidden, expected a \
         token it accepts in the variable of tokenEnv"
    );
    assert!(
        parts[1].starts_with("could not delete one of orders by DELETE http://shop/orders/a-2 (tried "),
        "{message}"
    );
    let end = "could not list notes by GET http://shop/notes?runId=run-1: it answers HTTP 404 Not Found: {\"error\":\"no route GET \
               /notes?runId=run-1\"}";
    assert_eq!((parts[2], parts.len(), kind), (end, 3, FailureKind::Rejected));
    assert_eq!(service.ids().iter().filter(|id| id.starts_with("a-")).collect::<Vec<_>>(), ["a-2"]);
    let empty = (200, None, "{\"orders\":[]}".to_owned());
    service.shop().habits.instead = ["/carts", "/notes"].map(|path| (path.to_owned(), empty.clone())).into();
    service.shop().habits.breaks.clear();
    let told = store.delete(&run()).await.unwrap();
    let told: Vec<(&str, u64)> = told.iter().map(|count| (&*count.table, count.rows)).collect();
    assert_eq!(told, [("carts", 0), ("orders", 6), ("notes", 0)], "with those that the first sweep has deleted");
    assert_eq!(
        store.delete(&run()).await.unwrap().iter().map(|count| count.rows).sum::<u64>(),
        0,
        "they are told once"
    );
}
