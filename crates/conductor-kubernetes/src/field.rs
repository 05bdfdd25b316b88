//! The fields of objects that a run may change: of a workload, of its autoscaler, and of what keeps them as a repository
//! says. Nothing else of them is looked at.

use std::collections::BTreeMap;
use std::fmt;

use conductor_core::app::{Bounds, Resources};
use conductor_core::quantity::{Quantity, QuantityError};
use k8s_openapi::api::core::v1::{Container, PodTemplateSpec};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// One field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    /// `spec.replicas`.
    Replicas,
    /// `spec.minReplicas` of an autoscaler.
    MinReplicas,
    /// `spec.maxReplicas` of an autoscaler.
    MaxReplicas,
    /// `spec.minReplicaCount` of a ScaledObject.
    MinReplicaCount,
    /// `spec.maxReplicaCount` of a ScaledObject.
    MaxReplicaCount,
    /// `spec.suspend` of a keeper of Flux.
    Suspend,
    /// `spec.syncPolicy.automated.enabled` of an Application of Argo CD.
    AutomatedSync,
    /// `spec.updatePolicy` of a VerticalPodAutoscaler: whether it says more than a mode.
    UpdatePolicy,
    /// `spec.updatePolicy.updateMode` of a VerticalPodAutoscaler.
    UpdateMode,
    /// The image of a container.
    Image {
        /// The container, or init container.
        container: String,
    },
    /// What a container requests, or is limited to.
    Resource {
        /// The container, or init container.
        container: String,
        /// Such as `requests.cpu`.
        name: String,
    },
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replicas => f.write_str("replicas"),
            Self::MinReplicas => f.write_str("minReplicas"),
            Self::MaxReplicas => f.write_str("maxReplicas"),
            Self::MinReplicaCount => f.write_str("minReplicaCount"),
            Self::MaxReplicaCount => f.write_str("maxReplicaCount"),
            Self::Suspend => f.write_str("suspend"),
            Self::AutomatedSync => f.write_str("syncPolicy.automated.enabled"),
            Self::UpdatePolicy => f.write_str("updatePolicy"),
            Self::UpdateMode => f.write_str("updateMode"),
            Self::Image { container } => write!(f, "the image of {container}"),
            Self::Resource { container, name } => write!(f, "{name} of {container}"),
        }
    }
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Replicas.
    Count(u32),
    /// An image.
    Image(String),
    /// An amount of a resource.
    Amount(Quantity),
    /// Yes or no.
    Flag(bool),
    /// A word.
    Word(String),
}

impl Value {
    /// Yes or no, where it is that.
    pub(crate) const fn as_flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            Self::Count(_) | Self::Image(_) | Self::Amount(_) | Self::Word(_) => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Image(text) | Self::Word(text) => f.write_str(text),
            Self::Amount(quantity) => write!(f, "{quantity}"),
            Self::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

/// The fields of one object, as its marker keeps them.
pub(crate) trait Fields: Clone + Serialize + DeserializeOwned {
    /// The fields with what they hold; one that is not set is absent.
    fn fields(&self) -> BTreeMap<Field, Value>;

    /// Gives a field another value, or none. What the object does not have is left out.
    fn set(&mut self, field: &Field, value: Option<Value>);

    /// Lets what a delivery has brought have fields, without what these hold.
    fn bring(&mut self, live: &Self) {
        let _ = live;
    }
}

/// The fields of a workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Owned {
    pub(crate) replicas: u32,
    pub(crate) images: BTreeMap<String, String>,
    pub(crate) resources: BTreeMap<String, Resources>,
}

/// Why a workload cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnreadableError {
    /// It has no pod template.
    #[error("it has no spec")]
    NoSpec,
    /// It is of a custom kind, and was not read as one of it.
    #[error("nothing is known of its kind")]
    Undeclared,
    /// Where its replicas should stand is no number.
    #[error("it has no number of replicas ({0}); expected one")]
    NoReplicas(String),
    /// Its pod template is another object's.
    #[error("it has no pod template of its own")]
    NoTemplate,
    /// It has a pod template that is none.
    #[error("its pod template cannot be read: {0}")]
    Template(String),
    /// It has an amount that is none.
    #[error("{name} of container {container} cannot be read")]
    Quantity { container: String, name: String, source: QuantityError },
}

impl Owned {
    /// The fields of a workload with so many replicas and this template. Absent replicas are 1, as the API server has it.
    pub(crate) fn of(replicas: Option<i32>, template: &PodTemplateSpec) -> Result<Self, UnreadableError> {
        let spec = template.spec.as_ref().ok_or(UnreadableError::NoSpec)?;
        let replicas = u32::try_from(replicas.unwrap_or(1)).unwrap_or_default();
        let (mut images, mut resources) = (BTreeMap::new(), BTreeMap::new());
        for container in spec.containers.iter().chain(spec.init_containers.iter().flatten()) {
            images.insert(container.name.clone(), container.image.clone().unwrap_or_default());
            resources.insert(container.name.clone(), amounts(container)?);
        }
        Ok(Self { replicas, images, resources })
    }
}

impl Fields for Owned {
    fn fields(&self) -> BTreeMap<Field, Value> {
        let mut fields = BTreeMap::from([(Field::Replicas, Value::Count(self.replicas))]);
        for (container, image) in &self.images {
            fields.insert(Field::Image { container: container.clone() }, Value::Image(image.clone()));
        }
        for (container, resources) in &self.resources {
            for (name, quantity) in resources {
                let field = Field::Resource { container: container.clone(), name: name.clone() };
                fields.insert(field, Value::Amount(quantity.clone()));
            }
        }
        fields
    }

