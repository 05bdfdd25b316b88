//! Any service that takes a POST: a body of its own making, signed where there is a secret.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::alert::{AlertStatus, Notice};
use conductor_core::ports::{FailureKind, Notifier, PortError};
use conductor_core::units::Span;
use jiff::Timestamp;
use minijinja::{Environment, UndefinedBehavior, context};
use ring::hmac;
use serde::{Deserialize, Serialize};

use super::{LONGEST, secret};
use crate::kpi::web::{self, Web, refused, time_violation, url_violation};
use crate::kpi::{Credentials, Wrong};

const ACT: &str = "could not tell the webhook";
/// The header with the signature: `t=SECONDS,v1=HEX`, of `SECONDS.BODY` by HMAC-SHA256.
const SIGNATURE: &str = "Conductor-Signature";
/// The header by which the same notice is known when it comes again.
const DELIVERY: &str = "Conductor-Delivery";
/// The name of the template in its errors.
const TEMPLATE: &str = "template";

/// A service that takes a POST.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookSettings {
    /// Where to post.
    pub url: String,
    /// A template (of Jinja) of the body; absent for the notice as JSON. Values are what that JSON holds, and `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The type of the body.
    #[serde(default = "json_type")]
    pub content_type: String,
    /// A file with the secret by which bodies are signed; absent for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// Longest wait for an answer.
    #[serde(default = "web::timeout")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub timeout: Span,
    /// PEM file of the certificate authority that signed its certificate, where the system does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// How the conductor says who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Credentials>,
}

fn json_type() -> String {
    "application/json".to_owned()
}

impl WebhookSettings {
    pub(super) fn resolve(&mut self, folder: &Path) {
        self.secret_file.iter_mut().for_each(|file| *file = folder.join(&*file));
        web::resolve(&mut self.ca_file, &mut self.auth, folder);
    }

    pub(super) fn violations(&self) -> Vec<Wrong> {
        let mut wrong: Vec<Wrong> = url_violation("url", &self.url).into_iter().collect();
        wrong.extend(time_violation("timeout", self.timeout));
        if let Err(error) = self.template.as_deref().map_or(Ok(()), |text| engine(text).map(drop)) {
            let expected = "a template of Jinja, such as {\"text\": {{ alert.message | tojson }}}".to_owned();
            wrong.push((TEMPLATE.to_owned(), told(&error), expected));
        }
        wrong
    }

    /// What is wrong with its files with secrets.
    pub(super) fn unreadable(&self) -> Vec<Wrong> {
        let signs = self.secret_file.as_ref().and_then(|file| web::unreadable("secretFile", file));
        signs.into_iter().chain(self.auth.as_ref().and_then(Credentials::unreadable)).collect()
    }
}

pub(super) struct Webhook {
    web: Web,
    settings: WebhookSettings,
    engine: Option<Environment<'static>>,
}

impl Webhook {
    pub(super) fn new(settings: &WebhookSettings) -> Result<Self, PortError> {
        let web = Web::new(settings.timeout, settings.ca_file.as_deref(), settings.auth.clone(), LONGEST)?;
        let refused =
            |error: minijinja::Error| PortError::new(FailureKind::Rejected, format!("template: {}", told(&error)));
        let engine = settings.template.as_deref().map(engine).transpose().map_err(refused)?;
        Ok(Self { web, settings: settings.clone(), engine })
    }

    fn body(&self, notice: &Notice) -> Result<String, PortError> {
        let Some(engine) = &self.engine else {
            return serde_json::to_string(notice)
                .map_err(|error| PortError::because(FailureKind::Rejected, ACT, error));
        };
        let name = notice.alert.key.topic.name();
        let values = context! { name, ..minijinja::Value::from_serialize(notice) };
        let made = engine.get_template(TEMPLATE).and_then(|template| template.render(values));
        made.map_err(|error| PortError::new(FailureKind::Rejected, format!("{ACT}: template: {}", told(&error))))
    }
}

