//! Declarations that are refused, with the field and what would be right.

use conductor_testdata::{HttpTestData, HttpTestDataSettings};
use serde_json::{Value, json};

use crate::bed::{declared, install_tls, tagged, whole};
use crate::service::{Habits, Paging, Service};

fn settings(change: impl FnOnce(&mut Value)) -> HttpTestDataSettings {
    let mut settings = json!({ "name": "shop", "url": "https://shop.example", "resources": [tagged(Paging::Whole)] });
    change(&mut settings);
    serde_json::from_value(settings).unwrap()
}

fn told(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let shown = |(field, problem, expected)| format!("{field}: {problem}; expected {expected}");
    settings(change).violations().into_iter().map(shown).collect()
}

#[test]
fn a_good_declaration_is_not_refused_and_survives_a_journal() {
    let good = settings(
        |all| all["resources"] = json!([tagged(Paging::Page), { "name": "more", "count": whole()["count"], "deleteRun": whole()["deleteRun"] }]),
    );
    assert_eq!(good.violations(), []);
    let kept: HttpTestDataSettings = serde_json::from_value(serde_json::to_value(&good).unwrap()).unwrap();
    assert_eq!(kept, good);
}

#[test]
fn what_could_delete_the_data_of_others_is_refused() {
    let at = |resource: Value| move |all: &mut Value| all["resources"] = json!([resource]);
    let with = |mut resource: Value, pointer: &str, value: Value| {
        *resource.pointer_mut(pointer).unwrap() = value;
        resource
    };
    let mut untold = with(tagged(Paging::Whole), "/list/path", json!("/orders"));
    untold["list"].as_object_mut().unwrap().remove("tag");
    let cases = [
        (
            untold,
            "resources[0].list: neither the request nor the items tell the run, so that items of others could be deleted; expected {run} in path or body, or tag",
        ),
        (
            with(tagged(Paging::Whole), "/deleteItem/path", json!("/orders")),
            "resources[0].deleteItem.path: it does not surely say which item, so that it may delete all; expected {id} in it before any ?, or in the body of a POST, PUT or PATCH",
        ),
        (
            with(whole(), "/count/path", json!("/count")),
            "resources[0].count.path: it does not name the run, so that it is about all of them; expected {run} in it, or in body",
        ),
        (
            with(whole(), "/deleteRun/path", json!("/orders#{run}")),
            "resources[0].deleteRun.path: \"/orders#{run}\" is not what would be asked for; expected a path without dots alone between slashes, # or what must be percent-encoded",
        ),
        (
            with(whole(), "/deleteRun/path", json!("/runs/{run}/../../orders")),
            "resources[0].deleteRun.path: \"/runs/{run}/../../orders\" is not what would be asked for; expected a path without dots alone between slashes, # or what must be percent-encoded",
        ),
        (
            with(whole(), "/deleteRun/path", json!("/runs/{RUN}")),
            "resources[0].deleteRun.path: {RUN} is not known; expected {run}",
        ),
        (
            json!({ "name": "orders", "count": { "method": "POST", "path": "/count", "number": "/n", "body": { "all": [{ "run": "{runId}" }], "run": "{run}" } }, "deleteRun": whole()["deleteRun"] }),
            "resources[0].count.body: {runId} is not known; expected {run}",
        ),
        (
            json!({ "name": "orders", "list": tagged(Paging::Whole)["list"], "deleteItem": { "method": "GET", "path": "/orders/{id}" } }),
            "resources[0].deleteItem.method: GET is not for this; expected DELETE, POST, PUT or PATCH",
        ),
        (
            with(tagged(Paging::Whole), "/list/path", json!("@evil.example/{run}")),
            "resources[0].list.path: \"@evil.example/{run}\" does not begin with /; expected a path such as /orders",
        ),
    ];
    for (resource, expected) in cases {
        assert_eq!(told(at(resource)).first().map(String::as_str), Some(expected));
    }
    let mut reads = tagged(Paging::Whole);
    reads["list"]["method"] = json!("DELETE");
    assert_eq!(told(at(reads)), ["resources[0].list.method: DELETE is not for this; expected GET or POST"]);
}

/// What a service does not know in a query or a body it leaves out of account: this one deletes all orders then.
#[tokio::test]
async fn a_run_or_an_item_that_a_service_may_take_no_notice_of_is_refused_before_it_is_called() {
    install_tls();
    let service = Service::with(5, Habits::default());
    let run = "resources[0].deleteRun.path: the run is no part of its own of the path, so that a service may take no notice and \
               delete all; expected a path such as /runs/{run}/orders, or list and deleteItem";
    let item = "resources[0].deleteItem.path: it does not surely say which item, so that it may delete all; expected {id} in it \
                before any ?, or in the body of a POST, PUT or PATCH";
    let by = |resource: Value, part: &str, request: Value| {
        let mut resource = resource;
        resource[part] = request;
        resource
    };
    let (runs, items) = (whole(), tagged(Paging::Whole));
    for (resource, expected) in [
        (by(runs.clone(), "deleteRun", json!({ "path": "/orders" })), run),
        (by(runs.clone(), "deleteRun", json!({ "path": "/orders?runId={run}" })), run),
        (by(runs.clone(), "deleteRun", json!({ "path": "/orders?of=/{run}/" })), run),
        (by(runs.clone(), "deleteRun", json!({ "path": "/orders;run={run}" })), run),
        (by(runs.clone(), "deleteRun", json!({ "path": "/orders", "body": { "runId": "{run}" } })), run),
        (
            by(runs, "deleteRun", json!({ "method": "POST", "path": "/orders/purge", "body": { "runId": "{run}" } })),
            run,
        ),
        (by(items.clone(), "deleteItem", json!({ "path": "/orders?id={id}" })), item),
        (by(items.clone(), "deleteItem", json!({ "method": "POST", "path": "/orders/delete?id={id}" })), item),
        (by(items, "deleteItem", json!({ "path": "/orders", "body": { "ids": ["{id}"] } })), item),
    ] {
        let error = HttpTestData::new(declared(&service, &resource, &json!({})), None).unwrap_err();
        assert_eq!(error.to_string(), format!("test data shop: {expected}"), "{resource}");
    }
    assert_eq!((service.ids().len(), service.seen().len()), (15, 0));
}

