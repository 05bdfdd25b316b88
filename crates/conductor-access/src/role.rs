//! What a caller may do, and in which environments.

use std::collections::BTreeMap;

/// What a caller may do. Each role may do all that the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Sees load tests and reports.
    Viewer,
    /// Starts, updates and stops load tests as well.
    Operator,
    /// May do everything.
    Admin,
}

/// The roles of one caller: one for every environment, and others for some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

    /// Whether these roles are enough for what needs `role` in `environment`.
    #[must_use]
    pub fn may(&self, role: Role, environment: &str) -> bool {
        self.everywhere.max(self.environments.get(environment).copied()) >= Some(role)
    }
}

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
}
