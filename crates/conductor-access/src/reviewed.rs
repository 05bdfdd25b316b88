//! Callers whom a cluster knows: it is asked whose a token is, and what they may do.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use conductor_core::caller::{Identity, Reviewed, Role};
use conductor_core::failure::Failure;
use conductor_core::ports::{CallerReview, PortError};
use conductor_core::units::Span;
use jiff::Timestamp;
use serde::Deserialize;

use crate::token::TokenKey;
use crate::unverified::Unverified;
use crate::{Denied, Secret};

mod memory;

use memory::{Answer, Memory};

/// How many tokens are remembered at the same time, and how many answers about what their callers may do.
const MOST: usize = 4096;
/// The longest that anything may be remembered: so long a right lasts that was taken away.
const LONGEST_MEMORY: Span = Span::minutes(5);
/// The longest wait for an answer: so long a call waits.
const LONGEST_WAIT: Span = Span::seconds(30);

/// Callers whom a cluster knows, by bearer tokens such as those of ServiceAccounts.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReviewSettings {
    /// For whom a token must be: one of these is enough.
    pub audiences: Vec<String>,
    /// The namespace in which the rights of callers count.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// The cluster that is asked. Default: the one that the server runs in.
    #[serde(default)]
    pub cluster: ReviewCluster,
    /// How long an answer is remembered, whatever it was; a token never longer than it says that it is good.
    #[serde(default = "default_remember_for")]
    pub remember_for: Span,
    /// How long an answer is waited for.
    #[serde(default = "default_answer_within")]
    pub answer_within: Span,
}

/// How the cluster is reached that knows the callers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReviewCluster {
    /// The kubeconfig. Absent: the ServiceAccount of the pod that the server runs in.
    pub kubeconfig: Option<PathBuf>,
    /// The context in the kubeconfig. Absent: its current one.
    pub context: Option<String>,
}

/// Why a cluster cannot be asked as the settings say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReviewProblem {
    /// A setting is wrong.
    #[error("{field}: {problem}; expected {expected}")]
    Setting {
        /// The setting.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
        /// What would be right.
        expected: String,
    },
    /// Nobody has been given who asks.
    #[error("this program cannot ask a cluster who calls")]
    NobodyAsks,
}

/// Asks, and remembers the answers.
#[derive(Clone)]
pub(crate) struct Reviews(Arc<Inner>);

struct Inner {
    review: Arc<dyn CallerReview>,
    audiences: Vec<String>,
    callers: Memory<TokenKey, Result<Arc<Identity>, String>>,
    rights: Memory<(TokenKey, Role, String), bool>,
}

/// Somebody whose rights are asked for.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) who: Arc<Identity>,
    reviews: Reviews,
    token: TokenKey,
}

impl Reviews {
    pub(crate) fn new(settings: &ReviewSettings, review: Arc<dyn CallerReview>) -> Result<Self, ReviewProblem> {
        settings.check()?;
        let (keep_for, within) = (settings.remember_for.as_duration(), settings.answer_within.as_duration());
        Ok(Self(Arc::new(Inner {
            review,
            audiences: settings.audiences.clone(),
            callers: Memory::new(MOST, keep_for, within),
            rights: Memory::new(MOST, keep_for, within),
        })))
    }

    /// Whose a token is. What is plainly no token for this server is not asked about: anybody can send such.
    pub(crate) async fn caller(&self, token: &Secret) -> Result<Known, Denied> {
        let Some(claims) = Unverified::of(token) else {
            return Err(Denied::unauthenticated("the bearer token is unknown"));
        };
        if claims.is_for_others(&self.0.audiences) {
            let wanted = &self.0.audiences;
            return Err(Denied::unauthenticated(format!("the bearer token says that it is for none of {wanted:?}")));
        }
        let (key, asked, inner) = (TokenKey::of(token), token.clone(), Arc::clone(&self.0));
        let answer = self.0.callers.ask(key, async move {
            let answer = inner.review.review(asked.reveal(), &inner.audiences).await;
            let hidden = |text: String| text.replace(asked.reveal(), "(the token)");
            let value = match answer.map_err(|error| hidden(said(&error)))? {
                Reviewed::Known(who) => Ok(Arc::new(who)),
                Reviewed::Unknown { because } => Err(hidden(because)),
            };
            Ok(Answer { value, good_for: claims.lasts(Timestamp::now()).unwrap_or(Duration::MAX) })
        });
        match answer.await {
            Ok(Ok(who)) => Ok(Known { who, reviews: self.clone(), token: key }),
            Ok(Err(because)) => Err(Denied::unauthenticated(format!("the cluster does not know the token: {because}"))),
            Err(problem) => {
                Err(Denied::unavailable(format!("the cluster cannot be asked whose a token is: {problem}")))
            }
        }
    }
}

impl Known {
    /// Whether the cluster lets the caller do what a role may.
    pub(crate) async fn may(&self, role: Role, environment: &str) -> Result<bool, Denied> {
        let (who, inner, asked) = (Arc::clone(&self.who), Arc::clone(&self.reviews.0), environment.to_owned());
        let key = (self.token, role, environment.to_owned());
        let answer = self.reviews.0.rights.ask(key, async move {
            let value = inner.review.may(&who, role, &asked).await.map_err(|error| said(&error))?;
            Ok(Answer { value, good_for: Duration::MAX })
        });
        answer.await.map_err(|problem| {
            let name = &self.who.name;
            Denied::undecided(format!("the cluster cannot be asked what {name:?} may do: {problem}"))
        })
    }
}

impl ReviewSettings {
    fn check(&self) -> Result<(), ReviewProblem> {
        let wrong = |field, problem: String, expected: String| Err(ReviewProblem::Setting { field, problem, expected });
        if self.audiences.is_empty() || self.audiences.iter().any(String::is_empty) {
            let expected = "at least one that tokens are made for, such as loadtest-conductor, and none that is empty";
            return wrong("audiences", format!("are {:?}", self.audiences), expected.to_owned());
        }
        if self.namespace.is_empty() {
            return wrong("namespace", "is empty".to_owned(), "the one with the Roles of callers".to_owned());
        }
        if self.cluster.context.is_some() && self.cluster.kubeconfig.is_none() {
            let problem = "is set without a kubeconfig".to_owned();
            return wrong("cluster.context", problem, "both, or neither for the cluster of this pod".to_owned());
        }
        if self.remember_for.as_duration() > LONGEST_MEMORY.as_duration() {
            let problem = format!("{} is too long to forget what was taken away", self.remember_for);
            return wrong("rememberFor", problem, format!("0s to {LONGEST_MEMORY}"));
        }
        let within = self.answer_within.as_duration();
        if within.is_zero() || within > LONGEST_WAIT.as_duration() {
            let problem = format!("{} is no time to wait for an answer", self.answer_within);
            return wrong("answerWithin", problem, format!("more than 0s, and {LONGEST_WAIT} at most"));
        }
        Ok(())
    }
}

/// All that an error says.
fn said(error: &PortError) -> String {
    Failure::of("", error).message
}

fn default_namespace() -> String {
    "loadtest-conductor".to_owned()
}

fn default_remember_for() -> Span {
    Span::seconds(10)
}

fn default_answer_within() -> Span {
    Span::seconds(5)
}

#[cfg(test)]
#[path = "reviewed_tests.rs"]
mod tests;
