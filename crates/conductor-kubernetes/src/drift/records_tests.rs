//! Records as they are found in clusters.

use serde_json::json;

use super::*;

/// A Deployment that a pipeline made with `kubectl apply --server-side`, whose image and replicas others changed.
fn entries() -> Vec<ManagedFieldsEntry> {
    serde_json::from_value(json!([
        {
            "manager": "pipeline", "operation": "Apply", "apiVersion": "apps/v1", "time": "2026-01-02T03:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:metadata": { "f:annotations": { "f:example.com/team": {} } },
                "f:spec": {
                    "f:selector": {},
                    "f:template": { "f:spec": { "f:containers": {
                        "k:{\"name\":\"main\"}": {
                            ".": {}, "f:image": {}, "f:name": {}, "f:resources": {},
                            "f:ports": { "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": { ".": {}, "f:containerPort": {} } },
                        },
                        "k:{\"name\":\"mainframe\"}": { ".": {}, "f:image": {}, "f:name": {} },
                    } } },
                },
            },
        },
        {
            "manager": "kubectl-set", "operation": "Update", "apiVersion": "apps/v1", "time": "2026-01-02T04:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": { "f:spec": { "f:template": { "f:spec": { "f:containers": {
                "k:{\"name\":\"main\"}": { "f:image": {}, "f:resources": { "f:limits": { ".": {}, "f:cpu": {} } } },
            } } } } },
        },
        {
            "manager": "kube-controller-manager", "operation": "Update", "apiVersion": "apps/v1", "subresource": "scale",
            "fieldsType": "FieldsV1", "fieldsV1": { "f:spec": { "f:replicas": {} } },
        },
        {
            "manager": "kube-controller-manager", "operation": "Update", "apiVersion": "apps/v1", "subresource": "status",
            "time": "2026-01-02T06:00:00Z", "fieldsType": "FieldsV1",
            "fieldsV1": { "f:status": { "f:replicas": {}, "f:readyReplicas": {} } },
        },
        { "manager": "without-fields", "operation": "Update", "time": "2026-01-02T07:00:00Z" },
    ]))
    .unwrap()
}

fn writer(path: &[Step<'_>]) -> String {
    last_writer(&entries(), path).map_or_else(|| "nobody".to_owned(), |writer| writer.to_string())
}

#[test]
fn of_owners_who_share_a_value_the_newest_wrote_it_and_a_scale_without_a_time_is_the_oldest() {
    let mut entries = entries();
    for (manager, time) in [("first", "2026-01-02T01:00:00Z"), ("second", "2026-01-02T02:00:00Z")] {
        let applied = json!({
            "manager": manager, "operation": "Apply", "time": time, "fieldsV1": { "f:spec": { "f:replicas": {} } },
        });
        entries.insert(0, serde_json::from_value(applied).unwrap());
        let writer = last_writer(&entries, &way(REPLICAS)).unwrap();
        assert_eq!(writer.to_string(), format!("{manager} (Apply, {time})"));
    }
}

fn in_container<'path>(rest: &[Step<'path>]) -> Vec<Step<'path>> {
    [&image("main")[..5], rest].concat()
}

#[test]
fn the_newest_owner_of_the_very_field_wrote_it() {
    use Step::Field;
    let annotation = |key| [Field("metadata"), Field("annotations"), Field(key)];
    let cases: [(&[Step<'_>], &str); 9] = [
        (&way(REPLICAS), "kube-controller-manager (Update of scale)"),
        (&image("main"), "kubectl-set (Update, 2026-01-02T04:00:00Z)"),
        (&image("mainframe"), "pipeline (Apply, 2026-01-02T03:00:00Z)"),
        (&image("sidecar"), "nobody"),
        (&annotation("example.com/team"), "pipeline (Apply, 2026-01-02T03:00:00Z)"),
        (&annotation("example.com"), "nobody"),
        (&[Field("status"), Field("replicas")], "kube-controller-manager (Update of status, 2026-01-02T06:00:00Z)"),
        (&[Field("spec"), Field("paused")], "nobody"),
        (&[Field("spec"), Field("template")], "kubectl-set (Update, 2026-01-02T04:00:00Z)"),
    ];
    for (path, expected) in cases {
        assert_eq!(writer(path), expected, "{path:?}");
    }
}

#[test]
fn what_is_owned_as_a_whole_counts_where_nobody_owns_the_part() {
    use Step::Field;
    let labels = [Field("spec"), Field("selector"), Field("matchLabels"), Field("app")];
    assert_eq!(writer(&labels), "pipeline (Apply, 2026-01-02T03:00:00Z)");
    let limit = |name| in_container(&[Field("resources"), Field("limits"), Field(name)]);
    assert_eq!(writer(&limit("cpu")), "kubectl-set (Update, 2026-01-02T04:00:00Z)");
    assert_eq!(writer(&limit("memory")), "pipeline (Apply, 2026-01-02T03:00:00Z)");
}

#[test]
fn of_owners_of_what_a_field_is_in_the_nearest_wrote_it() {
    // As with custom kinds without a schema: lists are owned as a whole, and who made the object keeps what they are in.
    let time = "2026-01-02T03:00:00Z";
    let entries: Vec<ManagedFieldsEntry> = serde_json::from_value(json!([
        { "manager": "pipeline", "operation": "Update", "time": time,
          "fieldsV1": { "f:spec": { "f:template": { "f:spec": { "f:containers": {} } } } } },
        { "manager": "unknown", "operation": "Update", "time": time, "fieldsV1": { "f:spec": { "f:template": { "f:spec": {} } } } },
    ]))
    .unwrap();
    assert_eq!(last_writer(&entries, &image("main")).unwrap().manager, "pipeline");
}

#[test]
fn items_are_told_apart_by_text_in_one_of_their_keys() {
    let port = |protocol| in_container(&[Step::Field("ports"), Step::Item("protocol", protocol)]);
    assert_eq!(writer(&port("TCP")), "pipeline (Apply, 2026-01-02T03:00:00Z)");
    assert_eq!(writer(&port("UDP")), "nobody");
}

#[test]
fn records_without_a_time_or_with_nonsense_are_no_reason_to_stop() {
    let entries: Vec<ManagedFieldsEntry> = serde_json::from_value(json!([
        { "manager": "old", "operation": "Update", "fieldsV1": { "f:spec": { "f:replicas": {} } } },
        { "manager": "odd", "operation": "Update", "fieldsV1": ["f:spec"] },
        { "fieldsV1": { "f:spec": "f:replicas", "k:{name": {} } },
    ]))
    .unwrap();
    assert_eq!(last_writer(&entries, &way(REPLICAS)).unwrap().to_string(), "old (Update)");
    assert_eq!(last_writer(&entries, &[Step::Item("name", "main")]), None);
    assert_eq!(last_writer(&[], &way(REPLICAS)), None);
}

#[test]
fn whoever_wrote_first_what_an_object_shall_be_has_made_it() {
    let made = |entries: &[ManagedFieldsEntry]| maker(entries).map(|writer| writer.to_string());
    let mut entries = entries();
    let pipeline = Some("pipeline (Apply, 2026-01-02T03:00:00Z)".to_owned());
    assert_eq!(made(&entries), pipeline);
    entries.rotate_left(1);
    assert_eq!(made(&entries), pipeline, "in whatever order they are noted");
    entries.pop();
    assert_eq!(made(&entries), Some("kubectl-set (Update, 2026-01-02T04:00:00Z)".to_owned()));
    entries.remove(0);
    assert_eq!(made(&entries), None, "a scale, a status and an entry of no fields make nothing");
}
