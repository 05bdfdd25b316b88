//! What tasks do, by what stands in their task definition.

/// What becomes of the tasks of a task definition. It is chosen by a word in the tag of an image, as in `shop:v2-bed-crash`, or at
/// the end of the family's name; a digest behaves as the tag did that it was given for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Behaviour {
    /// They run.
    #[default]
    Runs,
    /// They are pending for ever.
    Stuck,
    /// No instance has room for them.
    NoCapacity,
    /// Their image cannot be pulled.
    NoPull,
    /// Their container exits before they run.
    Crash,
    /// They run, and exit soon after: that counts as no failure of a deployment.
    Dies,
}

/// All that do not just run.
const MARKED: [Behaviour; 5] =
    [Behaviour::Stuck, Behaviour::NoCapacity, Behaviour::NoPull, Behaviour::Crash, Behaviour::Dies];

impl Behaviour {
    /// The word in a tag, or at the end of a family's name.
    pub const fn mark(self) -> &'static str {
        match self {
            Self::Runs => "bed-runs",
            Self::Stuck => "bed-stuck",
            Self::NoCapacity => "bed-no-capacity",
            Self::NoPull => "bed-no-pull",
            Self::Crash => "bed-crash",
            Self::Dies => "bed-dies",
        }
    }

    /// That of an image or a family, if it is marked.
    pub(crate) fn of(text: &str) -> Option<Self> {
        MARKED.into_iter().find(|behaviour| text.contains(behaviour.mark()))
    }
}

/// The tag of an image: what is after the colon of its last part, and before a digest.
pub(crate) fn tag(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    crate::seen::short(name).split_once(':').map_or("", |(_, tag)| tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_behind_ports_and_before_digests() {
        for (image, found) in [
            ("shop", ""),
            ("shop:v1", "v1"),
            ("registry:5000/team/shop", ""),
            ("registry:5000/team/shop:v1@sha256:ab", "v1"),
            ("shop@sha256:ab", ""),
        ] {
            assert_eq!(tag(image), found, "{image}");
        }
        assert_eq!(Behaviour::of(tag("bed-crash/shop:v1")), None, "a repository is no mark");
        assert_eq!(Behaviour::of(tag("shop:v2-bed-no-pull")), Some(Behaviour::NoPull));
    }
}
