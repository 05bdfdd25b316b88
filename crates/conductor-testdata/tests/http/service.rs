//! A little service that owns orders, on a port of loopback: it pages, throttles, fails, forgets late, ignores filters, goes
//! away and comes back. It ends with its owner.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response};

use crate::answers::{self, Answer};

/// How a list is cut into pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paging {
    /// Not at all.
    Whole,
    /// By a token that stands for the last item's place.
    Token,
    /// By a link to the next page's number.
    Link,
    /// By the page's number.
    Page,
    /// By the number of items before.
    Offset,
}

/// How runs are told apart by the parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compares {
    Exactly,
    /// By the beginning.
    Beginnings,
    /// By any part.
    Parts,
    /// Whatever the case of the letters.
    Letters,
}

/// A status, a header and a body.
pub(crate) type Instead = (u16, Option<(&'static str, String)>, String);

/// What the service is like.
#[derive(Clone, Debug)]
pub(crate) struct Habits {
    pub(crate) paging: Paging,
    pub(crate) page_size: usize,
    /// It does not know the parameter by which runs are told apart.
    pub(crate) ignores_filter: bool,
    pub(crate) compares: Compares,
    /// Behind its last page, by number or offset, it shows that one again.
    pub(crate) clamps: bool,
    /// It tells another token with each page, and shows the first one for all of them.
    pub(crate) endless: bool,
    /// Requests that are told to come later, by their number, with the header's value.
    pub(crate) throttles: BTreeMap<usize, u64>,
    /// Requests that fail before they are done, by their number.
    pub(crate) fails: BTreeSet<usize>,
    /// Requests that are done, but whose answer is lost, by their number.
    pub(crate) loses: BTreeSet<usize>,
    /// Ids that it does not delete.
    pub(crate) refuses: BTreeSet<String>,
    /// Ids at which it breaks down, each time.
    pub(crate) breaks: BTreeSet<String>,
    /// How many lists show an item that is deleted.
    pub(crate) shows_deleted: usize,
    /// Most items that one request for a run deletes.
    pub(crate) bulk: usize,
    /// Requests for a run are done later.
    pub(crate) later: bool,
    /// How long it works at each request.
    pub(crate) takes: Duration,
    /// The service goes away with this request.
    pub(crate) away_at: Option<usize>,
    /// What is answered instead, by path: status, a header, body.
    pub(crate) instead: BTreeMap<String, Instead>,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            paging: Paging::Whole,
            page_size: 10,
            ignores_filter: false,
            compares: Compares::Exactly,
            clamps: false,
            endless: false,
            throttles: BTreeMap::new(),
            fails: BTreeSet::new(),
            loses: BTreeSet::new(),
            refuses: BTreeSet::new(),
            breaks: BTreeSet::new(),
            shows_deleted: 0,
            bulk: usize::MAX,
            later: false,
            takes: Duration::ZERO,
            away_at: None,
            instead: BTreeMap::new(),
        }
    }
}

/// One order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) run: Option<String>,
    /// How many more lists show it although it is deleted; `None` while it is not.
    pub(crate) deleted: Option<usize>,
}

/// A request, as the service saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// What the service holds, and what it has seen.
#[derive(Debug, Default)]
pub(crate) struct Shop {
    pub(crate) habits: Habits,
    pub(crate) orders: BTreeMap<u64, Order>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) at_once: usize,
    pub(crate) most_at_once: usize,
    /// The run whose orders go at a time.
    pub(crate) delete_later: Option<(Instant, String)>,
}

impl Shop {
    pub(crate) fn add(&mut self, id: impl Into<String>, run: Option<&str>) {
        let next = self.orders.last_key_value().map_or(0, |(last, _)| last + 1);
        self.orders.insert(next, Order { id: id.into(), run: run.map(str::to_owned), deleted: None });
    }

    /// Ids of the orders that there are.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.orders.values().filter(|order| order.deleted.is_none()).map(|order| order.id.clone()).collect()
    }
}

type Shared = Arc<Mutex<Shop>>;

