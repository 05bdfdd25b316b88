//! What the service does and answers when nothing is wrong: its orders, listed, counted and deleted.

use std::time::Instant;

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};

use crate::service::{Compares, Order, Paging, Shop};

/// An answer before it is sent.
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Answer {
    pub(crate) fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn saying(self, body: &str) -> Self {
        Self { body: body.to_owned(), ..self }
    }

    fn json(body: &Value) -> Self {
        Self::status(200).with("content-type", "application/json".to_owned()).saying(&body.to_string())
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let response = Response::builder().status(self.status);
        let response = self.headers.into_iter().fold(response, |response, (name, value)| response.header(name, value));
        response.body(Body::from(self.body)).unwrap()
    }
}

pub(crate) fn answer(shop: &mut Shop, method: &str, target: &str, body: &[u8]) -> Answer {
    let url = reqwest::Url::parse(&format!("http://shop{target}")).unwrap();
    let parameter =
        |name: &str| url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned());
    let segments: Vec<String> = url.path().split('/').skip(1).map(decoded).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    arrive(shop);
    match (method, &segments[..]) {
        ("GET", ["orders"]) => list(shop, parameter("runId"), &parameter),
        ("POST", ["orders", "search"]) => {
            let asked: Value = serde_json::from_slice(body).unwrap();
            list(shop, asked["runId"].as_str().map(str::to_owned), &parameter)
        }
        ("GET", ["orders", "count"]) => {
            let run = parameter("runId");
            let of_run =
                shop.orders.values().filter(|order| order.deleted.is_none() && is_of(shop, order, run.as_deref()));
            let count = of_run.count();
            Answer::json(&json!({ "page": { "total": count } }))
        }
        ("DELETE", ["runs", run, "orders"]) => delete_run(shop, run),
        // What a mistaken address would do.
        ("DELETE", ["orders"] | ["orders", ""] | [""]) => {
            shop.orders.clear();
            Answer::status(204)
        }
        ("DELETE", ["orders", id]) => delete(shop, id),
        _ => Answer::status(404).saying(&json!({ "error": format!("no route {method} {target}") }).to_string()),
    }
}

/// What was put off, and whose time has come.
fn arrive(shop: &mut Shop) {
    let now = Instant::now();
    if let Some((_, run)) = shop.delete_later.take_if(|(at, _)| *at <= now) {
        for order in shop.orders.values_mut().filter(|order| order.run.as_deref() == Some(&*run)) {
            order.deleted = Some(0);
        }
    }
}

fn is_of(shop: &Shop, order: &Order, run: Option<&str>) -> bool {
    let (Some(run), false) = (run, shop.habits.ignores_filter) else { return true };
    order.run.as_deref().is_some_and(|of| match shop.habits.compares {
        Compares::Exactly => of == run,
        Compares::Beginnings => of.starts_with(run),
        Compares::Parts => of.contains(run),
        Compares::Letters => of.eq_ignore_ascii_case(run),
    })
}

fn list(shop: &mut Shop, run: Option<String>, parameter: &dyn Fn(&str) -> Option<String>) -> Answer {
    let number = |name: &str| parameter(name).map(|text| text.parse::<usize>().unwrap());
    let shown: Vec<(u64, Order)> = shop
        .orders
        .iter()
        .filter(|(_, order)| order.deleted != Some(0) && is_of(shop, order, run.as_deref()))
        .map(|(place, order)| (*place, order.clone()))
        .collect();
    let (size, habits) = (shop.habits.page_size, &shop.habits);
    // Where the last page begins that it has.
    let last = if habits.clamps { shown.len().saturating_sub(1) / size * size } else { usize::MAX };
    let begin = match habits.paging {
        Paging::Whole => 0,
        Paging::Token if habits.endless => 0,
        Paging::Token => {
            let after = number("pageToken");
            shown.iter().position(|(place, _)| after.is_none_or(|after| *place > after as u64)).unwrap_or(shown.len())
        }
        Paging::Link => number("page").unwrap_or(0) * size,
        Paging::Page => ((number("page").unwrap_or(1) - 1) * size).min(last),
        Paging::Offset => number("offset").unwrap_or(0).min(last),
    };
    let end = if shop.habits.paging == Paging::Whole { shown.len() } else { shown.len().min(begin + size) };
    let page = shown.get(begin..end).unwrap_or_default();
    for (place, _) in page {
        let order = shop.orders.get_mut(place).unwrap();
        order.deleted = order.deleted.map(|lists| lists.saturating_sub(1));
    }
    let orders: Vec<Value> = page
        .iter()
        .map(|(place, order)| json!({ "id": order.id, "meta": { "runId": order.run }, "number": place }))
        .collect();
    let mut body = json!({ "orders": orders });
    if shop.habits.endless {
        body["nextPageToken"] = shop.seen.len().to_string().into();
        return Answer::json(&body);
    }
    let is_last = end >= shown.len();
    if let (Paging::Token, false, Some((place, _))) = (shop.habits.paging, is_last, page.last()) {
        body["nextPageToken"] = place.to_string().into();
    }
    let answer = Answer::json(&body);
    if shop.habits.paging == Paging::Link && !is_last {
        let run = run.map(|run| format!("runId={run}&")).unwrap_or_default();
        return answer.with("link", format!("</orders?{run}page={}>; rel=\"next\"", begin / size + 1));
    }
    answer
}

fn delete(shop: &mut Shop, id: &str) -> Answer {
    if shop.habits.refuses.contains(id) {
        return Answer::status(409).saying(&json!({ "error": "the order is being shipped" }).to_string());
    }
    if shop.habits.breaks.contains(id) {
        return Answer::status(500).saying("null");
    }
    let shows = shop.habits.shows_deleted;
    match shop.orders.values_mut().find(|order| order.id == id && order.deleted.is_none()) {
        Some(order) => {
            order.deleted = Some(shows);
            Answer::status(204)
        }
        None => Answer::status(404),
    }
}

fn delete_run(shop: &mut Shop, run: &str) -> Answer {
    let of_run = |order: &&mut Order| order.run.as_deref() == Some(run) && order.deleted.is_none();
    if shop.habits.later {
        shop.habits.later = false;
        let at = Instant::now() + std::time::Duration::from_millis(300);
        shop.delete_later = Some((at, run.to_owned()));
        return Answer::status(202);
    }
    let bulk = shop.habits.bulk;
    let deleted = shop.orders.values_mut().filter(of_run).take(bulk).map(|order| order.deleted = Some(0)).count();
    let remaining = shop.orders.values_mut().filter(of_run).count();
    if deleted == 0 && remaining == 0 {
        return Answer::status(404);
    }
    Answer::json(&json!({ "deleted": deleted, "remaining": remaining }))
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        match (first, after) {
            (b'%', [high, low, behind @ ..]) => {
                let digits = [*high, *low];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
                rest = behind;
            }
            (byte, behind) => {
                bytes.push(*byte);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}
