//! What changes applications by itself, and stands still for a run.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::app::ApplicationId;
use crate::run::RunId;

/// Something that changes applications by itself, and would take back what a run does to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pause {
    /// What it is, as the platform calls it, such as `Kustomization flux-system/shop`.
    pub name: String,
    /// Those of the run's applications that it changes.
    pub applications: Vec<ApplicationId>,
    /// How many other objects stand still with it; `None` where it does not tell.
    pub others: Option<usize>,
    /// What of it is set for a run, such as `suspend: true`.
    pub setting: String,
    /// Whether it acts.
    pub standing: Standing,
}

/// Whether something acts by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// It acts, until a run pauses it.
    Acts,
    /// A run has paused it.
    Paused {
        /// Which.
        by: RunId,
    },
    /// It stands still already, by somebody else's will, and is left so.
    Left,
}

impl Pause {
    /// True where a run has paused it, or will.
    pub const fn is_for_a_run(&self) -> bool {
        !matches!(self.standing, Standing::Left)
    }
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, applications, others, setting, .. } = self;
        let names = applications.iter().map(ToString::to_string);
        let others = match others {
            None => Some("whatever else it keeps".to_owned()),
            Some(0) => None,
            Some(1) => Some("1 other object".to_owned()),
            Some(count) => Some(format!("{count} other objects")),
        };
        let all: Vec<String> = names.chain(others).collect();
        write!(f, "{name} of ")?;
        match all.split_last() {
            Some((last, rest)) if !rest.is_empty() => write!(f, "{} and {last}", rest.join(", "))?,
            Some((last, _)) => f.write_str(last)?,
            None => f.write_str("nothing")?,
        }
        if self.is_for_a_run() { write!(f, " ({setting})") } else { f.write_str(", which stands still already") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_names_what_stands_still() {
        let told = |applications: &[&str], others, standing| {
            let applications = applications.iter().map(|name| name.parse().unwrap()).collect();
            let (name, setting) = ("Kustomization flux-system/shop".to_owned(), "suspend: true".to_owned());
            Pause { name, applications, others, setting, standing }.to_string()
        };
        assert_eq!(told(&["shop"], Some(0), Standing::Acts), "Kustomization flux-system/shop of shop (suspend: true)");
        assert_eq!(
            told(&["cart", "shop"], Some(1), Standing::Paused { by: "one".parse().unwrap() }),
            "Kustomization flux-system/shop of cart, shop and 1 other object (suspend: true)"
        );
        assert_eq!(
            told(&["shop"], Some(12), Standing::Acts),
            "Kustomization flux-system/shop of shop and 12 other objects (suspend: true)"
        );
        assert_eq!(
            told(&["shop"], None, Standing::Left),
            "Kustomization flux-system/shop of shop and whatever else it keeps, which stands still already"
        );
    }
}
