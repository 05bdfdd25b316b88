//! The Helm chart: what it makes, as the real API server takes it, and a load test that one of its CronJobs starts.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod bed;
mod schedule;
mod upgrade;

use serde_json::{Value, json};

use bed::{Bed, at_night, least, repository, succeeded};

/// Values with everything that can be asked for.
fn most() -> Value {
    let load_test = json!({
        "apiVersion": "loadtest-conductor.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": { "name": "nightly" },
        "spec": { "environment": "shop-local" }
    });
    let mut values = least();
    values["schedules"] = json!({ "nightly": at_night(&load_test, &json!({ "audience": "loadtest-conductor" })) });
    let more = json!({
        "replicas": 2,
        "ports": { "grpc": 7500, "metrics": 9500 },
        "journal": { "postgres": { "host": "db", "database": "c", "user": "c", "passwordEnv": "JOURNAL_PASSWORD" } },
        "env": [{ "name": "JOURNAL_PASSWORD", "secret": "journal", "key": "password" }],
        "secretFiles": ["production-kubeconfig"],
        "image": { "repository": "registry.example/mine", "tag": "1", "pullSecrets": [{ "name": "registry" }] },
        "service": { "type": "LoadBalancer", "annotations": { "example.com/internal": "yes" } },
        "serviceAccount": { "annotations": { "example.com/role": "load-tests" } },
        "podAnnotations": { "example.com/team": "performance" },
        "nodeSelector": { "loadtest-conductor.dev/pool": "load" },
        "tolerations": [{ "key": "loadtest-conductor.dev/pool", "operator": "Exists" }],
        "rbac": { "namespaces": ["default"] },
        "networkPolicy": {
            "callers": ["ci"],
            "postgres": { "cidrs": ["10.0.0.0/24"] },
            "egress": [{ "ports": [{ "protocol": "TCP", "port": 3306 }] }]
        }
    });
    values.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    values
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

/// The pods that a Deployment or a CronJob makes.
fn pods(objects: &[Value]) -> Vec<&Value> {
    let paths = ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec"];
    objects.iter().flat_map(|object| paths.iter().filter_map(|path| object.pointer(path))).collect()
}

fn assert_restricted(pod: &Value) {
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    for container in pod["containers"].as_array().unwrap() {
        let security = &container["securityContext"];
        assert_eq!(security["readOnlyRootFilesystem"], true);
        assert_eq!(security["allowPrivilegeEscalation"], false);
        assert_eq!(security["capabilities"], json!({ "drop": ["ALL"] }));
        assert!(container["resources"]["limits"]["memory"].is_string(), "{container:#}");
    }
}

/// The rules of all roles, each as one text.
fn rules(objects: &[Value]) -> Vec<String> {
    let roles = ["ClusterRole", "Role"].into_iter().flat_map(|kind| of_kind(objects, kind));
    let mut rules: Vec<String> =
        roles.flat_map(|role| role["rules"].as_array().unwrap().iter().map(Value::to_string)).collect();
    rules.sort();
    rules
}

/// What the settings say of a field with an address: its port.
fn port_of(settings: &Value, field: &str) -> u64 {
    let text = settings["data"]["server.yaml"].as_str().unwrap();
    let line = text.lines().find_map(|line| line.trim().strip_prefix(field)).unwrap();
    line.rsplit_once(':').unwrap().1.parse().unwrap()
}

/// The ports that probes and Service lead to are those that the settings say.
fn assert_ports(objects: &[Value]) {
    let settings = of_kind(objects, "ConfigMap")
        .into_iter()
        .find(|map| map["data"]["server.yaml"].is_string())
        .expect("the settings");
    let deployment = of_kind(objects, "Deployment")[0];
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let port = |name: &str| {
        let ports = container["ports"].as_array().unwrap();
        ports.iter().find(|port| port["name"] == name).unwrap()["containerPort"].as_u64().unwrap()
    };
    assert_eq!(port("grpc"), port_of(settings, "listen:"));
    assert_eq!(port("metrics"), port_of(settings, "address:"));
    for (probe, path) in [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
        let get = &container[probe]["httpGet"];
        assert_eq!((&get["port"], &get["path"]), (&json!("metrics"), &json!(path)), "{probe}");
    }
    let service = &of_kind(objects, "Service")[0]["spec"]["ports"][0];
    assert_eq!((&service["targetPort"], service["port"].as_u64().unwrap()), (&json!("grpc"), port("grpc")));
}

#[test]
fn what_the_chart_makes_may_do_little_and_listens_where_its_settings_say() {
    let bed = Bed::new("chart");
    succeeded(&bed.helm(&["lint", "--strict"], &least()));
    succeeded(&bed.helm(&["lint", "--strict"], &most()));
    let manifest = std::fs::read_to_string(repository("deploy/kubernetes/conductor.yaml")).unwrap();
    // It goes into a namespace that it makes itself.
    let documents: Vec<&str> = manifest.split("\n---\n").filter(|part| part.contains("Role\n")).collect();
    let shipped = documents.join("\n---\n").replace("namespace: loadtest-conductor", "namespace: chart");
    let shipped = shipped.replace("name: loadtest-conductor", "name: shipped");
    let expected = rules(&bed.taken(&shipped));
    assert!(expected.len() > 15, "{expected:?}");

    for values in [least(), most()] {
        let objects = bed.taken(&bed.rendered(&values));
        pods(&objects).into_iter().for_each(assert_restricted);
        assert_eq!(rules(&objects), expected, "they are those of deploy/kubernetes/conductor.yaml");
        assert!(!rules(&objects).iter().any(|rule| rule.contains("\"*\"") || rule.contains("secrets")));
        assert_ports(&objects);
        let [policy, ..] = of_kind(&objects, "NetworkPolicy")[..] else { panic!("a NetworkPolicy") };
        assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
    }

    // Where the cluster is asked who calls, the rights for that, and what its schedule may do here.
    let mut asking = most();
    asking["server"] = json!({ "access": { "kubernetes": { "audiences": ["loadtest-conductor"] } } });
    let objects = bed.taken(&bed.rendered(&asking));
    let manifest = std::fs::read_to_string(repository("deploy/kubernetes/callers.yaml")).unwrap();
    let more = bed.taken(&manifest.replace("namespace: loadtest-conductor", "namespace: chart"));
    let operator = |rule: &String| !rule.contains("loadtests") || rule.contains("stop");
    let more = rules(&more).into_iter().filter(operator).map(|rule| rule.replace("[\"shop\"]", "[\"shop-local\"]"));
    let mut asked: Vec<String> = expected.iter().cloned().chain(more).collect();
    asked.sort();
    assert_eq!(asked.len(), expected.len() + 3);
    assert_eq!(rules(&objects), asked, "they are those of deploy/kubernetes/callers.yaml as well");
    let settings = of_kind(&objects, "ConfigMap").into_iter().find_map(|map| map["data"]["server.yaml"].as_str());
    assert!(settings.unwrap().contains("namespace: chart\n"), "{settings:?}");
    asking["server"]["access"]["kubernetes"]["cluster"] =
        json!({ "kubeconfig": "/etc/conductor-secrets/other/kubeconfig" });
    assert_eq!(rules(&bed.taken(&bed.rendered(&asking))), expected, "another cluster is asked");

    let objects = bed.taken(&bed.rendered(&most()));
    assert_eq!(pods(&objects).len(), 2, "those of the server and of the schedule");
    assert_eq!(of_kind(&objects, "PodDisruptionBudget").len(), 1);
    assert_eq!(of_kind(&objects, "PersistentVolumeClaim").len(), 0, "its journal is elsewhere");
    let schedule = &of_kind(&objects, "CronJob")[0]["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    assert_eq!(schedule["automountServiceAccountToken"], false);
    let audience = "/projected/sources/0/serviceAccountToken/audience";
    let audiences: Vec<&Value> =
        schedule["volumes"].as_array().unwrap().iter().filter_map(|volume| volume.pointer(audience)).collect();
    assert_eq!(audiences, [&json!("loadtest-conductor")]);

    assert_on_the_pool(&bed);

    let mut monitored = least();
    monitored["podMonitor"] = json!({ "enabled": true });
    let monitor = succeeded(
        &bed.helm(&["template", "loadtest-conductor", "--show-only", "templates/podmonitor.yaml"], &monitored),
    );
    assert!(monitor.contains("kind: PodMonitor") && monitor.contains("port: metrics"), "{monitor}");
}

/// The server and the pods of schedules may go to the nodes that are kept for load, and go there first, or there alone.
fn assert_on_the_pool(bed: &Bed) {
    let mut values = most();
    values["nodeSelector"] = json!({ "kubernetes.io/os": "linux" });
    values["tolerations"] = json!([]);
    let pool = "loadtest-conductor.dev/pool";
    let tolerated = json!([{ "key": pool, "operator": "Equal", "value": "load", "effect": "NoSchedule" }]);
    let prefers =
        "/affinity/nodeAffinity/preferredDuringSchedulingIgnoredDuringExecution/0/preference/matchExpressions/0";
    let objects = bed.taken(&bed.rendered(&values));
    for pod in pods(&objects) {
        assert_eq!(pod["tolerations"], tolerated);
        assert_eq!(pod["nodeSelector"], json!({ "kubernetes.io/os": "linux" }));
        assert_eq!(pod.pointer(prefers).unwrap(), &json!({ "key": pool, "operator": "In", "values": ["load"] }));
    }
    let apart = |pod: &Value| pod["affinity"]["podAntiAffinity"].is_object();
    assert_eq!(
        pods(&objects).into_iter().map(apart).collect::<Vec<_>>(),
        [true, false],
        "several servers, several nodes"
    );

    values["pool"] = json!({ "required": true });
    for pod in pods(&bed.taken(&bed.rendered(&values))) {
        assert_eq!(pod["nodeSelector"], json!({ "kubernetes.io/os": "linux", (pool): "load" }));
        assert_eq!((&pod["tolerations"], pod["affinity"]["nodeAffinity"].is_object()), (&tolerated, false));
    }
    values["pool"] = json!({ "label": "" });
    for pod in pods(&bed.taken(&bed.rendered(&values))) {
        assert_eq!((&pod["tolerations"], pod["affinity"]["nodeAffinity"].is_object()), (&Value::Null, false));
    }
}

#[test]
fn values_that_make_no_server_are_refused_with_what_would_do() {
    let bed = Bed::new("refused");
    let cases = [
        (json!({ "replicas": 2 }), "several servers need a journal that they share: set journal, or replicas to 1"),
        (
            json!({ "environments": null }),
            "a server needs an environment: set environments, as docs/environment.md says",
        ),
        (
            json!({ "tokens": { "secret": "" } }),
            "who may call? set tokens.secret, or server.access as docs/access.md says",
        ),
        (json!({ "replica": 2 }), "additional properties 'replica' not allowed"),
        (json!({ "server": { "listen": "0.0.0.0:1" } }), "at '/server'"),
    ];
    for (change, words) in cases {
        let mut values = least();
        values.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_refused(&bed, &values, words);
    }
    let both = json!({ "audience": "a", "secret": "b" });
    let load_test = json!({ "apiVersion": "", "kind": "", "metadata": {}, "spec": {} });
    for (token, tls, words) in [
        (both, "tls", "schedules.nightly.token: expected either audience, or secret and key"),
        (json!({ "audience": "a" }), "", "schedules send a token, which needs TLS: set tls.secret"),
    ] {
        let mut values = least();
        values["schedules"] = json!({ "nightly": at_night(&load_test, &token) });
        values["tls"] = json!({ "secret": tls });
        assert_refused(&bed, &values, words);
    }
}

fn assert_refused(bed: &Bed, values: &Value, words: &str) {
    let refused = bed.helm(&["template", "loadtest-conductor"], values);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains(words), "{values}\n{said}");
}

#[test]
fn the_image_is_built_by_the_workspaces_rust_from_scratch_and_does_not_run_as_root() {
    let text = std::fs::read_to_string(repository("deploy/image/Containerfile")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.contains(&concat!("ARG RUST=", env!("CARGO_PKG_RUST_VERSION"))), "{text}");
    let last = lines.iter().rposition(|line| line.starts_with("FROM ")).unwrap();
    assert_eq!(lines[last], "FROM scratch");
    assert!(lines[last..].contains(&"USER 65532:65532"), "{text}");
}
