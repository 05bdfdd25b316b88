//! By what a delivery system knows the deployment that a workload is of: an annotation or a label that it, or a webhook of
//! it, puts on pods, on their template or on the workload.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::place::Place;
use crate::production::refusal::Refusal;
use crate::workload::Workload;

/// What the newest pods say, else their template, else the workload: the nearer to what runs, the truer. Pods that say
/// nothing leave it to the others.
pub(super) fn of(place: &Place, workload: &impl Workload, pods: &[&Pod], key: &str) -> Result<Option<String>, Refusal> {
    let said: BTreeSet<&str> = pods.iter().filter_map(|pod| value(&pod.metadata, key)).collect();
    if said.len() > 1 {
        let ids = said.into_iter().map(str::to_owned).collect();
        return Err(Refusal::DeployIds { place: place.clone(), key: key.to_owned(), ids });
    }
    let template = workload.template().and_then(|template| template.metadata.as_ref());
    let of_template = || template.and_then(|meta| value(meta, key));
    let found = said.first().copied().or_else(of_template).or_else(|| value(workload.meta(), key));
    Ok(found.map(str::to_owned))
}

fn value<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    let all = [&meta.annotations, &meta.labels].into_iter().flatten();
    all.filter_map(|texts| texts.get(key)).map(String::as_str).find(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use conductor_core::ports::FailureKind;
    use k8s_openapi::api::apps::v1::Deployment;
    use serde_json::{Value, json};

    use super::*;
    use crate::place::Kind;

    const KEY: &str = "delivery.example/deployment-id";

    /// What is found with these metadata on the workload, its template and its pods.
    fn found(workload: &Value, template: &Value, pods: &[Value]) -> Result<Option<String>, Refusal> {
        let text = json!({ "metadata": workload, "spec": { "selector": {}, "template": { "metadata": template } } });
        let deployment: Deployment = serde_json::from_value(text).unwrap();
        let pods: Vec<Pod> =
            pods.iter().map(|meta| serde_json::from_value(json!({ "metadata": meta })).unwrap()).collect();
        let place = Place { namespace: "shop".to_owned(), kind: Kind::Deployment, name: "checkout".to_owned() };
        of(&place, &deployment, &pods.iter().collect::<Vec<_>>(), KEY)
    }

    fn annotated(id: &str) -> Value {
        json!({ "annotations": { KEY: id } })
    }

    fn labelled(id: &str) -> Value {
        json!({ "labels": { KEY: id } })
    }

    #[test]
    fn pods_are_believed_before_their_template_and_that_before_the_workload() {
        let none = json!({});
        for (workload, template, pods, expected) in [
            (annotated("a"), annotated("b"), vec![annotated("c"), annotated("c")], Some("c")),
            (annotated("a"), annotated("b"), vec![labelled("c"), none.clone()], Some("c")),
            (annotated("a"), labelled("b"), vec![none.clone()], Some("b")),
            (annotated("a"), annotated("b"), vec![annotated("")], Some("b")),
            (labelled("a"), none.clone(), vec![], Some("a")),
            (json!({ "annotations": { "other": "a" } }), none.clone(), vec![none], None),
        ] {
            let text = format!("{workload} {template} {pods:?}");
            assert_eq!(found(&workload, &template, &pods).unwrap().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn pods_that_disagree_are_of_a_rollout_that_goes_on() {
        let refusal = found(&annotated("a"), &annotated("a"), &[annotated("d-2"), labelled("d-1")]).unwrap_err();
        assert_eq!(refusal.kind(), FailureKind::Unavailable);
        assert_eq!(
            refusal.to_string(),
            "production is in the middle of a rollout of Deployment shop/checkout: pods of its newest version say \
             delivery.example/deployment-id d-1 and d-2; try again when all of them say the same"
        );
    }
}
