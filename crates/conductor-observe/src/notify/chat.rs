//! Messages in chats: Slack's and Microsoft Teams' shapes of them. Whoever knows the address may write there, so that it is a
//! secret, stands in a file, and is in no error.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::alert::{AlertStatus, Notice, Severity};
use conductor_core::ports::{Notifier, PortError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{LONGEST, facts, secret, title};
use crate::kpi::web::{TIMEOUT, Web, refused};

/// An incoming webhook of Slack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SlackSettings {
    /// A file with its address, which is a secret.
    pub url_file: PathBuf,
}

/// A workflow of Microsoft Teams: "when a Teams webhook request is received".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TeamsSettings {
    /// A file with its address, which is a secret.
    pub url_file: PathBuf,
}

pub(super) struct Chat {
    web: Web,
    url_file: PathBuf,
    field: &'static str,
    act: &'static str,
    shape: fn(&Notice) -> Value,
}

impl Chat {
    pub(super) fn slack(settings: &SlackSettings) -> Result<Self, PortError> {
        let web = Web::new(TIMEOUT, None, None, LONGEST)?;
        let (field, act) = ("slack.urlFile", "could not tell Slack");
        Ok(Self { web, url_file: settings.url_file.clone(), field, act, shape: slack })
    }

    pub(super) fn teams(settings: &TeamsSettings) -> Result<Self, PortError> {
        let web = Web::new(TIMEOUT, None, None, LONGEST)?;
        let (field, act) = ("teams.urlFile", "could not tell Teams");
        Ok(Self { web, url_file: settings.url_file.clone(), field, act, shape: teams })
    }
}

#[async_trait]
impl Notifier for Chat {
    async fn notify(&self, notice: &Notice) -> Result<(), PortError> {
        let url = secret(self.field, &self.url_file)?;
        let body = (self.shape)(notice).to_string();
        let (status, text) = self.web.answer(self.web.post(&url, "application/json", body), self.act).await?;
        if status.is_success() { Ok(()) } else { Err(refused(status, &text, self.act)) }
    }

    fn repeats(&self) -> Option<Duration> {
        None
    }
}

/// A message of blocks, with a text for notifications.
fn slack(notice: &Notice) -> Value {
    let field =
        |(name, value): (&str, String)| json!({ "type": "mrkdwn", "text": format!("*{name}*\n{}", escaped(&value)) });
    let fields: Vec<Value> = facts(notice).into_iter().map(field).collect();
    json!({
        "text": escaped(&format!("{}: {}", title(notice), notice.alert.message)),
        "blocks": [
            { "type": "header", "text": { "type": "plain_text", "text": shortened(&title(notice), 150) } },
            { "type": "section", "text": { "type": "mrkdwn", "text": shortened(&escaped(&notice.alert.message), 3000) } },
            { "type": "section", "fields": fields },
        ],
    })
}

/// What Slack would take for a mention or a link.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

/// An adaptive card in the envelope that workflows take. The connectors that took message cards are gone.
fn teams(notice: &Notice) -> Value {
    let colour = match (notice.status, notice.alert.severity) {
        (AlertStatus::Resolved, _) => "good",
        (AlertStatus::Firing, Severity::Critical) => "attention",
        (AlertStatus::Firing, Severity::Warning) => "warning",
        (AlertStatus::Firing, Severity::Info) => "default",
    };
    let fact = |(name, value): (&str, String)| json!({ "title": name, "value": value });
    let facts: Vec<Value> = facts(notice).into_iter().map(fact).collect();
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [
                    { "type": "TextBlock", "text": title(notice), "weight": "bolder", "size": "medium", "wrap": true, "color": colour },
                    { "type": "TextBlock", "text": notice.alert.message, "wrap": true },
                    { "type": "FactSet", "facts": facts },
                ],
            },
        }],
    })
}

#[cfg(test)]
mod tests {
    use conductor_core::alert::Topic;

    use super::*;
    use crate::notify::tests::notice;

    #[test]
    fn slack_gets_blocks_in_which_nothing_is_a_mention() {
        let mut fired = notice(Topic::Drifted, "firing");
        fired.alert.message = "<!channel> & more".to_owned();
        let told = slack(&fired);
        assert_eq!(told["text"], "[warning] LoadTestDrifted of cyber-week: &lt;!channel&gt; &amp; more");
        assert_eq!(told["blocks"][1]["text"]["text"], "&lt;!channel&gt; &amp; more");
        assert_eq!(told["blocks"][2]["fields"][0]["text"], "*Run*\ncyber-week-1");
        fired.alert.message = "x".repeat(4000);
        assert_eq!(slack(&fired)["blocks"][1]["text"]["text"].as_str().unwrap().chars().count(), 3000);
    }

    #[test]
    fn teams_gets_an_adaptive_card_in_an_envelope() {
        let told = teams(&notice(Topic::Drifted, "firing"));
        let attachment = &told["attachments"][0];
        assert_eq!(told["type"], "message");
        assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
        assert_eq!(attachment["content"]["body"][0]["color"], "warning");
        assert_eq!(attachment["content"]["body"][1]["text"], "replicas of shop: 1, and not 3");
        let over = teams(&notice(Topic::Drifted, "resolved"));
        assert_eq!(over["attachments"][0]["content"]["body"][0]["color"], "good");
    }
}
