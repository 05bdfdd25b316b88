//! What becomes of a run whose environment has an active run already.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::validate::Findings;

/// What becomes of a new run while another one is active in its environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum IfBusy {
    /// It is not started.
    #[default]
    Refuse,
    /// It waits for its turn, behind those that wait already.
    Queue,
    /// The active run is asked to end, which puts everything back, and this one is the next, before all that wait.
    Replace,
}

impl IfBusy {
    /// Whether a run waits where its environment is in use.
    pub const fn waits(self) -> bool {
        match self {
            Self::Refuse => false,
            Self::Queue | Self::Replace => true,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Queue => "queue",
            Self::Replace => "replace",
        }
    }
}

impl fmt::Display for IfBusy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// What a document says.
pub(super) fn if_busy(found: &mut Findings, written: Option<&str>) -> IfBusy {
    let Some(word) = written else { return IfBusy::default() };
    let known = [IfBusy::Refuse, IfBusy::Queue, IfBusy::Replace].into_iter().find(|known| known.word() == word);
    known.unwrap_or_else(|| {
        let expected = "refuse (when absent), queue or replace";
        found.add("spec.ifBusy", format!("\"{word}\" is not what becomes of a run"), expected);
        IfBusy::default()
    })
}

/// What a document says of it. One that is refused says nothing, as those did that were written before there was a choice.
pub(super) fn written(if_busy: IfBusy) -> Option<String> {
    if_busy.waits().then(|| if_busy.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::load_test;
    use crate::spec::{LoadTestDocument, LoadTestSpec};

    #[test]
    fn each_choice_goes_through_the_document_and_back() {
        let choices = [("refuse", IfBusy::Refuse), ("queue", IfBusy::Queue), ("replace", IfBusy::Replace)];
        for (word, expected) in choices {
            let spec = load_test("600/min", json!({ "ifBusy": word }));
            assert_eq!(spec.if_busy, expected);
            let document = LoadTestDocument::from(spec.clone());
            assert_eq!(document.spec.if_busy.as_deref(), Some(word).filter(|word| *word != "refuse"));
            assert_eq!(LoadTestSpec::try_from(document), Ok(spec));
        }
        assert_eq!(load_test("600/min", json!({})).if_busy, IfBusy::Refuse);
    }

    #[test]
    fn another_word_is_refused_by_its_field() {
        let mut document = LoadTestDocument::from(load_test("600/min", json!({})));
        document.spec.if_busy = Some("later".to_owned());
        assert_eq!(
            LoadTestSpec::try_from(document).unwrap_err().to_string(),
            "spec.ifBusy: \"later\" is not what becomes of a run; expected refuse (when absent), queue or replace"
        );
    }
}
