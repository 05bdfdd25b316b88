//! What a request is about, and what became of it.

use std::time::Duration;

use serde_json::Value;

use crate::who::Who;

/// A request that the bed saw, or a change that it made by itself in the name of an autoscaler.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// What is wanted, as in `UpdateService`.
    pub operation: String,
    /// Who wants it.
    pub who: Who,
    /// The name of the cluster it is about; empty if about none.
    pub cluster: String,
    /// The name of the service it is about; empty if about none, or about several.
    pub service: String,
    /// What was sent; null where it is no JSON.
    pub body: Value,
    /// When it came, by the clock of the bed.
    pub at: Duration,
    /// The status with which it was answered by the account. Absent when it never came that far, or has not yet.
    pub server: Option<u16>,
    /// The status with which its sender was answered. Absent when there was no answer, or none yet.
    pub client: Option<u16>,
}

impl Seen {
    pub(crate) fn new(operation: &str, who: Who, body: Value, at: Duration) -> Self {
        let (cluster, service) = about(operation, &body);
        Self { operation: operation.to_owned(), who, cluster, service, body, at, server: None, client: None }
    }

    /// True when it is to change the account. Reading does not, and neither does taking a role.
    pub fn is_write(&self) -> bool {
        let reads = ["Describe", "List", "Get", "AssumeRole"];
        !reads.iter().any(|word| self.operation.starts_with(word))
    }

    /// True when it was done.
    pub fn is_done(&self) -> bool {
        self.server.is_some_and(|status| status < 400)
    }
}

/// The last part of a name or an ARN.
pub(crate) fn short(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn about(operation: &str, body: &Value) -> (String, String) {
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    // The services of Application Auto Scaling and tags say it in one name.
    let one = if text("ResourceId").is_empty() { text("resourceArn") } else { text("ResourceId") };
    let of_one: Vec<&str> = one.split('/').collect();
    match of_one[..] {
        [kind, cluster, service] if kind.ends_with("service") => return (cluster.to_owned(), service.to_owned()),
        _ => {}
    }
    let service = if operation == "CreateService" { text("serviceName") } else { text("service") };
    let service = if service.is_empty() { text("serviceName") } else { service };
    let cluster = if operation == "CreateCluster" { text("clusterName") } else { text("cluster") };
    let named = match service.split('/').collect::<Vec<_>>()[..] {
        [_, cluster, _] => cluster,
        _ => short(cluster),
    };
    (named.to_owned(), short(service).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_request_is_about_the_service_that_it_names_in_whatever_way() {
        let arn = "arn:aws:ecs:eu-central-1:123456789012:service/test/pay";
        for (operation, body) in [
            ("UpdateService", json!({ "cluster": "test", "service": "pay" })),
            (
                "UpdateService",
                json!({ "cluster": "arn:aws:ecs:eu-central-1:123456789012:cluster/test", "service": arn }),
            ),
            ("CreateService", json!({ "cluster": "test", "serviceName": "pay" })),
            ("ListTasks", json!({ "cluster": "test", "serviceName": "pay" })),
            ("TagResource", json!({ "resourceArn": arn })),
            ("RegisterScalableTarget", json!({ "ResourceId": "service/test/pay" })),
        ] {
            let seen = Seen::new(operation, Who::user("x"), body, Duration::ZERO);
            assert_eq!((&*seen.cluster, &*seen.service), ("test", "pay"), "{operation}");
            assert_eq!(seen.is_write(), operation != "ListTasks");
        }
        let seen = Seen::new("RegisterTaskDefinition", Who::user("x"), json!({ "family": "pay" }), Duration::ZERO);
        assert_eq!((&*seen.cluster, &*seen.service), ("", ""));
    }
}