#[test]
fn an_item_may_be_named_by_the_body_of_what_is_no_delete() {
    let mut resource = tagged(Paging::Whole);
    resource["deleteItem"] = json!({ "method": "POST", "path": "/orders/delete", "body": { "ids": ["{id}"] } });
    assert_eq!(settings(|all| all["resources"] = json!([resource])).violations(), []);
}

#[test]
fn what_says_too_little_or_too_much_is_refused() {
    let (one, run) = (tagged(Paging::Whole), whole());
    let cases = [
        (json!([]), vec!["resources: it is empty; expected what runs leave at the service, such as orders"]),
        (json!([one, one]), vec!["resources[1].name: \"orders\" is there twice; expected each resource once"]),
        (
            json!([{ "name": "orders" }]),
            vec!["resources[0]: nothing says how it is deleted; expected deleteRun, or list and deleteItem"],
        ),
        (
            json!([{ "name": "orders", "deleteItem": one["deleteItem"] }]),
            vec!["resources[0].deleteItem: nothing says which items there are; expected list beside it"],
        ),
        (
            json!([{ "name": "orders", "deleteRun": run["deleteRun"] }]),
            vec![
                "resources[0].deleteRun: nothing tells whether all is deleted; expected count beside it, or list, which is then counted",
            ],
        ),
        (
            json!([{ "name": "orders", "list": one["list"], "deleteItem": one["deleteItem"], "deleteRun": run["deleteRun"] }]),
            vec!["resources[0].deleteItem: there is deleteRun, too; expected one of them"],
        ),
        (
            json!([{ "name": "", "list": { "path": "/orders?page=1&run={run}", "id": "id", "next": { "page": { "parameter": "page" } }, "noneStatus": [500] }, "deleteItem": one["deleteItem"] }]),
            vec![
                "resources[0].name: it is empty; expected what people call it, such as orders",
                "resources[0].list.id: \"id\" is no JSON pointer; expected one such as /orders, or \"\" for the whole",
                "resources[0].list.noneStatus: 500 does not say that there is none; expected statuses such as 404",
                "resources[0].list.next.page.parameter: page is in path already; expected a path without it: the conductor adds it",
            ],
        ),
    ];
    for (resources, expected) in cases {
        assert_eq!(told(|all| all["resources"] = resources), expected);
    }
}

#[test]
fn an_address_a_header_or_a_limit_that_cannot_be_is_refused() {
    for (url, expected) in [
        ("shop", "url: \"shop\" is no address of a service; expected an address such as https://orders.example/api"),
        (
            "ftp://shop",
            "url: \"ftp://shop\" is no address of a service; expected an address such as https://orders.example/api",
        ),
        (
            "https://me:secret@shop",
            "url: a name or password in it would be kept in the journal of each run; expected tokenEnv",
        ),
        (
            "https://shop/?x=1",
            "url: it has a query or a fragment, behind which no path can stand; expected an address such as https://orders.example/api",
        ),
    ] {
        assert_eq!(told(|all| all["url"] = json!(url)), [expected]);
    }
    let besides = json!({
        "headers": { "Authorization": "Bearer x", "X Y": "z" }, "tokenHeader": "X-Key",
        "requestsPerSecond": 0, "concurrency": 1001, "timeout": "0s", "patience": "11m"
    });
    assert_eq!(
        told(|all| all.as_object_mut().unwrap().extend(besides.as_object().unwrap().clone())),
        [
            "headers.Authorization: it would be kept in the journal of each run; expected tokenEnv, with tokenHeader if need be",
            "headers.X Y: it cannot be sent; expected a header such as X-Tenant: shop",
            "tokenHeader: there is no token to put in it; expected tokenEnv beside it",
            "requestsPerSecond: 0 is out of range; expected 1 to 1000",
            "concurrency: 1001 is out of range; expected 1 to 1000",
            "timeout: 0s is out of range; expected 1s to 10m",
            "patience: 11m is out of range; expected 1s to 10m",
        ]
    );
}

#[test]
fn a_store_is_not_made_of_what_is_refused_and_a_token_is_not_told() {
    install_tls();
    let made = |settings, token: &str| HttpTestData::new(settings, Some(token.to_owned())).unwrap_err().to_string();
    let bad = settings(|all| all["resources"][0]["deleteItem"]["path"] = json!("/orders"));
    assert_eq!(
        made(bad, "x"),
        "test data shop: resources[0].deleteItem.path: it does not surely say which item, so that it may delete all; expected {id} in it before any ?, or in the body of a POST, PUT or PATCH"
    );
    assert_eq!(
        made(settings(|_| {}), "hush\nhush"),
        "test data shop: the value that tokenEnv names cannot be sent in a header"
    );
    let missing = settings(|all| all["caFile"] = json!("/nowhere/ca.pem"));
    assert_eq!(
        made(missing, "x"),
        "test data shop: could not read the certificate authority in caFile /nowhere/ca.pem"
    );
}
