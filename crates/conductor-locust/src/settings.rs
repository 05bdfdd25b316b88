//! What an environment's settings say about its Locust and about what counts as its KPI.
//!
//! Nothing is read from the process environment here: a token's value is handed over by whoever builds the driver.

use std::path::PathBuf;

use conductor_core::units::Span;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where Locust is and what must be true of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LocustSettings {
    /// Address of Locust's web interface, with its base path if it has one, such as `http://locust:8089`.
    pub url: String,
    /// Fewest workers that must be ready. Absent: one, or none when Locust is a single process.
    #[serde(default)]
    pub minimum_workers: Option<u32>,
    /// Locust stops by itself when it has not heard of the conductor for this long. It must be longer than the
    /// longest interval between two measurements; whole seconds. Locust before 2.47.0 has no such switch.
    #[serde(default = "default_dead_man")]
    pub dead_man: Span,
    /// Host that the users call, where the locustfile's own is not right for this environment.
    #[serde(default)]
    pub host: Option<String>,
    /// Whether the conductor connects to the users' host once before a run. Switch it off where only Locust can reach it.
    #[serde(default = "default_check_target")]
    pub check_target: bool,
    /// Name of the environment variable that holds a bearer token for Locust's web interface.
    #[serde(default)]
    pub token_env: Option<String>,
    /// PEM file of the certificate authority that signed Locust's certificate, where the system does not know it.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

impl LocustSettings {
    /// Settings with every default, for the Locust at `url`.
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            minimum_workers: None,
            dead_man: default_dead_man(),
            host: None,
            check_target: default_check_target(),
            token_env: None,
            ca_file: None,
        }
    }
}

fn default_check_target() -> bool {
    true
}

fn default_dead_man() -> Span {
    Span::minutes(3)
}

/// What counts as one KPI event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum KpiEvent {
    /// A request that succeeded, as Locust sees it, and that meets the further conditions.
    Request(RequestEvent),
    /// A call of `kpi(name)` in the locustfile. Needs the plugin.
    Call(CallEvent),
}

/// The request whose success is one KPI event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestEvent {
    /// Its method, as in Locust's statistics.
    pub method: String,
    /// Its name, as in Locust's statistics.
    pub name: String,
    /// The status its answer must have. Needs the plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// JSON pointer of a field that its answer must have, such as `/order/state`. Needs the plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The value of that field; absent: any but `null` and `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Value>,
}

/// The explicit call that is one KPI event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CallEvent {
    /// The name given to `kpi`; without one it is `kpi`.
    #[serde(default = "default_call")]
    pub name: String,
}

fn default_call() -> String {
    "kpi".to_owned()
}

impl KpiEvent {
    /// Every successful request of this method and name.
    pub fn request(method: impl Into<String>, name: impl Into<String>) -> Self {
        Self::Request(RequestEvent {
            method: method.into(),
            name: name.into(),
            status: None,
            field: None,
            equals: None,
        })
    }

    /// The rule as the plugin reads it; empty for calls, which need none.
    pub(crate) fn rule(&self) -> String {
        match self {
            Self::Request(request) => {
                let mut rule = serde_json::json!({ "method": request.method, "request": request.name });
                if let Some(status) = request.status {
                    rule["status"] = status.into();
                }
                if let Some(field) = &request.field {
                    rule["field"] = field.clone().into();
                }
                if let Some(equals) = &request.equals {
                    rule["equals"] = equals.clone();
                }
                rule.to_string()
            }
            Self::Call(_) => String::new(),
        }
    }

    /// The row of Locust's own statistics that counts this event, where there is one.
    pub(crate) fn row(&self) -> Option<(&str, &str)> {
        match self {
            Self::Request(RequestEvent { method, name, status: None, field: None, .. }) => Some((method, name)),
            Self::Request(_) | Self::Call(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_need_only_an_address_and_refuse_what_they_do_not_know() {
        let settings: LocustSettings = serde_json::from_str(r#"{"url":"http://locust:8089"}"#).unwrap();
        assert_eq!(settings, LocustSettings::at("http://locust:8089"));
        assert_eq!(settings.dead_man, Span::seconds(180));
        let error = serde_json::from_str::<LocustSettings>(r#"{"url":"x","deadman":"1m"}"#).unwrap_err();
        assert!(error.to_string().contains("unknown field `deadman`"), "{error}");
    }

    #[test]
    fn a_request_event_becomes_the_rule_the_plugin_reads() {
        let event: KpiEvent = serde_json::from_str(
            r#"{"request":{"method":"POST","name":"/orders","status":201,"field":"/state","equals":"accepted"}}"#,
        )
        .unwrap();
        let rule: Value = serde_json::from_str(&event.rule()).unwrap();
        assert_eq!(
            rule,
            serde_json::json!({"method":"POST","request":"/orders","status":201,"field":"/state","equals":"accepted"})
        );
        assert_eq!(event.row(), None, "Locust's statistics know neither status nor fields");
        assert_eq!(KpiEvent::request("POST", "/orders").row(), Some(("POST", "/orders")));
    }

    #[test]
    fn a_call_has_a_name_of_its_own_when_it_is_given_none() {
        let event: KpiEvent = serde_json::from_str(r#"{"call":{}}"#).unwrap();
        assert_eq!(event, KpiEvent::Call(CallEvent { name: "kpi".into() }));
    }
}