#[async_trait]
impl Notifier for Webhook {
    async fn notify(&self, notice: &Notice) -> Result<(), PortError> {
        let body = self.body(notice)?;
        let signature = match &self.settings.secret_file {
            Some(file) => {
                let secret = secret("webhook.secretFile", file)?;
                Some(signature(&secret, Timestamp::now().as_second(), &body))
            }
            None => None,
        };
        let mut request = self.web.post(&self.settings.url, &self.settings.content_type, body);
        request = request.header(DELIVERY, delivery(notice));
        if let Some(signature) = signature {
            request = request.header(SIGNATURE, signature);
        }
        let (status, text) = self.web.answer(request, ACT).await?;
        if status.is_success() { Ok(()) } else { Err(refused(status, &text, ACT)) }
    }

    fn repeats(&self) -> Option<Duration> {
        None
    }
}

/// The signature of a body that is sent at a time, so that nobody else can send it again much later.
fn signature(secret: &str, at: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{at}.{body}").as_bytes());
    tag.as_ref().iter().fold(format!("t={at},v1="), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The same for the same notice, in characters that a header may hold.
fn delivery(notice: &Notice) -> String {
    let key = &notice.alert.key;
    let of: String = key.of.bytes().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    let status = match notice.status {
        AlertStatus::Firing => "firing",
        AlertStatus::Resolved => "resolved",
    };
    format!("{}/{}/{of}/{}/{status}", notice.run, key.topic.name(), notice.alert.since.as_millisecond())
}

/// A template that refuses what is not there, so that a mistake is seen.
fn engine(template: &str) -> Result<Environment<'static>, minijinja::Error> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.add_template_owned(TEMPLATE, template.to_owned())?;
    Ok(engine)
}

/// What is wrong, and where.
fn told(error: &minijinja::Error) -> String {
    let line = error.line().map_or_else(String::new, |line| format!(" in line {line}"));
    format!("{}{line}: {}", error.kind(), error.detail().unwrap_or("nothing more is known"))
}

#[cfg(test)]
mod tests {
    use conductor_core::alert::Topic;
    use serde_json::{Value, json};

    use super::*;
    use crate::notify::tests::{notice, provider};

    fn settings(fields: Value) -> WebhookSettings {
        let mut settings = json!({ "url": "http://hook.test/" });
        settings.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        serde_json::from_value(settings).unwrap()
    }

    fn body(template: &str, notice: &Notice) -> Result<String, String> {
        provider();
        Webhook::new(&settings(json!({ "template": template })))
            .unwrap()
            .body(notice)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_body_is_signed_with_its_time() {
        // As `printf '1764000000.{}' | openssl dgst -sha256 -hmac key` has it.
        let expected = "t=1764000000,v1=135a1a8c79ff2a07661486422c8068924d01c7a70da314a29ce512bc61231899";
        assert_eq!(signature("key", 1_764_000_000, "{}"), expected);
        assert_ne!(signature("key", 1_764_000_001, "{}"), expected);
    }

    #[test]
    fn a_template_has_everything_of_the_notice() {
        let fired = notice(Topic::Drifted, "firing");
        let made = body("{{ name }} {{ status }} {{ alert.severity }} {{ run }} {{ alert.message | tojson }}", &fired)
            .unwrap();
        assert_eq!(made, "LoadTestDrifted firing warning cyber-week-1 \"replicas of shop: 1, and not 3\"");
        let error = body("{{ alert.nothing }}", &fired).unwrap_err();
        assert!(error.starts_with("could not tell the webhook: template: undefined value in line 1"), "{error}");
    }

    #[test]
    fn a_template_that_is_none_is_refused_with_its_line() {
        let [(field, problem, _)]: [Wrong; 1] =
            settings(json!({ "template": "a\n{{ b" })).violations().try_into().unwrap();
        assert_eq!(field, "template");
        assert!(problem.starts_with("syntax error in line 2"), "{problem}");
    }

    #[test]
    fn the_same_notice_has_the_same_delivery() {
        let (fired, resolved) = (notice(Topic::Drifted, "firing"), notice(Topic::Drifted, "resolved"));
        assert_eq!(delivery(&fired), "cyber-week-1/LoadTestDrifted/73686f70/1795528800000/firing");
        assert_ne!(delivery(&fired), delivery(&resolved));
    }
}
