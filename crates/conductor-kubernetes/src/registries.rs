//! From where the test cluster pulls the images of production: another registry may stand in for production's. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::images::repository;

/// What stands in the test cluster for the beginning of production's repositories: a registry, or a part of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Registries(BTreeMap<String, String>);

impl Registries {
    /// True where both clusters pull from the same.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An image of production as the test cluster pulls it. The longest beginning that is named is replaced, once; tag and
    /// digest stay.
    pub(crate) fn here(&self, image: &str) -> String {
        let repository = repository(image);
        let is_below =
            |prefix: &str| repository.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let longest = self.0.iter().filter(|(prefix, _)| is_below(prefix)).max_by_key(|(prefix, _)| prefix.len());
        longest.map_or_else(|| image.to_owned(), |(prefix, other)| format!("{other}{}", &image[prefix.len()..]))
    }

    /// Everything that is wrong: the name in production that it is about, and the problem.
    pub(crate) fn problems(&self) -> impl Iterator<Item = (&str, String)> {
        self.0.iter().filter_map(|(prefix, other)| {
            let wrong = [prefix, other].into_iter().find_map(|text| Some(format!("\"{text}\" {}", wrong(text)?)));
            let same = || (prefix == other).then(|| format!("\"{prefix}\" stands for itself"));
            Some((prefix.as_str(), wrong.or_else(same)?))
        })
    }
}

/// Why a text is not the beginning of a repository.
fn wrong(text: &str) -> Option<&'static str> {
    let is_known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/:[]".contains(c);
    let (first, rest) = text.split_once('/').map_or((text, None), |(first, rest)| (first, Some(rest)));
    // What follows the colon of a registry is a port.
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let has_tag = rest.is_some_and(|rest| rest.contains(':'))
        || first.rsplit_once(':').is_some_and(|(_, port)| !is_port(port) && !first.ends_with(']'));
    match () {
        () if text.contains("://") => Some("has a scheme"),
        () if text.contains('@') => Some("has a digest"),
        () if text.split('/').any(str::is_empty) => Some("has an empty part"),
        () if !text.chars().all(is_known) => Some("has characters that no image has"),
        () if has_tag => Some("has a tag"),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registries(of: &[(&str, &str)]) -> Registries {
        Registries(of.iter().map(|(prefix, other)| ((*prefix).to_owned(), (*other).to_owned())).collect())
    }

    #[test]
    fn the_longest_beginning_of_whole_parts_is_replaced_and_tag_and_digest_stay() {
        let known = registries(&[
            ("registry.live.example", "registry.test.example"),
            ("registry.live.example/shop", "mirror.test.example:5000/live/shop"),
            ("registry.test.example", "never.twice.example"),
            ("host:5000", "other:6000"),
            ("nginx", "registry.test.example/library/nginx"),
        ]);
        let digest = format!("sha256:{}", "0a".repeat(32));
        for (image, expected) in [
            ("registry.live.example/bank/ledger:v1", "registry.test.example/bank/ledger:v1"),
            ("registry.live.example/shop/checkout:v1", "mirror.test.example:5000/live/shop/checkout:v1"),
            ("registry.live.example/shop:v1", "mirror.test.example:5000/live/shop:v1"),
            ("registry.live.example/shopping:v1", "registry.test.example/shopping:v1"),
            ("registry.live.example.org/shop:v1", "registry.live.example.org/shop:v1"),
            ("registry.live.example:5000/shop:v1", "registry.live.example:5000/shop:v1"),
            ("host:5000/a/b", "other:6000/a/b"),
            ("host/a/b", "host/a/b"),
            ("nginx:1.27", "registry.test.example/library/nginx:1.27"),
            ("library/nginx:1.27", "library/nginx:1.27"),
            ("elsewhere.example/registry.live.example:v1", "elsewhere.example/registry.live.example:v1"),
        ] {
            assert_eq!(known.here(image), expected);
            let pinned = |image: &str| format!("{}@{digest}", repository(image));
            assert_eq!(known.here(&pinned(image)), pinned(expected));
        }
        assert_eq!(Registries::default().here("registry.live.example/shop:v1"), "registry.live.example/shop:v1");
    }

    #[test]
    fn what_is_no_beginning_of_a_repository_is_told() {
        for good in ["registry.example", "registry.example:5000/a", "[::1]:5000/a", "[::1]", "a/b_c/d-e", "nginx"] {
            assert_eq!(registries(&[(good, "x.example")]).problems().count(), 0, "{good}");
        }
        for (bad, problem) in [
            ("", "has an empty part"),
            ("https://registry.example", "has a scheme"),
            ("registry.example/", "has an empty part"),
            ("/shop", "has an empty part"),
            ("registry.example//shop", "has an empty part"),
            ("registry.example/shop:v1", "has a tag"),
            ("nginx:latest", "has a tag"),
            ("registry.example/shop@sha256:0a", "has a digest"),
            ("Registry.example", "has characters that no image has"),
            ("registry.example/*", "has characters that no image has"),
        ] {
            for (prefix, other) in [(bad, "x.example"), ("x.example", bad)] {
                let known = registries(&[(prefix, other)]);
                let told: Vec<_> = known.problems().collect();
                assert_eq!(told, [(prefix, format!("\"{bad}\" {problem}"))]);
            }
        }
        let same = registries(&[("registry.example", "registry.example")]);
        let told: Vec<_> = same.problems().collect();
        assert_eq!(told, [("registry.example", "\"registry.example\" stands for itself".to_owned())]);
    }
}
