//! Lists that come in pages.

use serde_json::{Value, json};

use crate::account::{Account, Call, Trouble};

/// How much a list gives at once: by default, and at most.
#[derive(Clone, Copy)]
pub(super) struct Pages {
    pub(super) usual: usize,
    pub(super) most: usize,
}

/// What most operations of ECS give.
pub(super) const HUNDRED: Pages = Pages { usual: 100, most: 100 };

/// Cuts a list into the page that a request asks for, with the token of the next one. Names begin with a small letter in ECS and with a
/// capital one in Application Auto Scaling.
pub(super) fn page(call: &Call, items: Vec<Value>, pages: Pages, names: [&str; 3]) -> Result<Value, Trouble> {
    let [of_items, of_token, of_size] = names;
    let refused = |message: &str| {
        let kind = if of_token == "NextToken" { "ValidationException" } else { "InvalidParameterException" };
        Trouble::refused(kind, message)
    };
    let size = match call.body[of_size].as_i64() {
        None | Some(0) => pages.usual,
        Some(size) => match usize::try_from(size) {
            Ok(size) if size <= pages.most => size,
            Ok(_) | Err(_) => return Err(refused(&format!("{of_size} should be between 1 and {}.", pages.most))),
        },
    };
    let begin = match call.text(of_token) {
        "" => 0,
        // What a token says is its own business: it is made in another way than anybody would.
        token => token
            .strip_prefix("bed-")
            .and_then(|token| usize::from_str_radix(token, 16).ok())
            .filter(|begin| *begin < items.len().max(1))
            .ok_or_else(|| refused("Invalid token."))?,
    };
    let end = items.len().min(begin + size);
    let mut answer = json!({ of_items: items[begin..end] });
    if end < items.len() {
        answer[of_token] = format!("bed-{end:x}").into();
    }
    Ok(answer)
}

/// A list of moto's, which gives all of it at once.
pub(super) async fn passed(account: &Account, call: &Call, items: &str) -> Result<Value, Trouble> {
    let all = all(account, call, items).await?;
    page(call, all, HUNDRED, [items, "nextToken", "maxResults"])
}

/// Task definitions, the oldest or the newest first.
pub(super) async fn definitions(account: &Account, call: &Call) -> Result<Value, Trouble> {
    let mut all = all(account, call, "taskDefinitionArns").await?;
    {
        let world = account.world();
        let now = world.clock().elapsed();
        all.retain(|arn| world.late.is_listed(arn.as_str().unwrap_or_default(), now));
    }
    let place = |arn: &Value| {
        let (family, revision) = arn.as_str().and_then(|arn| arn.rsplit_once(':')).unwrap_or_default();
        (family.to_owned(), revision.parse::<u64>().unwrap_or_default())
    };
    all.sort_by_key(place);
    if call.text("sort") == "DESC" {
        all.reverse();
    }
    page(call, all, HUNDRED, ["taskDefinitionArns", "nextToken", "maxResults"])
}

pub(super) async fn all(account: &Account, call: &Call, items: &str) -> Result<Vec<Value>, Trouble> {
    let mut listed = account.pass(call).await?;
    Ok(match listed[items].take() {
        Value::Array(all) => all,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => Vec::new(),
    })
}
