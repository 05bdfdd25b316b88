//! Tags within the limits of AWS, which moto does not know.

use serde_json::{Value, json};

use crate::account::{Account, Call, Trouble};
use crate::world::{Answers, World};

/// How many a resource may have.
const TAGS: usize = 50;
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 256;

/// Registers a task definition, and answers with its tags, as AWS does.
pub(super) async fn register(account: &Account, call: &Call) -> Result<Value, Trouble> {
    check(&call.body["tags"])?;
    let mut registered = account.pass(call).await?;
    if call.body["tags"].is_array() {
        registered["tags"] = call.body["tags"].clone();
    }
    let mut world = account.world();
    let now = world.clock().elapsed();
    world.late.made(registered["taskDefinition"]["taskDefinitionArn"].as_str().unwrap_or_default(), now);
    Ok(registered)
}

/// Tags a resource.
pub(super) async fn tag(account: &Account, call: &Call) -> Result<Value, Trouble> {
    check(&call.body["tags"])?;
    let before = current(account, call).await?;
    let names = |tags: &Value| -> Vec<String> {
        let tags = tags.as_array().into_iter().flatten();
        tags.filter_map(|tag| tag["key"].as_str().map(str::to_owned)).collect()
    };
    let mut all = names(&before);
    all.extend(names(&call.body["tags"]));
    all.sort_unstable();
    all.dedup();
    if all.len() > TAGS {
        return Err(refused(format!("A resource may have {TAGS} tags at most.")));
    }
    let tagged = account.pass(call).await?;
    keep(account, call, before);
    Ok(tagged)
}

/// Takes tags away.
pub(super) async fn untag(account: &Account, call: &Call) -> Result<Value, Trouble> {
    let before = current(account, call).await?;
    let untagged = account.pass(call).await?;
    keep(account, call, before);
    Ok(untagged)
}

/// Tells the tags of a resource.
pub(super) async fn list(account: &Account, call: &Call) -> Result<Value, Trouble> {
    let mut listed = account.pass(call).await?;
    listed["resourceArn"] = call.body["resourceArn"].clone();
    lag_behind(&account.world(), "resourceArn", &mut listed);
    if let Some(listed) = listed.as_object_mut() {
        listed.remove("resourceArn");
    }
    Ok(listed)
}

/// Shows the tags of something as they were before, while they lag behind, if it shows any.
pub(super) fn lag_behind(world: &World, arn: &str, described: &mut Value) {
    let before = described[arn].as_str();
    let before = before.and_then(|arn| world.late.shown(Answers::Tags, arn, world.clock().elapsed()));
    if let (Some(before), true) = (before.cloned(), described["tags"].is_array()) {
        described["tags"] = before;
    }
}

/// The tags that a resource has.
async fn current(account: &Account, call: &Call) -> Result<Value, Trouble> {
    let body = json!({ "resourceArn": call.body["resourceArn"] });
    Ok(account.ask(call, "ListTagsForResource", &body).await?["tags"].take())
}

fn keep(account: &Account, call: &Call, before: Value) {
    let mut world = account.world();
    let now = world.clock().elapsed();
    world.late.keep(Answers::Tags, call.text("resourceArn"), before, now);
}

/// Refuses tags that AWS would not take.
pub(super) fn check(tags: &Value) -> Result<(), Trouble> {
    let tags: Vec<&Value> = tags.as_array().into_iter().flatten().collect();
    if tags.len() > TAGS {
        return Err(refused(format!("A resource may have {TAGS} tags at most.")));
    }
    for tag in tags {
        for (part, longest) in [("key", LONGEST_KEY), ("value", LONGEST_VALUE)] {
            let text = tag[part].as_str().unwrap_or_default();
            let is_known =
                |letter: char| letter.is_alphanumeric() || letter.is_whitespace() || "_.:/=+-@".contains(letter);
            if text.chars().count() > longest || (part == "key" && text.is_empty()) {
                return Err(refused(format!("The {part} of a tag has a length between 1 and {longest}: {text}")));
            }
            if !text.chars().all(is_known) || text.starts_with("aws:") {
                return Err(refused(format!("Invalid tag {part}: {text}")));
            }
        }
    }
    Ok(())
}

fn refused(message: String) -> Trouble {
    Trouble::refused("InvalidParameterException", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_taken_within_the_limits_of_aws_and_no_further() {
        let one = |key: &str, value: &str| json!([{ "key": key, "value": value }]);
        assert!(check(&one("loadtest-conductor.dev/run", &"x".repeat(256))).is_ok());
        assert!(check(&one("empty", "")).is_ok() && check(&Value::Null).is_ok());
        for tags in [
            one("a", &"x".repeat(257)),
            one(&"x".repeat(129), ""),
            one("", "x"),
            one("a", "{\"json\":1}"),
            one("aws:mine", "x"),
            Value::Array(vec![json!({ "key": "a", "value": "b" }); 51]),
        ] {
            assert!(check(&tags).is_err(), "{tags}");
        }
    }
}
