//! What images resolve to.

use std::collections::HashMap;

use serde_json::Value;

use super::behaviour::{Behaviour, tag};

/// The registry of a bed.
#[derive(Debug, Default)]
pub(crate) struct Images {
    digests: HashMap<String, String>,
    /// What a digest does, by the tags that it was found for.
    behaviours: HashMap<String, Behaviour>,
}

/// A container of a task definition, as a deployment has found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) image: String,
    /// What the image was when the deployment began: tags move.
    pub(crate) digest: String,
}

/// What a deployment needs to know of its task definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) arn: String,
    pub(crate) containers: Vec<Container>,
    pub(crate) behaviour: Behaviour,
}

impl Images {
    /// From now on an image is this.
    pub(crate) fn set(&mut self, image: &str, digest: &str) {
        self.digests.insert(image.to_owned(), digest.to_owned());
    }

    /// Reads a task definition, and looks at what its images are now.
    pub(crate) fn resolve(&mut self, definition: &Value) -> Definition {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = definition["containerDefinitions"].as_array();
        let containers: Vec<Container> = list
            .into_iter()
            .flatten()
            .map(|container| {
                let image = text(&container["image"]);
                Container { name: text(&container["name"]), digest: self.digest(&image), image }
            })
            .collect();
        let family = definition["family"].as_str().unwrap_or_default();
        let by_image = containers.iter().find_map(|container| {
            let known = || self.behaviours.get(&container.digest).copied();
            Behaviour::of(tag(&container.image)).or_else(known)
        });
        let behaviour = by_image.or_else(|| Behaviour::of(family)).unwrap_or_default();
        Definition { arn: text(&definition["taskDefinitionArn"]), containers, behaviour }
    }

    fn digest(&mut self, image: &str) -> String {
        if let Some((_, digest)) = image.split_once('@') {
            return digest.to_owned();
        }
        let digest = self.digests.get(image).cloned().unwrap_or_else(|| format!("sha256:{}", hash(image)));
        if let Some(behaviour) = Behaviour::of(tag(image)) {
            self.behaviours.insert(digest.clone(), behaviour);
        }
        digest
    }
}

/// SHA-256 of a text, in hexadecimal digits.
pub(crate) fn hash(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn resolved(images: &mut Images, image: &str) -> (String, Behaviour) {
        let definition = json!({ "taskDefinitionArn": "arn", "family": "pay", "containerDefinitions": [{ "name": "app", "image": image }] });
        let definition = images.resolve(&definition);
        (definition.containers[0].digest.clone(), definition.behaviour)
    }

    #[test]
    fn an_image_is_what_was_set_for_it_or_else_the_hash_of_its_name() {
        let mut images = Images::default();
        let (by_name, _) = resolved(&mut images, "pay:v1");
        assert_eq!(by_name, format!("sha256:{}", hash("pay:v1")));
        images.set("pay:v1", "sha256:moved");
        assert_eq!(resolved(&mut images, "pay:v1").0, "sha256:moved");
        assert_eq!(resolved(&mut images, "pay@sha256:pinned").0, "sha256:pinned");
    }

    #[test]
    fn a_digest_behaves_as_the_tag_that_it_was_found_for() {
        let mut images = Images::default();
        let (digest, behaviour) = resolved(&mut images, "pay:v2-bed-crash");
        assert_eq!(behaviour, Behaviour::Crash);
        assert_eq!(resolved(&mut images, &format!("pay@{digest}")).1, Behaviour::Crash);
        assert_eq!(resolved(&mut images, "pay@sha256:other").1, Behaviour::Runs);
    }
}
