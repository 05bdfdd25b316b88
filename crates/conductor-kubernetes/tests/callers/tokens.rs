//! Whose a token is: for whom it must be, and when it is nobody's any more.

use conductor_core::failure::FailureKind;
use conductor_core::ports::CallerReview;
use conductor_kubernetes::ClusterCallers;
use conductor_kubernetes_bed::{Answer, Effect, Fault, Requests, User, until};
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use serde_json::json;

use crate::bed::{AUDIENCE, Bed, CONDUCTOR, PATIENCE, cluster, conductor, create, text};

#[tokio::test]
async fn a_token_for_this_server_names_its_service_account_and_one_for_others_names_nobody() {
    let bed = Bed::new("audiences").await;
    bed.account("nightly").await;
    for audiences in [vec![AUDIENCE], vec!["payments", AUDIENCE]] {
        let token = bed.token("nightly", json!({ "audiences": audiences })).await;
        let who = bed.known(&token).await;
        let uid = bed.api::<ServiceAccount>().get("nightly").await.unwrap().metadata.uid.unwrap();
        assert_eq!((who.name.as_str(), who.uid), ("system:serviceaccount:audiences:nightly", uid));
        for group in ["system:serviceaccounts", "system:serviceaccounts:audiences", "system:authenticated"] {
            assert!(who.groups.iter().any(|found| found == group), "{group} in {:?}", who.groups);
        }
        assert!(who.extra.contains_key("authentication.kubernetes.io/credential-id"), "{:?}", who.extra);
    }
    // That of every pod is for the API server.
    for spec in [json!({ "audiences": ["payments"] }), json!({ "audiences": [] })] {
        let token = bed.token("nightly", spec).await;
        let because = bed.unknown(&token).await;
        assert!(because.contains("invalid bearer token") && !because.contains(&token), "{because}");
    }
    let mut forged = bed.token("nightly", json!({ "audiences": [AUDIENCE] })).await;
    forged.replace_range(forged.len() - 4.., "AAAA");
    let because = bed.unknown(&forged).await;
    assert!(because.contains("invalid bearer token") && !because.contains(&forged), "{because}");
}

#[tokio::test]
async fn a_token_counts_no_more_when_its_account_or_its_pod_is_gone() {
    let bed = Bed::new("gone").await;
    bed.account("nightly").await;
    let container = json!({ "name": "main", "image": "registry.example/none:1" });
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": "job", "namespace": "gone" },
        "spec": { "serviceAccountName": "nightly", "containers": [container], "terminationGracePeriodSeconds": 0 },
    });
    create(&bed.admin, pod).await;
    let uid = bed.api::<Pod>().get("job").await.unwrap().metadata.uid.unwrap();
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "name": "job", "uid": uid });
    let of_pod = bed.token("nightly", json!({ "audiences": [AUDIENCE], "boundObjectRef": pod })).await;
    let of_account = bed.token("nightly", json!({ "audiences": [AUDIENCE] })).await;
    let who = bed.known(&of_pod).await;
    assert_eq!(who.extra["authentication.kubernetes.io/pod-name"], ["job"]);
    bed.known(&of_account).await;

    bed.api::<Pod>().delete("job", &Default::default()).await.unwrap();
    until("the token of the pod counts no more", PATIENCE, async || {
        matches!(bed.review(&of_pod).await, conductor_core::caller::Reviewed::Unknown { .. }).then_some(())
    })
    .await;
    bed.known(&of_account).await;
    bed.api::<ServiceAccount>().delete("nightly", &Default::default()).await.unwrap();
    until("the token of the account counts no more", PATIENCE, async || {
        matches!(bed.review(&of_account).await, conductor_core::caller::Reviewed::Unknown { .. }).then_some(())
    })
    .await;
    // Another one of the same name is another one.
    bed.account("nightly").await;
    let because = bed.unknown(&of_account).await;
    assert!(because.contains("invalid bearer token"), "{because}");
}

#[tokio::test]
async fn a_server_that_cannot_be_asked_says_nothing_of_a_token() {
    let bed = Bed::new("unasked").await;
    bed.account("nightly").await;
    let token = bed.token("nightly", json!({ "audiences": [AUDIENCE] })).await;
    let who = bed.known(&token).await;
    let audiences = [AUDIENCE.to_owned()];

    let proxy = cluster().await.fault_proxy(&conductor()).await.unwrap();
    let callers = ClusterCallers::new(proxy.client().await.unwrap(), CONDUCTOR.to_owned());
    callers.review(&token, &audiences).await.unwrap();
    let fault = proxy.inject(Fault::new(Requests::all(), Effect::Answer(Answer::Unavailable)));
    let error = callers.review(&token, &audiences).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unavailable);
    assert!(text(&error).starts_with("could not ask the API server whose a token is: "), "{error:?}");
    assert!(!text(&error).contains(&token), "{error:?}");
    let error = callers.may(&who, conductor_core::caller::Role::Viewer, "shop").await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unavailable);
    let act = "could not ask the API server whether system:serviceaccount:unasked:nightly may get loadtests shop: ";
    assert!(text(&error).starts_with(act), "{error:?}");
    fault.lift();
    callers.review(&token, &audiences).await.unwrap();

    // Without the rights of the manifest.
    let stranger = cluster().await.client(&User::person("stranger")).await.unwrap();
    let callers = ClusterCallers::new(stranger, CONDUCTOR.to_owned());
    let error = callers.review(&token, &audiences).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Rejected);
    assert!(text(&error).contains("cannot create resource \"tokenreviews\""), "{error:?}");
    assert!(!text(&error).contains(&token), "{error:?}");
}
