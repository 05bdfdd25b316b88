//! Which autoscaler scales what.

use super::*;

fn autoscaler(name: &str, kind: &str, target: &str) -> HorizontalPodAutoscaler {
    let text = format!(
        "{{ metadata: {{ name: {name}, namespace: shop }}, spec: {{ maxReplicas: 4, scaleTargetRef: {{ kind: {kind}, name: {target} }} }} }}"
    );
    serde_saphyr::from_str(&text).unwrap()
}

fn scaled_object(name: &str, target: &str) -> ScaledObject {
    let text = format!(
        "{{ metadata: {{ name: {name}, namespace: shop }}, spec: {{ scaleTargetRef: {{ name: {target} }} }} }}"
    );
    serde_saphyr::from_str(&text).unwrap()
}

/// The autoscaler that KEDA makes from a ScaledObject.
fn made_by_keda(from: &str, target: &str) -> HorizontalPodAutoscaler {
    let mut made = autoscaler(&format!("keda-hpa-{from}"), "Deployment", target);
    let owner = format!("{{ apiVersion: keda.sh/v1alpha1, kind: ScaledObject, name: {from}, uid: any }}");
    made.metadata.owner_references = Some(vec![serde_saphyr::from_str(&owner).unwrap()]);
    made
}

fn place(name: &str) -> Place {
    Place { namespace: "shop".to_owned(), kind: Kind::Deployment, name: name.to_owned() }
}

fn chosen(place: &Place, targets: &ByTarget, several: Several) -> Option<String> {
    only(place, targets, several).unwrap().map(Autoscaler::called)
}

#[test]
fn autoscalers_are_found_by_what_they_scale() {
    let of = [("a", "Deployment"), ("b", "StatefulSet"), ("c", "Rollout")];
    let targets = by_target(of.map(|(name, kind)| autoscaler(name, kind, "checkout")), [scaled_object("d", "search")]);
    let found = |place: &Place| chosen(place, &targets, Several::Refused);
    assert_eq!(found(&place("checkout")).as_deref(), Some("HorizontalPodAutoscaler shop/a"));
    let set = Place { kind: Kind::StatefulSet, ..place("checkout") };
    assert_eq!(found(&set).as_deref(), Some("HorizontalPodAutoscaler shop/b"));
    assert_eq!(found(&place("search")).as_deref(), Some("ScaledObject shop/d"));
    assert_eq!(found(&place("ledger")), None);
}

#[test]
fn what_keda_has_made_is_its_scaled_objects_affair() {
    let targets = by_target([made_by_keda("queue", "checkout")], [scaled_object("queue", "checkout")]);
    let found = chosen(&place("checkout"), &targets, Several::Refused);
    assert_eq!(found.as_deref(), Some("ScaledObject shop/queue"));
    let other_owner = r#"{ "apiVersion": "apps/v1", "kind": "Deployment", "name": "any", "uid": "any" }"#;
    let mut owned = autoscaler("a", "Deployment", "checkout");
    owned.metadata.owner_references = Some(vec![serde_json::from_str(other_owner).unwrap()]);
    assert_eq!(target(&owned), Some(place("checkout")));
}

#[test]
fn two_autoscalers_of_one_workload_are_refused_by_name() {
    let targets = by_target([autoscaler("a", "Deployment", "checkout")], [scaled_object("b", "checkout")]);
    assert_eq!(
        only(&place("checkout"), &targets, Several::Refused).unwrap_err().to_string(),
        "Deployment shop/checkout is scaled by several autoscalers (HorizontalPodAutoscaler shop/a, ScaledObject shop/b), \
         which fight; expected one at most"
    );
}

#[test]
fn on_the_way_back_it_is_the_one_that_the_run_has_changed_else_the_oldest() {
    let made = |name: &str, second: i64, run: Option<&str>| {
        let mut made = autoscaler(name, "Deployment", "checkout");
        made.metadata.creation_timestamp =
            Some(serde_json::from_value(format!("2026-01-01T00:00:0{second}Z").into()).unwrap());
        made.metadata.annotations = run.map(|text| BTreeMap::from([(crate::marker::RUN.to_owned(), text.to_owned())]));
        made
    };
    let chosen = |all: [HorizontalPodAutoscaler; 2]| {
        let targets = by_target(all, []);
        only(&place("checkout"), &targets, Several::First).unwrap().map(|one| one.name().to_owned()).unwrap()
    };
    assert_eq!(chosen([made("a", 2, None), made("b", 1, None)]), "b");
    assert_eq!(chosen([made("a", 1, None), made("b", 1, None)]), "a");
    assert_eq!(chosen([made("a", 1, None), made("b", 2, Some("half of a marker"))]), "b");
    let copy = r#"{"run":"one","epoch":1,"uid":"of another","applied":[]}"#;
    assert_eq!(chosen([made("a", 1, None), made("b", 2, Some(copy))]), "a", "the marker of a copy is void");
}

#[test]
fn a_scaled_object_that_somebody_holds_still_cannot_be_held_by_a_run() {
    let mut held = scaled_object("queue", "checkout");
    let unfit = |one: &ScaledObject| Autoscaler::Scaled(Box::new(one.clone())).unfit().map(|unfit| unfit.to_string());
    assert_eq!(unfit(&held), None);
    held.metadata.annotations =
        Some(BTreeMap::from([("autoscaling.keda.sh/paused-replicas".to_owned(), "3".to_owned())]));
    assert_eq!(
        unfit(&held).as_deref(),
        Some(
            "KEDA holds it at 3 replicas (annotation autoscaling.keda.sh/paused-replicas), whatever its bounds are; \
             expected no such annotation"
        )
    );
}
