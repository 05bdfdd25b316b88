//! What a caller may do, and in which environments.

use std::collections::BTreeMap;

pub use conductor_core::caller::Role;
use serde::Deserialize;

/// The roles of one caller: one for every environment, and others for some.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Grants {
    everywhere: Option<Role>,
    environments: BTreeMap<String, Role>,
}

impl Grants {
    /// Gives a role in every environment, beside what was given before: the higher one counts.
    pub fn grant_everywhere(&mut self, role: Role) {
        self.everywhere = self.everywhere.max(Some(role));
    }

    /// Gives a role in one environment, beside what was given before: the higher one counts.
    pub fn grant(&mut self, environment: impl Into<String>, role: Role) {
        let held = self.environments.entry(environment.into()).or_insert(role);
        *held = role.max(*held);
    }

    /// Adds what others give: the higher one of two roles counts.
    pub fn add(&mut self, others: &Self) {
        self.everywhere = self.everywhere.max(others.everywhere);
        for (environment, role) in &others.environments {
            self.grant(environment, *role);
        }
    }

    /// Reads `role` (everywhere) or `role@environment`, and gives it.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn grant_text(&mut self, text: &str) -> Result<(), BadGrant> {
        let (role, environment) = match text.split_once('@') {
            Some((role, environment)) => (role, Some(environment)),
            None => (text, None),
        };
        let role = match role {
            "viewer" => Role::Viewer,
            "operator" => Role::Operator,
            "admin" => Role::Admin,
            _ => return Err(BadGrant),
        };
        match environment {
            Some("") => return Err(BadGrant),
            Some(environment) => self.grant(environment, role),
            None => self.grant_everywhere(role),
        }
        Ok(())
    }

    /// Whether these roles are enough for what needs `role` in `environment`.
    #[must_use]
    pub fn may(&self, role: Role, environment: &str) -> bool {
        self.everywhere.max(self.environments.get(environment).copied()) >= Some(role)
    }
}

/// In settings: a list of `role` and `role@environment`.
impl TryFrom<Vec<String>> for Grants {
    type Error = BadGrant;

    fn try_from(texts: Vec<String>) -> Result<Self, BadGrant> {
        if texts.is_empty() {
            return Err(BadGrant);
        }
        let mut grants = Self::default();
        for text in &texts {
            grants.grant_text(text)?;
        }
        Ok(grants)
    }
}

/// A text that gives no role. It is not repeated: it may be a token that stands there by mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "gives no role: expected at least one of viewer, operator or admin, each alone for every environment or with `@ENVIRONMENT`"
)]
pub struct BadGrant;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_enough_for_itself_and_lower_ones_in_its_environment_alone() {
        let all = [Role::Viewer, Role::Operator, Role::Admin];
        for held in all {
            let mut grants = Grants::default();
            grants.grant("shop", held);
            for needed in all {
                assert_eq!(grants.may(needed, "shop"), needed <= held, "{held:?} for {needed:?}");
                assert!(!grants.may(needed, "other"), "{held:?} for {needed:?} elsewhere");
                assert!(!Grants::default().may(needed, "shop"), "nothing for {needed:?}");
            }
        }
    }

    #[test]
    fn the_higher_one_of_two_roles_counts_in_whichever_order_they_were_given() {
        let mut grants = Grants::default();
        grants.grant("shop", Role::Operator);
        grants.grant("shop", Role::Viewer);
        grants.grant_everywhere(Role::Viewer);
        assert!(grants.may(Role::Operator, "shop"));
        assert!(!grants.may(Role::Admin, "shop"));
        assert!(grants.may(Role::Viewer, "other"));
        assert!(!grants.may(Role::Operator, "other"));
    }

    #[test]
    fn roles_are_read_from_texts_and_others_are_refused_without_being_told() {
        let read = |texts: &[&str]| Grants::try_from(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        let grants = read(&["viewer", "operator@shop"]).unwrap();
        assert!(grants.may(Role::Viewer, "other") && grants.may(Role::Operator, "shop"));
        assert!(!grants.may(Role::Operator, "other") && !grants.may(Role::Admin, "shop"));
        let bad: [&[&str]; 5] = [&[], &["root"], &["viewer@"], &["Viewer"], &["viewer", "hunter2"]];
        for texts in bad {
            let refused = read(texts).unwrap_err().to_string();
            assert!(refused.starts_with("gives no role: expected at least one of viewer"), "{refused}");
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }
}
