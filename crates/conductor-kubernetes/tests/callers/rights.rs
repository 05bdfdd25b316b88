//! What callers may do: as Roles say, for each verb and for each environment.

use conductor_core::caller::{Identity, Role};
use conductor_core::ports::CallerReview;
use conductor_kubernetes_bed::until;
use serde_json::{Value, json};

use crate::bed::{AUDIENCE, Bed, CONDUCTOR, MANIFESTS, PATIENCE, create};

const ROLES: [Role; 3] = [Role::Viewer, Role::Operator, Role::Admin];

/// A rule on load tests.
fn rule(verbs: &[&str], environments: &[&str]) -> Value {
    json!({
        "apiGroups": ["loadtest-conductor.dev"], "resources": ["loadtests"],
        "verbs": verbs, "resourceNames": environments,
    })
}

impl Bed {
    /// An account of this name, with what these rules let it do in a namespace, and who it is.
    async fn with_rules(&self, name: &str, namespace: &str, rules: &[Value]) -> Identity {
        self.account(name).await;
        let metadata = json!({ "name": format!("{}-{name}", self.namespace), "namespace": namespace });
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": rules,
        });
        create(&self.admin, role).await;
        let role = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": metadata["name"] });
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata, "roleRef": role,
            "subjects": [{ "kind": "ServiceAccount", "name": name, "namespace": self.namespace }],
        });
        create(&self.admin, binding).await;
        self.known(&self.token(name, json!({ "audiences": [AUDIENCE] })).await).await
    }

    /// The roles that somebody has in an environment.
    async fn roles(&self, who: &Identity, environment: &str) -> Vec<Role> {
        let mut roles = Vec::new();
        for role in ROLES {
            if self.callers.may(who, role, environment).await.unwrap() {
                roles.push(role);
            }
        }
        roles
    }
}

#[tokio::test]
async fn a_role_takes_each_of_its_verbs_in_the_environment_and_none_elsewhere() {
    let bed = Bed::new("verbs").await;
    let all = ["get", "list", "watch", "create", "update", "stop"];
    let mut cases: Vec<(String, Vec<&str>, Vec<Role>)> = vec![
        ("viewer".to_owned(), all[..3].to_vec(), vec![Role::Viewer]),
        ("operator".to_owned(), all.to_vec(), vec![Role::Viewer, Role::Operator]),
        ("admin".to_owned(), vec!["*"], ROLES.to_vec()),
        ("writer".to_owned(), all[3..].to_vec(), vec![]),
    ];
    for (place, verb) in all.iter().enumerate() {
        let others = all.iter().filter(|other| *other != verb).copied().collect();
        let left = if place < 3 { vec![] } else { vec![Role::Viewer] };
        cases.push((format!("all-but-{verb}"), others, left));
    }
    let mut known = Vec::new();
    for (name, verbs, roles) in cases {
        let who = bed.with_rules(&name, CONDUCTOR, &[rule(&verbs, &["shop", &name])]).await;
        known.push((name, who, roles));
    }
    // Who came last is known last.
    let last = bed.with_rules("last", CONDUCTOR, &[rule(&["*"], &["shop"])]).await;
    until("the roles have come into force", PATIENCE, async || (bed.roles(&last, "shop").await == ROLES).then_some(()))
        .await;
    for (name, who, roles) in known {
        for environment in ["shop", &name] {
            assert_eq!(bed.roles(&who, environment).await, roles, "{name} in {environment}");
        }
        for environment in ["other", "sho", "shop-2", "*", ""] {
            assert_eq!(bed.roles(&who, environment).await, [], "{name} in {environment:?}");
        }
    }
}

#[tokio::test]
async fn rights_count_in_the_namespace_that_the_settings_name_and_for_all_environments_without_names() {
    let bed = Bed::new("places").await;
    let elsewhere = bed.with_rules("elsewhere", "places", &[rule(&["*"], &[])]).await;
    let pods = json!({ "apiGroups": [""], "resources": ["*"], "verbs": ["*"] });
    let others = bed.with_rules("others", CONDUCTOR, &[pods]).await;
    let here = bed.with_rules("here", CONDUCTOR, &[rule(&["get", "list", "watch"], &[])]).await;
    until("the last role has come into force", PATIENCE, async || {
        (bed.roles(&here, "shop").await == [Role::Viewer]).then_some(())
    })
    .await;
    assert_eq!(bed.roles(&here, "whatever there is").await, [Role::Viewer]);
    assert_eq!(bed.roles(&elsewhere, "shop").await, []);
    assert_eq!(bed.roles(&others, "shop").await, []);
}

#[tokio::test]
async fn the_shipped_example_lets_its_callers_do_what_it_says() {
    let bed = Bed::new("ci").await;
    assert!(MANIFESTS[1].contains("name: nightly, namespace: ci"));
    bed.account("nightly").await;
    bed.account("other").await;
    let nightly = bed.known(&bed.token("nightly", json!({ "audiences": [AUDIENCE] })).await).await;
    let other = bed.known(&bed.token("other", json!({ "audiences": [AUDIENCE] })).await).await;
    let group = |name: &str| vec![name.to_owned(), "system:authenticated".to_owned()];
    let tester = Identity { name: "jo".to_owned(), groups: group("performance"), ..Identity::default() };
    let stranger = Identity { groups: group("sales"), ..tester.clone() };
    for (who, roles) in [
        (nightly, vec![Role::Viewer, Role::Operator]),
        (other, vec![]),
        (tester, vec![Role::Viewer]),
        (stranger, vec![]),
    ] {
        assert_eq!(bed.roles(&who, "shop").await, roles, "{who:?}");
        assert_eq!(bed.roles(&who, "other").await, [], "{who:?}");
    }
}
