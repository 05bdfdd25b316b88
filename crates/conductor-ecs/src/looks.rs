//! Looks at services and at what scales them, put together: hundreds may ask at the same moment, and each question goes out
//! with others of the same kind. An answer is always of a call that was sent after the question.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use conductor_core::failure::Failure;
use conductor_core::ports::{FailureKind, PortError};
use futures::future::BoxFuture;
use tokio::sync::{Mutex as Turn, oneshot};
use tokio::task::yield_now;

/// Puts questions of one kind together.
pub(crate) struct Looks<T> {
    most: usize,
    /// By what a batch has in common, such as a cluster.
    groups: Mutex<BTreeMap<String, Arc<Group<T>>>>,
    ask: Ask<T>,
}

/// Puts the questions of a group, by their names; what is missing in the answer is not there.
type Ask<T> =
    Box<dyn Fn(String, Vec<String>) -> BoxFuture<'static, Result<BTreeMap<String, T>, PortError>> + Send + Sync>;
type Answer<T> = Result<Option<Arc<T>>, (FailureKind, String)>;

struct Group<T> {
    waiting: Mutex<Vec<(String, oneshot::Sender<Answer<T>>)>>,
    turn: Turn<()>,
}

impl<T> Default for Group<T> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), turn: Turn::default() }
    }
}

