//! The watches for drift: what each is of, and whether it sees anything.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use conductor_core::failure::{FailureKind, PortError};
use conductor_core::units::Span;
use futures::stream::{BoxStream, SelectAll, StreamExt};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use tokio::time::Instant;

use super::news::News;
use crate::error::failed;
use crate::named::objects;
use crate::object::Object;
use crate::place::{Kind, Place};

/// A watch that has not seen anything for so long is told.
const BLIND_FOR: Duration = Duration::from_secs(30);
/// A watch that cannot begin tries it again sooner: two failures further apart are not of the same trouble.
const TRIED_WITHIN: Duration = Duration::from_secs(90);

/// One watch.
pub(super) struct Post {
    /// `None` where it is of all namespaces: nothing waits for what it sees.
    namespace: Option<String>,
    /// The kind of the applications whose workloads it sees; `None` where it sees what scales or sizes those of all kinds.
    of: Option<Kind>,
    /// What it watches, as requests name it.
    what: String,
    /// True when everything is known that was there when it began.
    pub(super) is_listed: bool,
    /// True when that was so once.
    was_listed: bool,
    /// Since when it sees nothing.
    blind_since: Option<Instant>,
    failed: Option<(Instant, PortError)>,
}

impl Post {
    fn new(what: String, namespace: Option<&str>, of: Option<&Kind>) -> Self {
        let (namespace, of) = (namespace.map(str::to_owned), of.cloned());
        let blind_since = Some(Instant::now());
        Self { namespace, of, what, is_listed: false, was_listed: false, blind_since, failed: None }
    }

    /// Whether what is at a place is judged by what it sees.
    pub(super) fn is_for(&self, place: &Place) -> bool {
        self.namespace.as_ref() == Some(&place.namespace) && self.of.as_ref().is_none_or(|kind| *kind == place.kind)
    }

    pub(super) fn begins(&mut self) {
        self.is_listed = false;
        self.blind_since.get_or_insert_with(Instant::now);
    }

    /// True where it is so for the first time.
    pub(super) fn complete(&mut self) -> bool {
        self.is_listed = true;
        (self.blind_since, self.failed) = (None, None);
        !std::mem::replace(&mut self.was_listed, true)
    }

    /// What tells it from others.
    pub(super) fn key(&self) -> Key {
        [self.namespace.clone().unwrap_or_default(), self.what.clone()]
    }

    pub(super) fn sees(&mut self) {
        if self.is_listed {
            (self.blind_since, self.failed) = (None, None);
        }
    }

    pub(super) fn fails(&mut self, error: PortError) {
        let now = Instant::now();
        let goes_on = self.failed.as_ref().is_some_and(|(last, _)| now - *last <= TRIED_WITHIN);
        if self.is_listed && !goes_on {
            self.blind_since = Some(now);
        }
        self.failed = Some((now, error));
    }

    /// Since when it sees nothing, though it was its turn: the watches of a fleet begin one after the other.
    fn blind_since(&self, turn: Instant) -> Option<Instant> {
        self.blind_since.map(|since| since.max(turn))
    }

    /// Whether it has seen nothing for too long. That a watch goes on after a failure is not told: of one that has listed
    /// everything it takes another failure.
    fn is_blind(&self, turn: Instant, now: Instant) -> bool {
        let until = if self.is_listed { self.failed.as_ref().map(|(last, _)| *last) } else { Some(now) };
        let since = self.blind_since(turn);
        since.zip(until).is_some_and(|(since, until)| until.saturating_duration_since(since) >= BLIND_FOR)
    }
}

/// Namespace, empty for all of them, and resource.
pub(crate) type Key = [String; 2];

/// The watches that were told to see nothing, and have not listed anything since. They are told once.
#[derive(Default)]
pub(crate) struct Blind(Mutex<BTreeSet<Key>>);

impl Blind {
    /// When it is to be looked again whether watches see anything.
    pub(super) fn due(&self, posts: &[Post], turn: Instant) -> Option<Instant> {
        let told = self.told();
        let unlisted = posts.iter().filter(|post| !post.is_listed && !told.contains(&post.key()));
        unlisted.filter_map(|post| post.blind_since(turn)).min().map(|since| since + BLIND_FOR)
    }

    pub(super) fn sees(&self, post: &Post) {
        self.told().remove(&post.key());
    }