/// The running service.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    shop: Shared,
    running: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Service {
    pub(crate) fn start(habits: Habits) -> Self {
        let shop = Arc::new(Mutex::new(Shop { habits, ..Shop::default() }));
        let mut service = Self { address: ([127, 0, 0, 1], 0).into(), shop, running: None };
        service.come_back();
        service
    }

    /// A service with orders of two runs and of nobody, in turn; so many of each.
    pub(crate) fn with(each: usize, habits: Habits) -> Self {
        let service = Self::start(habits);
        let mut shop = service.shop();
        for number in 0..each {
            shop.add(format!("a-{number}"), Some("run-1"));
            shop.add(format!("b-{number}"), Some("run-2"));
            shop.add(format!("c-{number}"), None);
        }
        drop(shop);
        service
    }

    /// Listens, at the same port as before if it did.
    pub(crate) fn come_back(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = std::net::TcpListener::bind(self.address).unwrap();
        listener.set_nonblocking(true).unwrap();
        self.address = listener.local_addr().unwrap();
        let (sender, receiver) = channel();
        let router = Router::new().fallback(handle).with_state((self.shop.clone(), sender.clone()));
        runtime.spawn(async move { axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await });
        // Whoever ends the runtime closes its sockets, those of requests under way, too.
        let thread = std::thread::spawn(move || {
            let _ = receiver.recv();
            runtime.shutdown_timeout(Duration::from_secs(5));
        });
        self.running = Some((sender, thread));
    }

    /// Waits until it has gone away.
    pub(crate) fn gone(&mut self) {
        if let Some((_, thread)) = self.running.take() {
            thread.join().unwrap();
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn shop(&self) -> MutexGuard<'_, Shop> {
        self.shop.lock().unwrap()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shop().seen.clone()
    }

    /// Ids of the orders that there are.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.shop().ids()
    }

    /// How many requests of a method were made.
    pub(crate) fn count(&self, method: &str) -> usize {
        self.shop().seen.iter().filter(|seen| seen.method == method).count()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.running.take() {
            // It may have gone away already.
            let _ = sender.send(());
            let _ = thread.join();
        }
    }
}

async fn handle(State((shop, away)): State<(Shared, Sender<()>)>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let (number, takes) = {
        let mut shop = shop.lock().unwrap();
        shop.at_once += 1;
        shop.most_at_once = shop.most_at_once.max(shop.at_once);
        shop.seen.push(Seen {
            at: Instant::now(),
            method: parts.method.to_string(),
            target: target.clone(),
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        });
        (shop.seen.len(), shop.habits.takes)
    };
    tokio::time::sleep(takes).await;
    let (answer, is_away) = {
        let mut shop = shop.lock().unwrap();
        shop.at_once -= 1;
        let is_away = shop.habits.away_at.take_if(|at| *at <= number).is_some();
        let answer = if is_away { None } else { faulty(&mut shop, number, parts.method.as_str(), &target, &body) };
        (answer, is_away)
    };
    if is_away {
        away.send(()).unwrap();
        std::future::pending::<()>().await;
    }
    match answer {
        Some(answer) => answer.into_response(),
        None => {
            let broken = futures::stream::iter([Err::<Vec<u8>, _>(std::io::Error::other("the answer is lost"))]);
            Response::new(Body::from_stream(broken))
        }
    }
}

/// The answer; `None` where it is lost.
fn faulty(shop: &mut Shop, number: usize, method: &str, target: &str, body: &[u8]) -> Option<Answer> {
    if let Some(seconds) = shop.habits.throttles.get(&number) {
        return Some(Answer::status(429).with("retry-after", seconds.to_string()));
    }
    if shop.habits.fails.contains(&number) {
        return Some(Answer::status(503).saying("overloaded"));
    }
    let path = target.split('?').next().unwrap_or(target);
    if let Some((status, header, text)) = shop.habits.instead.get(path) {
        let answer = Answer::status(*status).saying(text);
        return Some(match header {
            Some((name, value)) => answer.with(name, value.clone()),
            None => answer,
        });
    }
    let answer = answers::answer(shop, method, target, body);
    (!shop.habits.loses.contains(&number)).then_some(answer)
}
