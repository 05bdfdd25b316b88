//! Applications and what they are given to run with. What they run is in [`crate::release`].

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::units::{Cpu, Memory};

/// The name of an application, as the environment's catalogue gives it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApplicationId(String);

impl ApplicationId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name that cannot be an application's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not a name; expected 1 to 128 letters, digits, '-', '_', '.' or '/', beginning with a letter or digit"
)]
pub struct NameError(pub String);

/// True for the names the conductor accepts: for applications, load tests, environments and KPIs alike.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= 128
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'))
}

impl FromStr for ApplicationId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if is_name(text) { Ok(Self(text.to_owned())) } else { Err(NameError(text.to_owned())) }
    }
}

impl TryFrom<String> for ApplicationId {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<ApplicationId> for String {
    fn from(id: ApplicationId) -> Self {
        id.0
    }
}

impl Borrow<str> for ApplicationId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ApplicationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What an application is given: how many replicas, and how much each of them may use.
///
/// `None` for CPU or memory means that the substrate does not allot it (a local process, for one), so it is neither
/// compared nor changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Allocation {
    /// Wanted replicas (`desired_count` on ECS).
    pub replicas: u32,
    /// CPU of one replica.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// Memory of one replica.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
}

impl Allocation {
    /// So many replicas, with resources left to the substrate.
    pub const fn of_replicas(replicas: u32) -> Self {
        Self { replicas, cpu: None, memory: None }
    }
}

impl fmt::Display for Allocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} replica{}", self.replicas, if self.replicas == 1 { "" } else { "s" })?;
        if let Some(cpu) = self.cpu {
            write!(f, ", cpu {cpu}")?;
        }
        if let Some(memory) = self.memory {
            write!(f, ", memory {memory}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_spaces_or_nothing_in_them_are_refused() {
        for bad in ["", " ", "a b", "-a", "ä", &"x".repeat(129)] {
            assert!(bad.parse::<ApplicationId>().is_err(), "{bad:?}");
        }
        assert_eq!("shop/checkout-v1.2".parse::<ApplicationId>().unwrap().as_str(), "shop/checkout-v1.2");
    }

    #[test]
    fn an_allocation_reads_as_a_sentence_part() {
        let one = Allocation { replicas: 1, cpu: Some(Cpu::millicores(500)), memory: Some(Memory::bytes(2 << 30)) };
        assert_eq!(one.to_string(), "1 replica, cpu 500m, memory 2Gi");
        assert_eq!(Allocation::of_replicas(3).to_string(), "3 replicas");
    }
}
