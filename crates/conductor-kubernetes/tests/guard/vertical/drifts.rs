//! A VerticalPodAutoscaler that somebody changes during a run, or makes, is seen, and is put back as the run needs it.

use conductor_core::ports::{EnvironmentGuard, Scaler, Way};
use conductor_core::scale::ScaleStep;
use conductor_kubernetes::KubernetesEnvironment;
use serde_json::{Value, json};

use super::scene::{By, Scene};
use crate::drifts::without_time;

/// What is seen of the application, without times.
async fn seen(scene: &Scene, conductor: &KubernetesEnvironment) -> Vec<String> {
    let mut expected = scene.bed.observe().await;
    expected.get_mut("checkout").unwrap().allocation = scene.step().to.clone();
    let drifts = conductor.drifted(&expected, &[]).await.unwrap();
    drifts.iter().map(without_time).collect()
}

/// As the engine reverts what is not of the allocation.
async fn revert(scene: &Scene, conductor: &KubernetesEnvironment) {
    let ScaleStep { application, to, .. } = scene.step().clone();
    let same = ScaleStep { application, from: to.clone(), to };
    conductor.scale(&scene.bed.run, &same, Way::There).await.unwrap();
}

#[tokio::test]
async fn a_vertical_autoscaler_that_somebody_switches_on_again_is_a_drift_and_put_back_as_the_run_needs_it() {
    for sets_resources in [true, false] {
        let name = format!("vpa-drifts-{sets_resources}");
        let scene = Scene::new(&name, &Value::Null, sets_resources).await;
        let conductor = scene.open(1).await;
        scene.freeze(&conductor).await;
        scene.scale(&conductor).await;
        let given = scene.mode().await;
        let patch = r#"{"spec":{"updatePolicy":{"updateMode":"Auto"}}}"#;
        scene.bed.kubectl(&["patch", "vpa/checkout", "--type=merge", "-p", patch]).await.unwrap();
        assert_eq!(
            seen(&scene, &conductor).await,
            [format!(
                "checkout: updateMode of VerticalPodAutoscaler {name}/checkout is Auto, not {given}; changed by kubectl-patch \
                 (Update)"
            )]
        );
        revert(&scene, &conductor).await;
        assert_eq!(scene.mode().await, given);
        assert!(scene.restore(&conductor, By::Journal).await);
        scene.assert_as_before("after the run").await;
    }
}

#[tokio::test]
async fn a_vertical_autoscaler_that_is_made_during_a_run_is_a_drift_where_it_evicts() {
    let scene = Scene::new("vpa-made", &json!({ "updateMode": "Off" }), true).await;
    let conductor = scene.open(1).await;
    scene.freeze(&conductor).await;
    scene.scale(&conductor).await;
    scene.make("still", &json!({ "updateMode": "Initial" })).await;
    scene.make("made", &Value::Null).await;
    assert_eq!(
        seen(&scene, &conductor).await,
        [
            "checkout: updateMode of VerticalPodAutoscaler vpa-made/made is absent, not Initial or Off; changed by unknown \
             (Update)"
        ],
        "whoever has made it"
    );
    revert(&scene, &conductor).await;
    let policy = async |name: &str| scene.objects().get(name).await.unwrap().data["spec"]["updatePolicy"].clone();
    assert_eq!(policy("made").await, json!({ "updateMode": "Initial" }), "it evicts nothing");
    assert_eq!(policy("still").await, json!({ "updateMode": "Initial" }));
    let patch = r#"{"spec":{"updatePolicy":{"updateMode":"Recreate"}}}"#;
    scene.bed.kubectl(&["patch", "vpa/made", "--type=merge", "-p", patch]).await.unwrap();
    assert_eq!(
        seen(&scene, &conductor).await,
        [
            "checkout: updateMode of VerticalPodAutoscaler vpa-made/made is Recreate, not Initial; changed by kubectl-patch \
             (Update)"
        ],
        "what the run has given it is what is expected now"
    );
    revert(&scene, &conductor).await;
    assert!(scene.restore(&conductor, By::Journal).await);
    scene.assert_as_before("after the run").await;
    assert_eq!(policy("made").await, Value::Null, "as it was made");
}