impl<T: Send + Sync + 'static> Looks<T> {
    /// Looks of at most so many names at once.
    pub(crate) fn new(most: usize, ask: Ask<T>) -> Self {
        Self { most, groups: Mutex::default(), ask }
    }

    /// Looks at one; `None` where it is not there.
    pub(crate) async fn at(&self, group: &str, name: &str) -> Result<Option<Arc<T>>, PortError> {
        let own = {
            let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(groups.entry(group.to_owned()).or_default())
        };
        let told = |answer: Answer<T>| answer.map_err(|(kind, text)| PortError::new(kind, text));
        loop {
            let (sender, mut answer) = oneshot::channel();
            own.waiting.lock().unwrap_or_else(PoisonError::into_inner).push((name.to_owned(), sender));
            loop {
                tokio::select! {
                    biased;
                    answered = &mut answer => match answered {
                        Ok(answer) => return told(answer),
                        // Whoever had put the question has given up.
                        Err(_) => break,
                    },
                    _turn = own.turn.lock() => self.put(group, &own).await,
                }
            }
        }
    }

    /// Puts the questions of a group that wait, as many as go together.
    async fn put(&self, group: &str, own: &Group<T>) {
        // Who asks at the same moment shall go with this one.
        yield_now().await;
        let batch: Vec<_> = {
            let mut waiting = own.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.retain(|(_, sender)| !sender.is_closed());
            let mut names: Vec<&String> = waiting.iter().map(|(name, _)| name).collect();
            names.sort();
            names.dedup();
            names.truncate(self.most);
            let names: Vec<String> = names.into_iter().cloned().collect();
            let (batch, rest) = waiting.drain(..).partition(|(name, _)| names.contains(name));
            *waiting = rest;
            batch
        };
        if batch.is_empty() {
            return;
        }
        let mut names: Vec<String> = batch.iter().map(|(name, _)| name.clone()).collect();
        names.sort();
        names.dedup();
        let together = self.asked(group, names.clone()).await;
        let mut answers: BTreeMap<String, Answer<T>> = BTreeMap::new();
        match together {
            // One that is refused is no reason not to see the others.
            Err((kind, _)) if names.len() > 1 && !kind.is_transient() => {
                for name in names {
                    let alone = self.asked(group, vec![name.clone()]).await;
                    let answer = alone.map(|mut found| found.remove(&name));
                    answers.insert(name, answer);
                }
            }
            Ok(mut found) => answers.extend(names.into_iter().map(|name| {
                let one = found.remove(&name);
                (name, Ok(one))
            })),
            Err(error) => answers.extend(names.into_iter().map(|name| (name, Err(error.clone())))),
        }
        for (name, sender) in batch {
            // Whoever does not wait any more needs no answer.
            let _ = answers.get(&name).cloned().map(|answer| sender.send(answer));
        }
    }

    async fn asked(&self, group: &str, names: Vec<String>) -> Result<BTreeMap<String, Arc<T>>, (FailureKind, String)> {
        let answered = (self.ask)(group.to_owned(), names).await;
        answered
            .map(|found| found.into_iter().map(|(name, one)| (name, Arc::new(one))).collect())
            .map_err(|error| (error.kind, Failure::of("", &error).message))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::future::{FutureExt, join_all};

    use super::*;

    type Calls = Arc<Mutex<Vec<String>>>;

    /// Takes a second to answer each question but that for `gone` with its length.
    fn looks(most: usize) -> (Looks<usize>, Calls) {
        let calls = Calls::default();
        let noted = Arc::clone(&calls);
        let ask = move |group: String, names: Vec<String>| {
            noted.lock().unwrap().push(format!("{group}: {}", names.join(" ")));
            async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if group == "broken" || names.iter().any(|name| name == "bad") {
                    return Err(PortError::because(FailureKind::Rejected, "could not look", "denied"));
                }
                Ok(names.into_iter().filter(|name| name != "gone").map(|name| (name.clone(), name.len())).collect())
            }
            .boxed()
        };
        (Looks::new(most, Box::new(ask)), calls)
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_at_the_same_moment_is_asked_for_together() {
        let (looks, calls) = looks(3);
        let names = ["a", "bb", "gone", "a", "dddd"];
        let answers = join_all(names.map(|name| looks.at("one", name))).await;
        let answers: Vec<Option<usize>> = answers.into_iter().map(|answer| answer.unwrap().map(|one| *one)).collect();
        assert_eq!(answers, [Some(1), Some(2), None, Some(1), Some(4)]);
        assert_eq!(*calls.lock().unwrap(), ["one: a bb dddd", "one: gone"]);
    }

    #[tokio::test(start_paused = true)]
    async fn no_answer_is_older_than_its_question() {
        let (looks, calls) = looks(3);
        let later = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            looks.at("one", "a").await
        };
        let (one, other) = tokio::join!(looks.at("one", "a"), later);
        assert_eq!((one.unwrap().as_deref(), other.unwrap().as_deref()), (Some(&1), Some(&1)));
        assert_eq!(*calls.lock().unwrap(), ["one: a", "one: a"]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_leaves_the_question_to_the_others() {
        let (looks, calls) = looks(3);
        let impatient = tokio::time::timeout(Duration::from_millis(500), looks.at("one", "a"));
        let (given_up, answered) = tokio::join!(impatient, looks.at("one", "bb"));
        assert!(given_up.is_err());
        assert_eq!(answered.unwrap().as_deref(), Some(&2));
        assert_eq!(*calls.lock().unwrap(), ["one: a bb", "one: bb"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_told_to_everybody_who_has_asked() {
        let (looks, _) = looks(3);
        let (one, other) = tokio::join!(looks.at("broken", "a"), looks.at("broken", "b"));
        for error in [one.unwrap_err(), other.unwrap_err()] {
            assert_eq!((error.kind, error.to_string().as_str()), (FailureKind::Rejected, "could not look: denied"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_refused_hides_none_of_those_that_are_asked_for_with_it() {
        let (looks, calls) = looks(3);
        let (bad, one, gone) = tokio::join!(looks.at("one", "bad"), looks.at("one", "a"), looks.at("one", "gone"));
        assert_eq!(bad.unwrap_err().to_string(), "could not look: denied");
        assert_eq!((one.unwrap().as_deref(), gone.unwrap()), (Some(&1), None));
        assert_eq!(*calls.lock().unwrap(), ["one: a bad gone", "one: a", "one: bad", "one: gone"]);
    }
}
