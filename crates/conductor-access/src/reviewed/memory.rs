//! Answers that are kept for a short time, and questions that are asked once however many want to know.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};

/// How many questions are asked at the same time. Others wait, and their time runs.
const AT_ONCE: usize = 16;

/// An answer, and for how long it may be kept at most.
pub(super) struct Answer<V> {
    pub(super) value: V,
    pub(super) good_for: Duration,
}

/// Answers by their questions. What could not be found out is not kept.
pub(super) struct Memory<K, V> {
    held: Arc<Mutex<HashMap<K, Held<V>>>>,
    slots: Arc<Semaphore>,
    most: usize,
    keep_for: Duration,
    within: Duration,
}

type Told<V> = Option<Result<V, String>>;

struct Held<V> {
    told: watch::Receiver<Told<V>>,
    /// Until when it is kept; `None` while it is asked.
    until: Option<Instant>,
}

impl<K, V> Memory<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// One that keeps so many answers at most, each for so long at most, and waits so long for one.
    pub(super) fn new(most: usize, keep_for: Duration, within: Duration) -> Self {
        Self { held: Arc::default(), slots: Arc::new(Semaphore::new(AT_ONCE)), most, keep_for, within }
    }

    /// The answer that is kept, or the one that `question` brings. A question is asked to its end, though whoever wanted to know
    /// goes away: others may wait for the same.
    pub(super) async fn ask<Q>(&self, key: K, question: Q) -> Result<V, String>
    where
        Q: Future<Output = Result<Answer<V>, String>> + Send + 'static,
    {
        let mut told = self.told(key, question)?;
        let told = told.wait_for(Option::is_some).await;
        told.ok().and_then(|told| told.clone()).unwrap_or_else(|| Err("asking has broken down".to_owned()))
    }

    fn told<Q>(&self, key: K, question: Q) -> Result<watch::Receiver<Told<V>>, String>
    where
        Q: Future<Output = Result<Answer<V>, String>> + Send + 'static,
    {
        let (now, mut held) = (Instant::now(), lock(&self.held));
        if let Some(known) = held.get(&key).filter(|known| known.is_fresh(now)) {
            return Ok(known.told.clone());
        }
        held.remove(&key);
        if !make_room(&mut held, self.most, now) {
            return Err(format!("{} other questions wait for an answer", self.most));
        }
        let (tell, told) = watch::channel(None);
        held.insert(key.clone(), Held { told: told.clone(), until: None });
        let asking = Asking { held: Arc::clone(&self.held), key };
        let (slots, keep_for, within) = (Arc::clone(&self.slots), self.keep_for, self.within);
        tokio::spawn(async move {
            let in_turn = async {
                let _slot = slots.acquire().await.map_err(|_| "nothing is asked any more".to_owned())?;
                question.await
            };
            let late = |_| Err(format!("there was no answer within {within:?}"));
            let answer = timeout(within, in_turn).await.unwrap_or_else(late);
            if let Ok(Answer { good_for, .. }) = &answer {
                asking.keep(Instant::now() + keep_for.min(*good_for));
            }
            // Whoever asks next finds it, or asks anew, before anybody is told.
            drop(asking);
            tell.send_replace(Some(answer.map(|answer| answer.value)));
        });
        Ok(told)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        lock(&self.held).len()
    }
}

impl<V> Held<V> {
    fn is_fresh(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// A question that is being asked. However that ends, it is not left in the way of the next one.
struct Asking<K: Eq + Hash, V> {
    held: Arc<Mutex<HashMap<K, Held<V>>>>,
    key: K,
}

impl<K: Eq + Hash, V> Asking<K, V> {
    fn keep(&self, until: Instant) {
        if let Some(own) = lock(&self.held).get_mut(&self.key) {
            own.until = Some(until);
        }
    }
}

impl<K: Eq + Hash, V> Drop for Asking<K, V> {
    fn drop(&mut self) {
        let mut held = lock(&self.held);
        if held.get(&self.key).is_some_and(|own| own.until.is_none()) {
            held.remove(&self.key);
        }
    }
}

/// Makes room for one more: by what has ended, or by what ends next. What is being asked stays.
fn make_room<K: Clone + Eq + Hash, V>(held: &mut HashMap<K, Held<V>>, most: usize, now: Instant) -> bool {
    if held.len() >= most {
        held.retain(|_, known| known.is_fresh(now));
    }
    if held.len() < most {
        return true;
    }
    let ends = held.iter().filter_map(|(key, known)| Some((known.until?, key)));
    let next = ends.min_by_key(|(until, _)| *until).map(|(_, key)| key.clone());
    next.is_some_and(|key| held.remove(&key).is_some())
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
