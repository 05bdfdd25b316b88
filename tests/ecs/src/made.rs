//! The world of a test: clusters, and services as they were before it.

use serde_json::{Value, json};

use crate::who::REGION;

/// A service to be made, with a task definition of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceMade {
    pub(crate) region: String,
    pub(crate) starts: bool,
    pub(crate) definition: Value,
    pub(crate) service: Value,
}

impl ServiceMade {
    /// A service of so many tasks, with one container `app` of this image, and a family of the service's name. By the time it is made,
    /// all its tasks run.
    pub fn new(cluster: &str, name: &str, image: &str, desired: u32) -> Self {
        let definition = json!({
            "family": name,
            "cpu": "256",
            "memory": "512",
            "containerDefinitions": [{ "name": "app", "image": image, "essential": true }],
        });
        let service = json!({ "cluster": cluster, "serviceName": name, "desiredCount": desired });
        Self { region: REGION.to_owned(), starts: false, definition, service }
    }

    /// Its tasks have yet to start when it is made.
    #[must_use]
    pub fn starting(self) -> Self {
        Self { starts: true, ..self }
    }

    /// In another region than that of the bed.
    #[must_use]
    pub fn in_region(self, region: &str) -> Self {
        Self { region: region.to_owned(), ..self }
    }

    /// With another family.
    #[must_use]
    pub fn family(self, family: &str) -> Self {
        self.of_definition("family", family.into())
    }

    /// With a field of the task definition, as `RegisterTaskDefinition` takes it.
    #[must_use]
    pub fn of_definition(mut self, name: &str, value: Value) -> Self {
        self.definition[name] = value;
        self
    }

    /// With a field of its container.
    #[must_use]
    pub fn of_container(mut self, name: &str, value: Value) -> Self {
        self.definition["containerDefinitions"][0][name] = value;
        self
    }

    /// With a field of the service, as `CreateService` takes it.
    #[must_use]
    pub fn of_service(mut self, name: &str, value: Value) -> Self {
        self.service[name] = value;
        self
    }

    /// With a circuit breaker, which perhaps rolls back.
    #[must_use]
    pub fn circuit_breaker(self, rollback: bool) -> Self {
        let breaker = json!({ "deploymentCircuitBreaker": { "enable": true, "rollback": rollback } });
        self.of_service("deploymentConfiguration", breaker)
    }

    /// Deployed by `CODE_DEPLOY` or as `EXTERNAL` says.
    #[must_use]
    pub fn controller(self, controller: &str) -> Self {
        self.of_service("deploymentController", json!({ "type": controller }))
    }

    /// One task on each instance, of which a bed counts two.
    #[must_use]
    pub fn daemon(mut self) -> Self {
        if let Some(service) = self.service.as_object_mut() {
            service.remove("desiredCount");
        }
        self.of_service("schedulingStrategy", "DAEMON".into())
    }

    /// With a tag of the service.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        if !self.service["tags"].is_array() {
            self.service["tags"] = json!([]);
        }
        if let Some(tags) = self.service["tags"].as_array_mut() {
            tags.push(json!({ "key": key, "value": value }));
        }
        self
    }
}

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The ARN of the service.
    pub service: String,
    /// The ARN of its task definition.
    pub definition: String,
    /// The id of its deployment; empty where others deploy.
    pub deployment: String,
}
