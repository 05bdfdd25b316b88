//! The methods of the server: their names, and which of them change anything.

/// A method, as the path of a request names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Start,
    Get,
    List,
    Watch,
    Stop,
    Update,
    Plan,
    GetReport,
    /// Any method of the health service.
    Health,
    /// Any method of the reflection service.
    Reflection,
    /// What the server does not know.
    Unknown,
}

const LOAD_TESTS: &str = "/conductor.v1.LoadTestService/";
const OURS: [Method; 8] = [
    Method::Start,
    Method::Get,
    Method::List,
    Method::Watch,
    Method::Stop,
    Method::Update,
    Method::Plan,
    Method::GetReport,
];

impl Method {
    /// The method of a path.
    pub(crate) fn of(path: &str) -> Self {
        if let Some(name) = path.strip_prefix(LOAD_TESTS) {
            OURS.into_iter().find(|method| method.name() == name).unwrap_or(Self::Unknown)
        } else if path.starts_with("/grpc.health.v1.Health/") {
            Self::Health
        } else if path.starts_with("/grpc.reflection.") {
            Self::Reflection
        } else {
            Self::Unknown
        }
    }

    /// Whether it is one of load tests.
    pub(crate) fn is_ours(self) -> bool {
        OURS.contains(&self)
    }

    /// Its name: never a text of a caller.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Start => "StartLoadTest",
            Self::Get => "GetLoadTest",
            Self::List => "ListLoadTests",
            Self::Watch => "WatchLoadTest",
            Self::Stop => "StopLoadTest",
            Self::Update => "UpdateLoadTest",
            Self::Plan => "PlanLoadTest",
            Self::GetReport => "GetReport",
            Self::Health => "Health",
            Self::Reflection => "ServerReflection",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it changes anything, so that it is in the audit trail.
    pub(crate) const fn changes(self) -> bool {
        match self {
            Self::Start | Self::Stop | Self::Update => true,
            Self::Get
            | Self::List
            | Self::Watch
            | Self::Plan
            | Self::GetReport
            | Self::Health
            | Self::Reflection
            | Self::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_of_the_contract_is_known_by_its_path() {
        let service = crate::contract::CONTRACT.get_service_by_name("conductor.v1.LoadTestService").unwrap();
        let known: Vec<Method> =
            service.methods().map(|method| Method::of(&format!("{LOAD_TESTS}{}", method.name()))).collect();
        assert_eq!(known, OURS);
        assert_eq!(Method::of("/grpc.health.v1.Health/Check"), Method::Health);
        assert_eq!(Method::of("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"), Method::Reflection);
        for path in ["", "/", "/conductor.v1.LoadTestService/Drop", "/conductor.v2.LoadTestService/GetLoadTest"] {
            assert_eq!(Method::of(path), Method::Unknown, "{path}");
        }
    }
}
