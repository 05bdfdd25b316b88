//! Answers that no current Locust gives: older verbs, logins, other programs, refusals.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use conductor_core::ports::{FailureKind, LoadGenerator, PortError};
use conductor_locust::{Locust, LocustSettings};

use crate::bed::{driver, orders, tags, users};

async fn serve(router: Router) -> Locust {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    driver(LocustSettings::at(url), orders())
}

fn chain(error: &PortError) -> String {
    conductor_core::failure::Failure::of("test", error).to_string()
}

fn page(state: &str, users: u64, version: &str) -> Html<String> {
    let arguments = serde_json::json!({"version": version, "state": state, "user_count": users});
    Html(format!("<script>window.templateArgs = {arguments}\n</script>"))
}

const IDLE: &str = "Type,Name,Request Count,Failure Count\r\n,Aggregated,7,0\r\n";

#[tokio::test]
async fn an_older_locust_is_stopped_with_get_and_gets_no_dead_man() {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let (stops, forms) = (calls.clone(), calls.clone());
    let swarm = async move |body: String| {
        forms.lock().unwrap().push(body);
        axum::Json(serde_json::json!({"success": true, "message": "Swarming started"}))
    };
    let stop = async move || {
        stops.lock().unwrap().push("GET /stop".to_owned());
        axum::Json(serde_json::json!({"success": true}))
    };
    let asked = calls.clone();
    let state = async move || {
        let asked = asked.lock().unwrap();
        match asked.last().map(String::as_str) {
            Some(form) if form.starts_with("user_count") => page("running", 3, "2.46.0"),
            _ => page("ready", 0, "2.46.0"),
        }
    };
    let router = Router::new()
        .route("/", get(state))
        .route("/swarm", axum::routing::post(swarm))
        .route("/stop", get(stop))
        .route("/stats/reset", get(async || "ok"))
        .route("/stats/requests/csv", get(async || IDLE));
    let locust = serve(router).await;
    let facts = locust.check().await.unwrap();
    assert_eq!(facts.version, "Locust 2.46.0, which does not stop by itself when the conductor dies");
    locust.set(&tags("r-1"), &users(3)).await.unwrap();
    locust.stop(&"r-1".parse().unwrap()).await.unwrap();
    locust.reset_statistics().await.unwrap();
    assert_eq!(*calls.lock().unwrap(), ["user_count=3&spawn_rate=100", "GET /stop"]);
}

#[tokio::test]
async fn a_redirect_to_a_login_is_named_and_not_followed() {
    let to_login = async || (StatusCode::FOUND, [(header::LOCATION, "/login?next=%2F")]);
    let locust =
        serve(Router::new().fallback(to_login).route("/login", get(async || page("ready", 0, "2.47.0")))).await;
    let error = locust.check().await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Rejected);
    assert!(chain(&error).contains("asks for a login; set locust.tokenEnv"), "{}", chain(&error));
}

#[tokio::test]
async fn a_page_that_is_not_locusts_is_named() {
    let locust = serve(Router::new().fallback(async || Html("<h1>Please log in</h1>"))).await;
    let error = locust.check().await.unwrap_err();
    assert!(chain(&error).contains("may be a login page"), "{}", chain(&error));
}

#[tokio::test]
async fn html_instead_of_json_is_named() {
    let router = Router::new()
        .route("/", get(async || page("ready", 0, "2.47.0")))
        .route("/conductor/series", get(async || Html("Locust auth exception").into_response()));
    let error = serve(router).await.check().await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Rejected);
    assert!(chain(&error).contains("instead of JSON"), "{}", chain(&error));
}

#[tokio::test]
async fn a_refusal_with_status_200_is_an_error_in_locusts_words() {
    let refuse = async || axum::Json(serde_json::json!({"success": false, "message": "No runner"}));
    let router = Router::new()
        .route("/", get(async || page("ready", 0, "2.47.0")))
        .route("/stats/requests/csv", get(async || IDLE))
        .route("/swarm", axum::routing::post(refuse));
    let error = serve(router).await.set(&tags("r-1"), &users(1)).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Rejected);
    assert!(chain(&error).contains("Locust says: No runner"), "{}", chain(&error));
}

#[tokio::test]
async fn a_locust_that_is_not_there_is_worth_another_try() {
    let error = driver(LocustSettings::at("http://127.0.0.1:9"), orders()).check().await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unavailable);
    assert_eq!(chain(&error).matches("http://127.0.0.1:9").count(), 1, "{}", chain(&error));
}

#[test]
fn an_address_that_is_none_is_refused_by_the_name_of_its_field() {
    let error = Locust::new(LocustSettings::at("locust:8089"), orders(), None).unwrap_err();
    assert!(error.to_string().contains("locust.url \"locust:8089\""), "{error}");
}
