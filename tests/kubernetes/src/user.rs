//! Who talks to a cluster, as RBAC and the audit log see it.

use crate::component::Component;

/// The group of everything that the bed itself runs.
pub(crate) const COMPONENTS: &str = "bed:components";

/// Somebody who can talk to a cluster. None needs to be declared before.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum User {
    /// May do everything: `bed-admin` in the group `system:masters`.
    Admin,
    /// Has the rights that the test gives to the name or to its group; none at first.
    Person {
        /// The user's name.
        name: String,
        /// The group, if there is one besides `system:authenticated`.
        group: Option<String>,
    },
    /// Is taken for a ServiceAccount, with the rights that the test gives to it. The account need not exist.
    ServiceAccount {
        /// Where the account is.
        namespace: String,
        /// The account's name, without its prefix.
        name: String,
    },
}

impl User {
    /// A person without a group.
    pub fn person(name: &str) -> Self {
        Self::Person { name: name.to_owned(), group: None }
    }

    /// A ServiceAccount.
    pub fn service_account(namespace: &str, name: &str) -> Self {
        Self::ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// The name that RBAC knows and the audit log shows.
    pub fn name(&self) -> String {
        match self {
            Self::Admin => "bed-admin".to_owned(),
            Self::Person { name, .. } => name.clone(),
            Self::ServiceAccount { namespace, name } => format!("system:serviceaccount:{namespace}:{name}"),
        }
    }

    /// The groups that the certificate names.
    pub(crate) fn groups(&self) -> Vec<String> {
        match self {
            Self::Admin => vec!["system:masters".to_owned()],
            Self::Person { group, .. } => group.iter().cloned().collect(),
            Self::ServiceAccount { namespace, .. } => {
                vec!["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")]
            }
        }
    }
}

/// Name and groups of a component, if it is a client of the API server.
pub(crate) fn of_component(component: Component) -> Option<(String, Vec<String>)> {
    let (name, rights) = match component {
        // What a controller of custom resources writes is of interest: it is no component to the audit log.
        Component::Etcd | Component::ApiServer | Component::Controller(_) => return None,
        Component::ControllerManager => ("system:kube-controller-manager", None),
        Component::Scheduler => ("system:kube-scheduler", None),
        Component::Kwok => ("bed-kwok", Some("system:masters".to_owned())),
    };
    Some((name.to_owned(), std::iter::once(COMPONENTS.to_owned()).chain(rights).collect()))
}
