//! A watch that cannot be: what others change elsewhere is seen all the same, and that nobody watches there is told.

use std::time::Duration;

use conductor_core::failure::Failure;
use conductor_core::ports::{EnvironmentGuard, FailureKind};
use conductor_kubernetes_bed::{Answer, Effect, Fault, Requests, User, Verb};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::bed::{Bed, cluster};
use crate::drifts::without_time;

const SEEN_WITHIN: Duration = Duration::from_secs(20);

#[tokio::test]
async fn what_others_change_is_seen_while_another_namespace_cannot_be_watched_and_that_is_told() {
    let mut bed = Bed::new("sighted").await;
    let dark = Bed::new("dark").await;
    let user = User::service_account("loadtest-conductor", "loadtest-conductor");
    let proxy = cluster().await.fault_proxy(&user).await.unwrap();
    let applications: [Value; 2] =
        [json!({ "name": "checkout" }), json!({ "name": "search", "namespace": "dark", "deployment": "checkout" })];
    let besides = json!({ "cluster": { "kubeconfig": proxy.kubeconfig() }, "applications": applications });
    bed.conductor = bed.connect(1, &besides).await;
    bed.applications.push("search".parse().unwrap());
    let expected = bed.observe().await;
    let lists = Requests::all().verb(Verb::List).resource("horizontalpodautoscalers").namespace("dark");
    let fault = proxy.inject(Fault::new(lists, Effect::Answer(Answer::InternalError)));
    for bed in [&bed, &dark] {
        bed.kubectl(&["scale", "deployment/checkout", "--replicas=7"]).await.unwrap();
    }

    let begun = Instant::now();
    let seen = bed.conductor.drifted(&expected, &[]).await.unwrap();
    let told: Vec<String> = seen.iter().map(without_time).collect();
    assert_eq!(told, ["checkout: replicas is 7, not 2; changed by kubectl (Update of scale)"]);
    assert!(begun.elapsed() < SEEN_WITHIN, "{:?}", begun.elapsed());

    let begun = Instant::now();
    let error = bed.conductor.drifted(&expected, &seen).await.unwrap_err();
    let text = Failure::of("watch the applications", &error).to_string();
    let what = "watch the applications: it is not seen what others change of horizontalpodautoscalers of namespace dark: \
                could not list them: ";
    assert!(text.starts_with(what) && text.ends_with("(500)"), "{text}");
    assert_eq!(error.kind, FailureKind::Unavailable);
    assert!(begun.elapsed() >= Duration::from_secs(30), "a moment is no matter: {:?}", begun.elapsed());

    fault.lift();
    let seen = bed.conductor.drifted(&expected, &seen).await.unwrap();
    let told: Vec<String> = seen.iter().map(without_time).collect();
    assert_eq!(told, ["search: replicas is 7, not 2; changed by kubectl (Update of scale)"]);
}
