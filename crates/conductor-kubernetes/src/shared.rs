//! Answers that are shared by all who asked before the question was put: to each it is as new as one of its own would be.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use conductor_core::failure::Failure;
use conductor_core::ports::{FailureKind, PortError};
use tokio::sync::Mutex as Turn;
use tokio::task::yield_now;
use tokio::time::Instant;

/// The newest answer to each question.
pub(crate) struct Shared<T> {
    questions: Mutex<BTreeMap<String, Newest<T>>>,
}

/// The newest answer to a question, for one caller after the other.
type Newest<T> = Arc<Turn<Option<Answer<T>>>>;

struct Answer<T> {
    /// When the question was put.
    put: Instant,
    result: Result<Arc<T>, (FailureKind, String)>,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self { questions: Mutex::default() }
    }
}

impl<T> Shared<T> {
    /// An answer to a question that was put after this call: by `put`, or by somebody else who has called this. A thousand
    /// may wait for an answer, and only who puts the question needs the memory for that.
    pub(crate) async fn ask(
        &self,
        question: &str,
        put: impl AsyncFnOnce() -> Result<T, PortError>,
    ) -> Result<Arc<T>, PortError> {
        let asked = Instant::now();
        let turn = {
            let mut questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(questions.entry(question.to_owned()).or_default())
        };
        let mut newest = turn.lock().await;
        let answer = match newest.take().filter(|answer| answer.put > asked) {
            Some(answer) => answer,
            None => {
                // Who asks at the same moment shall share the answer.
                yield_now().await;
                let begun = Instant::now();
                let told = |error: PortError| (error.kind, Failure::of("", &error).message);
                Answer { put: begun, result: Box::pin(put()).await.map(Arc::new).map_err(told) }
            }
        };
        newest.insert(answer).result.clone().map_err(|(kind, text)| PortError::new(kind, text))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use futures::future::join_all;

    use super::*;

    /// Takes a second to answer with how often it was asked.
    async fn count(calls: &AtomicU32) -> Result<u32, PortError> {
        let call = calls.fetch_add(1, Ordering::Relaxed) + 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(call)
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_before_the_question_is_put_shares_the_answer_and_who_asks_later_does_not() {
        let (shared, calls) = (Shared::default(), AtomicU32::new(0));
        let at = async |milliseconds: u64, question: &'static str| {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            *shared.ask(question, async || count(&calls).await).await.unwrap()
        };
        let answers = join_all([at(0, "a"), at(10, "a"), at(20, "a"), at(30, "b"), at(1500, "a"), at(9000, "a")]).await;
        assert_eq!(answers, [1, 3, 3, 2, 4, 5]);
    }

    #[tokio::test]
    async fn who_asks_at_the_same_moment_shares_the_answer() {
        let (shared, calls) = (Shared::default(), AtomicU32::new(0));
        let put = async || Ok(calls.fetch_add(1, Ordering::Relaxed) + 1);
        let (one, other) = tokio::join!(shared.ask("a", put), shared.ask("a", put));
        assert_eq!((*one.unwrap(), *other.unwrap()), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_shared_and_not_kept() {
        let shared = Shared::default();
        let failing = async || {
            tokio::time::sleep(Duration::from_secs(20)).await;
            Err(PortError::because(FailureKind::Unavailable, "could not list", "no answer"))
        };
        let later = async |milliseconds: u64| tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        let calls = AtomicU32::new(0);
        let (first, second, third) = tokio::join!(
            shared.ask("a", async || count(&calls).await),
            async {
                later(10).await;
                shared.ask("a", failing).await
            },
            async {
                later(20).await;
                shared.ask("a", std::future::pending).await
            },
        );
        assert_eq!(*first.unwrap(), 1);
        for failed in [second, third] {
            let error = failed.unwrap_err();
            assert_eq!(
                (error.kind, error.to_string().as_str()),
                (FailureKind::Unavailable, "could not list: no answer")
            );
        }
        assert_eq!(*shared.ask("a", async || count(&calls).await).await.unwrap(), 2);
    }
}