    /// Why it is not seen what others change, where that is so and was not told.
    pub(super) fn tell(&self, posts: &mut [Post], turn: Instant, now: Instant) -> Option<PortError> {
        let mut told = self.told();
        let mut blind = posts.iter_mut().filter(|post| post.is_blind(turn, now) && !told.contains(&post.key()));
        let first = blind.next()?;
        let others: Vec<Key> = blind.map(|post| post.key()).collect();
        let Post { what, namespace, .. } = &first;
        let more = match others.len() {
            0 => String::new(),
            1 => ", nor by one more watch".to_owned(),
            more => format!(", nor by {more} more watches"),
        };
        let place = namespace.as_ref().map(|namespace| format!(" of namespace {namespace}")).unwrap_or_default();
        let act = format!("it is not seen what others change of {what}{place}{more}");
        let error = match first.failed.take() {
            Some((_, error)) => PortError::because(error.kind, act, error),
            None => {
                let why = format!("they were not listed within {}", Span::from(BLIND_FOR));
                PortError::because(FailureKind::TimedOut, act, why)
            }
        };
        told.extend(others.into_iter().chain([first.key()]));
        Some(error)
    }

    fn told(&self) -> MutexGuard<'_, BTreeSet<Key>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Stream = BoxStream<'static, (usize, News)>;

/// Watches that are about to begin.
pub(super) struct Watches<'c> {
    client: &'c Client,
    posts: Vec<Post>,
    streams: Vec<Stream>,
}

impl<'c> Watches<'c> {
    pub(super) const fn new(client: &'c Client) -> Self {
        Self { client, posts: Vec::new(), streams: Vec::new() }
    }

    /// Adds the watch of one kind in one namespace, for applications of a kind. It comes back after every trouble.
    pub(super) fn add<K: Object>(
        &mut self,
        namespace: &str,
        kind: K::DynamicType,
        of: Option<&Kind>,
        tell: fn(&K::DynamicType, usize, &K, bool) -> Option<News>,
    ) {
        self.posts.push(Post::new(K::plural(&kind).into_owned(), Some(namespace), of));
        self.follow(objects(self.client, namespace, &kind), kind, tell);
    }

    /// Adds the watch of one kind in all namespaces.
    pub(super) fn add_everywhere<K: Object<DynamicType = ()>>(
        &mut self,
        tell: fn(&(), usize, &K, bool) -> Option<News>,
    ) {
        self.posts.push(Post::new(K::plural(&()).into_owned(), None, None));
        self.follow(Api::all(self.client.clone()), (), tell);
    }

    fn follow<K: Object>(
        &mut self,
        api: Api<K>,
        kind: K::DynamicType,
        tell: fn(&K::DynamicType, usize, &K, bool) -> Option<News>,
    ) {
        let watch = self.streams.len();
        let events = watcher(api, watcher::Config::default()).default_backoff();
        let news = events.filter_map(move |event| {
            let tell = |found: K, is_there| tell(&kind, watch, &found.of_kind(&kind), is_there);
            let news = match event {
                Ok(watcher::Event::Init) => Some(News::Begins),
                Ok(watcher::Event::InitApply(found) | watcher::Event::Apply(found)) => tell(found, true),
                Ok(watcher::Event::Delete(found)) => tell(found, false),
                Ok(watcher::Event::InitDone) => Some(News::Complete),
                Err(error) => trouble(error),
            };
            std::future::ready(news.map(|news| (watch, news)))
        });
        self.streams.push(news.boxed());
    }

    pub(super) fn begin(self) -> (Vec<Post>, SelectAll<Stream>) {
        (self.posts, futures::stream::select_all(self.streams))
    }
}

/// What an error of a watch means.
fn trouble(error: watcher::Error) -> Option<News> {
    tracing::debug!(%error, "a watch for drift was interrupted and begins anew");
    let is_gone = |error: &kube::Error| matches!(error, kube::Error::Api(status) if status.code == 404);
    match error {
        // The kind has gone, and its objects with it.
        watcher::Error::InitialListFailed(error) if is_gone(&error) => Some(News::Complete),
        watcher::Error::WatchStartFailed(error) if is_gone(&error) => None,
        watcher::Error::InitialListFailed(error) => Some(News::Fails(failed("could not list them", error))),
        watcher::Error::WatchStartFailed(error) => Some(News::Fails(failed("could not watch them", error))),
        watcher::Error::WatchFailed(error @ kube::Error::SerdeError(_)) => {
            Some(News::Missed(failed("could not read one of them", error)))
        }
        watcher::Error::WatchError(status) => {
            Some(News::Fails(failed("the watch of them was ended", kube::Error::Api(status))))
        }
        watcher::Error::NoResourceVersion => {
            let why = "what the API server answers has no resourceVersion; expected one";
            Some(News::Fails(PortError::new(FailureKind::Rejected, why)))
        }
        // It was interrupted, and goes on where it was.
        watcher::Error::WatchFailed(_) => None,
    }
}

#[cfg(test)]
#[path = "watches_tests.rs"]
mod tests;