    fn bring(&mut self, live: &Self) {
        for container in live.images.keys().filter(|container| !self.images.contains_key(*container)) {
            self.resources.entry(container.clone()).or_default();
        }
    }

    fn set(&mut self, field: &Field, value: Option<Value>) {
        match (field, value) {
            (Field::Replicas, Some(Value::Count(count))) => self.replicas = count,
            (Field::Image { container }, Some(Value::Image(image))) => {
                if let Some(present) = self.images.get_mut(container) {
                    *present = image;
                }
            }
            (Field::Resource { container, name }, value) => {
                let Some(resources) = self.resources.get_mut(container) else { return };
                match value {
                    Some(Value::Amount(quantity)) => {
                        resources.insert(name.clone(), quantity);
                    }
                    _ => {
                        resources.remove(name);
                    }
                }
            }
            (
                Field::Replicas
                | Field::Image { .. }
                | Field::MinReplicas
                | Field::MaxReplicas
                | Field::MinReplicaCount
                | Field::MaxReplicaCount
                | Field::Suspend
                | Field::AutomatedSync
                | Field::UpdatePolicy
                | Field::UpdateMode,
                _,
            ) => {}
        }
    }
}

impl Fields for Bounds {
    fn fields(&self) -> BTreeMap<Field, Value> {
        BTreeMap::from([(Field::MinReplicas, Value::Count(self.min)), (Field::MaxReplicas, Value::Count(self.max))])
    }

    fn set(&mut self, field: &Field, value: Option<Value>) {
        match (field, value) {
            (Field::MinReplicas, Some(Value::Count(count))) => self.min = count,
            (Field::MaxReplicas, Some(Value::Count(count))) => self.max = count,
            (
                Field::Replicas
                | Field::Image { .. }
                | Field::Resource { .. }
                | Field::MinReplicas
                | Field::MaxReplicas
                | Field::MinReplicaCount
                | Field::MaxReplicaCount
                | Field::Suspend
                | Field::AutomatedSync
                | Field::UpdatePolicy
                | Field::UpdateMode,
                _,
            ) => {}
        }
    }
}

/// What a container requests and is limited to, by names such as `requests.cpu`.
fn amounts(container: &Container) -> Result<Resources, UnreadableError> {
    let Some(resources) = &container.resources else { return Ok(Resources::new()) };
    let kinds = [("requests", &resources.requests), ("limits", &resources.limits)];
    let all = kinds.iter().flat_map(|(kind, map)| {
        map.iter().flatten().map(move |(name, quantity)| (format!("{kind}.{name}"), &quantity.0))
    });
    all.map(|(name, text)| match text.parse() {
        Ok(quantity) => Ok((name, quantity)),
        Err(source) => Err(UnreadableError::Quantity { container: container.name.clone(), name, source }),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> PodTemplateSpec {
        serde_saphyr::from_str(text).unwrap()
    }

    const TEMPLATE: &str = "
spec:
  initContainers: [{ name: migrate, image: 'registry.example/migrate:3' }]
  containers:
    - { name: app, image: 'registry.example/shop:1', resources: { requests: { cpu: 500m }, limits: { memory: 1Gi } } }
    - { name: proxy, image: 'registry.example/proxy:2' }
";

    fn texts(owned: &Owned) -> Vec<String> {
        owned.fields().iter().map(|(field, value)| format!("{field}: {value}")).collect()
    }

    #[test]
    fn a_workload_has_replicas_and_images_and_resources_of_every_container() {
        let owned = Owned::of(Some(3), &template(TEMPLATE)).unwrap();
        assert_eq!(
            texts(&owned),
            [
                "replicas: 3",
                "the image of app: registry.example/shop:1",
                "the image of migrate: registry.example/migrate:3",
                "the image of proxy: registry.example/proxy:2",
                "limits.memory of app: 1Gi",
                "requests.cpu of app: 500m",
            ]
        );
        let text = serde_json::to_string(&owned).unwrap();
        assert_eq!(serde_json::from_str::<Owned>(&text).unwrap(), owned);
        assert_eq!(Owned::of(None, &template(TEMPLATE)).unwrap().replicas, 1);
    }

    #[test]
    fn every_field_can_be_set_and_resources_can_be_absent() {
        let mut owned = Owned::of(Some(3), &template(TEMPLATE)).unwrap();
        let app = || "app".to_owned();
        owned.set(&Field::Replicas, Some(Value::Count(9)));
        owned.set(&Field::Image { container: app() }, Some(Value::Image("registry.example/shop:2".to_owned())));
        let memory = Field::Resource { container: app(), name: "limits.memory".to_owned() };
        owned.set(&memory, None);
        let cpu = Field::Resource { container: "proxy".to_owned(), name: "limits.cpu".to_owned() };
        owned.set(&cpu, Some(Value::Amount("2".parse().unwrap())));
        let texts = texts(&owned);
        assert!(texts.contains(&"replicas: 9".to_owned()), "{texts:?}");
        assert!(texts.contains(&"the image of app: registry.example/shop:2".to_owned()), "{texts:?}");
        assert!(texts.contains(&"limits.cpu of proxy: 2".to_owned()), "{texts:?}");
        assert!(!texts.iter().any(|text| text.starts_with("limits.memory")), "{texts:?}");
    }
}
