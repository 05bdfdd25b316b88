//! Image references as text: what a template names, and what a runtime says of it. No registry is asked.

/// Digest algorithms with the length of their hexadecimal text.
const ALGORITHMS: [(&str, usize); 2] = [("sha256", 64), ("sha512", 128)];

/// What a runtime says of a container's image names no digest that could be pulled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is the id of an image on its node and not a digest that can be pulled")]
pub(crate) struct NoDigest(String);

/// The repository of an image: the reference without its tag and digest.
pub(crate) fn repository(image: &str) -> &str {
    let named = image.split_once('@').map_or(image, |(named, _)| named);
    match named.rsplit_once(':') {
        // What follows the last colon of `registry:5000/app` is a port and a path.
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => named,
    }
}

/// The image pinned by the digest that it names; `None` when it names none. The tag beside a digest means nothing to a
/// runtime, so it is left out: equal versions are equal texts.
pub(crate) fn pinned(image: &str) -> Option<String> {
    let (_, digest) = image.split_once('@')?;
    is_digest(digest).then(|| pin(image, digest))
}

/// The image with a digest in place of its tag.
pub(crate) fn pin(image: &str, digest: &str) -> String {
    format!("{}@{digest}", repository(image))
}

/// The digest in the `imageID` of a container's status; `None` while the runtime has not said it.
///
/// # Errors
/// When there is something else than a digest of a repository.
pub(crate) fn digest(image_id: &str) -> Result<Option<&str>, NoDigest> {
    // Docker says with a scheme whether it is a digest (`docker-pullable`) or an id (`docker`).
    let id = image_id.split_once("://").map_or(image_id, |(_, id)| id);
    if id.is_empty() {
        return Ok(None);
    }
    match id.rsplit_once('@') {
        Some((repository, digest)) if !repository.is_empty() && is_digest(digest) => Ok(Some(digest)),
        _ => Err(NoDigest(image_id.to_owned())),
    }
}

fn is_digest(text: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.split_once(':')
        .is_some_and(|(algorithm, hex)| ALGORITHMS.contains(&(algorithm, hex.len())) && hex.bytes().all(is_hex))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sha256() -> String {
        format!("sha256:{}", "0a".repeat(32))
    }

    #[test]
    fn a_repository_has_neither_tag_nor_digest_but_keeps_the_port_of_its_registry() {
        let digest = sha256();
        for (image, expected) in [
            ("nginx", "nginx"),
            ("nginx:1.27", "nginx"),
            ("library/nginx:1.27", "library/nginx"),
            ("registry.example/shop/checkout:v1", "registry.example/shop/checkout"),
            ("host:5000/a/b", "host:5000/a/b"),
            ("host:5000/a/b:tag", "host:5000/a/b"),
            ("[::1]:5000/a:tag", "[::1]:5000/a"),
            (&format!("nginx@{digest}"), "nginx"),
            (&format!("host:5000/a/b@{digest}"), "host:5000/a/b"),
            (&format!("host:5000/a/b:tag@{digest}"), "host:5000/a/b"),
        ] {
            assert_eq!(repository(image), expected, "{image}");
        }
    }

    #[test]
    fn an_image_is_pinned_by_a_whole_digest_only() {
        let digest = sha256();
        let sha512 = format!("sha512:{}", "0b".repeat(64));
        let yes = |expected: String| Some(expected);
        for (image, expected) in [
            (format!("a/b@{digest}"), yes(format!("a/b@{digest}"))),
            (format!("host:5000/a/b:tag@{digest}"), yes(format!("host:5000/a/b@{digest}"))),
            (format!("a@{sha512}"), yes(format!("a@{sha512}"))),
            ("host:5000/a/b:tag".to_owned(), None),
            ("a/b@sha256:0a".to_owned(), None),
            (format!("a/b@{}", digest.to_uppercase()), None),
            (String::new(), None),
        ] {
            assert_eq!(pinned(&image), expected, "{image}");
        }
    }

    #[test]
    fn the_digest_replaces_the_tag() {
        let digest = sha256();
        assert_eq!(pin("host:5000/a/b:tag", &digest), format!("host:5000/a/b@{digest}"));
        assert_eq!(pin("nginx", &digest), format!("nginx@{digest}"));
    }

    #[test]
    fn a_digest_is_known_in_every_form_that_runtimes_give() {
        let sha = sha256();
        for image_id in [
            format!("registry.example/shop/checkout@{sha}"),
            format!("docker-pullable://registry.example/shop/checkout@{sha}"),
            format!("docker.io/library/nginx@{sha}"),
            format!("host:5000/a/b@{sha}"),
        ] {
            assert_eq!(digest(&image_id).unwrap(), Some(sha.as_str()), "{image_id}");
        }
        assert_eq!(digest("").unwrap(), None, "the container has not started");
    }

    #[test]
    fn the_id_of_an_image_is_no_digest() {
        let sha = sha256();
        for image_id in [
            sha.clone(),
            format!("docker://{sha}"),
            "0a".repeat(32),
            format!("@{sha}"),
            "registry.example/shop/checkout:v1".to_owned(),
            "registry.example/shop/checkout@sha256:0a".to_owned(),
        ] {
            assert_eq!(digest(&image_id), Err(NoDigest(image_id.clone())));
        }
        let told = digest("docker://sha256:0a").unwrap_err().to_string();
        assert_eq!(
            told,
            "\"docker://sha256:0a\" is the id of an image on its node and not a digest that can be pulled"
        );
    }
}
