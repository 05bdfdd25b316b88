//! Tags within the limits of AWS, which moto does not know.

use serde_json::{Value, json};

use crate::account::{Account, Call, Trouble};

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
    Ok(registered)
}

/// Tags a resource.
pub(super) async fn tag(account: &Account, call: &Call) -> Result<Value, Trouble> {
    check(&call.body["tags"])?;
    let body = json!({ "resourceArn": call.body["resourceArn"] });
    let listed = account.ask(call, "ListTagsForResource", &body).await?;
    let names = |tags: &Value| -> Vec<String> {
        let tags = tags.as_array().into_iter().flatten();
        tags.filter_map(|tag| tag["key"].as_str().map(str::to_owned)).collect()
    };
    let mut all = names(&listed["tags"]);
    all.extend(names(&call.body["tags"]));
    all.sort_unstable();
    all.dedup();
    if all.len() > TAGS {
        return Err(refused(format!("A resource may have {TAGS} tags at most.")));
    }
    account.pass(call).await
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
