//! What a freeze denies, request by request.

use conductor_kubernetes_bed::User;
use serde_json::{Value, json};

use super::bed::{Place, autoscaler, ci, frozen, place};
use super::changes::{Change, Paths, get, paths, replicas};

const IMAGE: &str = "registry.example/web:2";

fn template(change: Value) -> Value {
    json!({ "spec": { "template": change } })
}

fn with_type(mut object: Value, name: &str) -> Value {
    object["apiVersion"] = "apps/v1".into();
    object["kind"] = "Deployment".into();
    object["metadata"] = json!({ "name": name });
    object
}

/// Every change of the spec of `web`.
async fn changes_of_web(place: &Place) -> Vec<Change> {
    let Paths { deployments, .. } = paths(&place.namespace);
    let web = format!("{deployments}/web");
    let containers = json!({ "spec": { "containers": [{ "name": "main", "image": IMAGE }] } });
    let restart = json!({ "metadata": { "annotations": { "kubectl.kubernetes.io/restartedAt": "now" } } });
    let path = "/spec/template/spec/containers/0/image";
    let mut whole = get(&place.admin, &web).await;
    whole["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    let mut larger = whole.clone();
    larger["spec"]["replicas"] = 7.into();
    whole["spec"]["template"]["spec"]["containers"][0]["image"] = IMAGE.into();
    let scale = format!("{web}/scale");
    let mut scaled = get(&place.admin, &scale).await;
    scaled["spec"]["replicas"] = 7.into();
    scaled["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    vec![
        Change::patch("image, JSON", "json", &web, json!([{ "op": "replace", "path": path, "value": IMAGE }])),
        Change::patch(
            "replicas, JSON",
            "json",
            &web,
            json!([{ "op": "replace", "path": "/spec/replicas", "value": 7 }]),
        ),
        Change::patch("image, merge", "merge", &web, template(containers.clone())),
        Change::patch("replicas, merge", "merge", &web, replicas(7)),
        Change::patch("image, strategic", "strategic", &web, template(containers.clone())),
        Change::patch("replicas, strategic", "strategic", &web, replicas(7)),
        Change::patch("image, apply", "apply", &web, with_type(template(containers), "web")),
        Change::patch("replicas, apply", "apply", &web, with_type(replicas(7), "web")),
        Change::put("image, PUT", &web, whole),
        Change::put("replicas, PUT", &web, larger),
        Change::patch("scale, merge", "merge", &scale, replicas(7)),
        Change::put("scale, PUT", &scale, scaled),
        Change::patch("restart", "strategic", &web, template(restart)),
        Change::patch("pause", "merge", &web, json!({ "spec": { "paused": true } })),
        Change::delete("delete", &web),
        Change::delete("delete the collection", &format!("{deployments}?fieldSelector=metadata.name%3Dweb")),
    ]
}

/// Every change of the other targets, and of what aims at one.
async fn changes_of_others(place: &Place) -> Vec<Change> {
    let Paths { stateful_sets, autoscalers, .. } = paths(&place.namespace);
    let (store, scaled) = (format!("{stateful_sets}/store"), format!("{autoscalers}/scaled"));
    let (second, other) = (format!("{autoscalers}/second"), format!("{autoscalers}/other"));
    let v1 = scaled.replace("/v2/", "/v1/");
    let mut old = get(&place.admin, &v1).await;
    old["spec"]["maxReplicas"] = 8.into();
    old["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    let max = json!({ "spec": { "maxReplicas": 8 } });
    let aim = json!({ "spec": { "scaleTargetRef": { "name": "web" } } });
    let away = json!({ "spec": { "scaleTargetRef": { "name": "nothing" } } });
    vec![
        Change::patch("replicas of a StatefulSet", "merge", &store, replicas(7)),
        Change::patch("scale of a StatefulSet", "merge", &format!("{store}/scale"), replicas(7)),
        Change::delete("delete a StatefulSet", &store),
        Change::patch(
            "HPA, JSON",
            "json",
            &scaled,
            json!([{ "op": "replace", "path": "/spec/maxReplicas", "value": 8 }]),
        ),
        Change::patch("HPA, merge", "merge", &scaled, max.clone()),
        Change::put("HPA, PUT in an older version", &v1, old),
        Change::delete("delete an HPA", &scaled),
        Change::delete("delete a collection of HPAs", &format!("{autoscalers}?fieldSelector=metadata.name%3Dscaled")),
        Change::post("new HPA", &autoscalers, autoscaler("new", "Deployment", "web", 1, 9)),
        Change::patch("HPA that comes to aim at a target", "merge", &other, aim),
        Change::patch("HPA that is no target but aims at one", "merge", &second, max),
        Change::patch("HPA that aims at a target, away from it", "merge", &second, away),
        Change::delete("delete an HPA that aims at a target", &second),
    ]
}

#[tokio::test]
async fn every_change_of_a_target_is_denied_to_everybody() {
    let place = frozen("denied").await;
    let changes = [changes_of_web(&place).await, changes_of_others(&place).await].concat();
    let account =
        User::Person { name: "system:serviceaccount:kube-system:deployer".to_owned(), group: Some("sre".into()) };
    for user in [ci(), User::Admin, account] {
        let client = place.client(&user).await;
        for change in &changes {
            let denial = change.denied_to(&client).await;
            assert!(denial.contains("frozen by load test denied until"), "{}: {denial}", change.what);
        }
    }
    let Paths { deployments, stateful_sets, autoscalers, .. } = paths("denied");
    let objects = [
        format!("{deployments}/web"),
        format!("{stateful_sets}/store"),
        format!("{autoscalers}/scaled"),
        format!("{autoscalers}/second"),
    ];
    for object in objects {
        let object = get(&place.admin, &object).await;
        assert!(object["metadata"]["deletionTimestamp"].is_null(), "{object:#}");
        assert!(matches!(object["metadata"]["generation"].as_i64(), None | Some(1)), "{object:#}");
    }
}

#[tokio::test]
async fn a_denial_says_by_what_until_when_and_how_to_lift_it() {
    let place = place("told").await;
    place.freeze(&place.freezer, &place.targets(&["web"])).await;
    let [frozen] =
        &place.freezer.frozen().await.unwrap().into_iter().filter(|one| one.name == "told").collect::<Vec<_>>()[..]
    else {
        panic!("no freeze told")
    };
    assert_eq!((frozen.run.as_str(), frozen.owner.as_str(), frozen.targets), ("told", "team-shop", 1));
    let web = format!("{}/web", paths("told").deployments);
    let denial = Change::patch("replicas", "merge", &web, replicas(7)).denied_to(&place.client(&ci()).await).await;
    let expected = format!(
        "deployments.apps \"web\" is forbidden: ValidatingAdmissionPolicy 'freeze.loadtest-conductor.dev' with binding \
         'freeze.loadtest-conductor.dev' denied request: frozen by load test told until {}; to lift it: conductor unfreeze \
         told --settings environment.yaml (team-shop)",
        frozen.expires
    );
    assert_eq!(denial, expected);
    assert!(place.freezer.lift_by_name("told").await.unwrap());
}

#[tokio::test]
async fn what_people_do_with_kubectl_is_denied_and_they_see_why() {
    let place = place("kubectl").await;
    place.freeze(&place.freezer, &place.targets(&["web"])).await;
    for arguments in [
        "scale deployment web --replicas=7",
        "set image deployment web main=registry.example/web:2",
        "set env deployment web A=b",
        "rollout restart deployment web",
        "rollout pause deployment web",
        "delete deployment web --wait=false",
        "delete deployments --all --wait=false",
    ] {
        let mut kubectl = place.cluster.kubectl(&ci()).unwrap();
        let output = kubectl.args(["--namespace", "kubectl"]).args(arguments.split(' ')).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && said.contains("to lift it: conductor unfreeze kubectl"),
            "{arguments}: {said}"
        );
    }
}
