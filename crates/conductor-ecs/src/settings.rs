//! What an environment's file says about its ECS clusters and the services in them.

mod rates;
mod violations;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use conductor_core::app::ApplicationId;
use conductor_core::units::Span;
use serde::{Deserialize, Serialize};

use crate::place::Place;

pub use rates::Rates;

/// The applications of an environment that are services of ECS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EcsSettings {
    /// The cluster of services that name none, by its name.
    pub cluster: String,
    /// How the account that is written to is reached.
    #[serde(default)]
    pub account: AccountSettings,
    /// Where production is; it is never written to. Absent: nobody may ask for production's state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub production: Option<ProductionSettings>,
    /// How often services that are waited for are looked at. Default 10s.
    #[serde(default = "seconds::<10>")]
    pub poll: Span,
    /// How often it is looked whether somebody else has changed a service under load. Default 15s.
    #[serde(default = "seconds::<15>")]
    pub drift_poll: Span,
    /// Within what time what was written must be shown. Default 1m.
    #[serde(default = "seconds::<60>")]
    pub shown_within: Span,
    /// How long ECS may say that it cannot place a task: a capacity provider may first have to get the room. Default 10m.
    #[serde(default = "seconds::<600>")]
    pub place_within: Span,
    /// How long one call may take. Default 20s.
    #[serde(default = "seconds::<20>")]
    pub timeout: Span,
    /// How many calls are sent in a second at most.
    #[serde(default)]
    pub rates: Rates,
    /// The applications.
    pub applications: Vec<Application>,
}

/// How an account is reached: by the default chain of the AWS SDK, unless something is said here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountSettings {
    /// The region. Absent: that of the default chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The shared file with the credentials of profiles. Absent: that of the default chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_file: Option<PathBuf>,
    /// The profile of the shared files. Absent: that of the default chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// A role to take on. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// What the role's owner wants to be told by whoever takes it on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Another endpoint than the region's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

/// How production is reached, and where applications are there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProductionSettings {
    /// The cluster of services that name none there. Absent: of the same name as the test cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// How its account is reached.
    #[serde(default)]
    pub account: AccountSettings,
    /// True when production and test are in one cluster on purpose, which is refused otherwise.
    #[serde(default)]
    pub same_cluster: bool,
}

/// One application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Application {
    /// Its name in load tests.
    pub name: ApplicationId,
    /// True for what belongs to the environment but never to a load test's scope, such as load workers.
    #[serde(default)]
    pub support: bool,
    /// Its cluster. Absent: the environment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The name of its service. Absent: the application's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Where it is in production, when not under the same names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_production: Option<InProduction>,
}

/// What is other in production about where an application is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InProduction {
    /// Its cluster. Absent: production's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The name of its service. Absent: as in the test cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

const fn seconds<const N: u64>() -> Span {
    Span::seconds(N)
}

impl EcsSettings {
    /// The settings with every path absolute; relative ones are relative to `folder`.
    #[must_use]
    pub fn resolve(mut self, folder: &Path) -> Self {
        let production = self.production.iter_mut().map(|production| &mut production.account);
        for account in production.chain([&mut self.account]) {
            account.credentials_file = account.credentials_file.take().map(|file| folder.join(file));
        }
        self
    }

    /// The applications that load tests may have in scope.
    pub fn catalogue(&self) -> Vec<ApplicationId> {
        self.applications.iter().filter(|application| !application.support).map(|found| found.name.clone()).collect()
    }

    /// Where an application is in the test cluster.
    pub(crate) fn place(&self, application: &Application) -> Place {
        let service = application.service.clone().unwrap_or_else(|| application.name.to_string());
        Place { cluster: application.cluster.clone().unwrap_or_else(|| self.cluster.clone()), service }
    }

    /// Where all applications are in the test account.
    pub(crate) fn places(&self) -> BTreeMap<ApplicationId, Place> {
        self.applications.iter().map(|application| (application.name.clone(), self.place(application))).collect()
    }

    /// Where an application is in production.
    pub(crate) fn place_in_production(&self, application: &Application) -> Place {
        let other = application.in_production.clone().unwrap_or_default();
        let here = self.place(application);
        let default = self.production.as_ref().and_then(|production| production.cluster.clone());
        let cluster = other.cluster.or(default).unwrap_or(here.cluster);
        Place { cluster, service: other.service.unwrap_or(here.service) }
    }
}

#[cfg(test)]
#[path = "settings/tests.rs"]
mod tests;
