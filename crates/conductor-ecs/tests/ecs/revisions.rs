//! Revisions of task definitions are used again without a look at each one that there is.

use conductor_core::restore::ForeignPolicy;
use conductor_ecs_bed::{Requests, User};
use serde_json::json;

use super::scene::*;

/// How many revisions the conductor has read, of the test family.
fn read(scene: &Scene) -> usize {
    let of = Requests::all().operation("DescribeTaskDefinition").by(User::Conductor.access_key());
    let is_test = |name: &serde_json::Value| name.as_str().is_some_and(|name| name.starts_with("cart:"));
    let all = scene.bed.requests();
    all.iter().filter(|seen| of.contain(seen) && is_test(&seen.body["taskDefinition"])).count()
}

#[tokio::test]
async fn a_family_with_many_revisions_costs_no_more_looks_and_those_of_the_last_run_are_found() {
    let scene = Scene::of(&["cart"]).await;
    let before = scene.state().await;
    for number in 0..20 {
        let theirs = json!({ "family": "cart", "cpu": "256", "memory": "512",
            "containerDefinitions": [{ "name": "app", "image": format!("registry.example/cart:nightly-{number}") }] });
        scene.admin("RegisterTaskDefinition", theirs).await;
    }
    let registered = || scene.bed.count(&scene.conductors().operation("RegisterTaskDefinition"));
    for epoch in 1..=2 {
        let (conductor, known) = (scene.conductor(epoch).await, read(&scene));
        let changes = plan(&conductor, &[like_production("cart")]).await.unwrap();
        there(&conductor, &changes).await.unwrap();
        back(&conductor, &changes, ForeignPolicy::Report).await.unwrap();
        let looks = read(&scene) - known;
        assert!(looks <= 12, "run {epoch} has read {looks} revisions");
        assert_eq!(registered(), 2, "run {epoch}");
        assert_eq!(scene.state().await, before);
    }
}
