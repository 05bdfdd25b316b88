//! Why no run may begin on a service: it could not be changed, or not be put back. Pure.

use crate::definition::MOST_TAGS;
use crate::marker::{self, KEYS, LONGEST, Marker};
use crate::service::Service;

/// Why no run may begin on a service; `None` where one may.
pub(crate) fn unfit(service: &Service) -> Option<String> {
    if service.is_daemon {
        let text =
            "its scheduling strategy is DAEMON, with a task on each instance: it cannot be scaled; expected REPLICA";
        return Some(text.to_owned());
    }
    if let Some(holder) = marker::holder(&service.tags) {
        return Some(format!("load test {} has changed it and not put it back", holder.run));
    }
    if let Err(error) = Marker::read(&service.tags) {
        return Some(error.to_string());
    }
    if let Some(unrest) = service.unrest() {
        return Some(format!("{unrest}; expected a service that is as it shall be"));
    }
    // The old, short ARNs have no cluster in them.
    let of_service = service.arn.split_once(":service/").map_or("", |(_, rest)| rest);
    if !of_service.contains('/') {
        return Some(format!(
            "its ARN {} has the old, short form, so that it cannot be tagged; expected one with its cluster in it: make it anew \
             with serviceLongArnFormat enabled",
            service.arn
        ));
    }
    let tags = service.tags_of_others();
    if tags + KEYS.len() > MOST_TAGS {
        return Some(format!(
            "it has {tags} tags, and {} more do not fit; expected {} at most",
            KEYS.len(),
            MOST_TAGS - KEYS.len()
        ));
    }
    let name = service.definition.as_ref().map(ToString::to_string).unwrap_or_default();
    (name.len() > LONGEST).then(|| format!("the name {name} of its task definition does not fit into a tag"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marker::Holder;
    use crate::service::tests::steady;

    fn told(change: impl FnOnce(&mut Service)) -> Option<String> {
        let mut service = steady("shop:7", 3, "1");
        change(&mut service);
        unfit(&service)
    }

    #[test]
    fn what_could_not_be_done_or_put_back_is_refused_with_why() {
        assert_eq!(told(|_| ()), None);
        assert_eq!(
            told(|one| one.is_daemon = true).unwrap(),
            "its scheduling strategy is DAEMON, with a task on each instance: it cannot be scaled; expected REPLICA"
        );
        assert_eq!(
            told(|one| one.pending = 1).unwrap(),
            "3 of 3 tasks are running, and 1 pending; expected a service that is as it shall be"
        );
        let short = "arn:aws:ecs:eu-central-1:1:service/cart";
        assert_eq!(
            told(|one| one.arn = short.to_owned()).unwrap(),
            "its ARN arn:aws:ecs:eu-central-1:1:service/cart has the old, short form, so that it cannot be tagged; expected one \
             with its cluster in it: make it anew with serviceLongArnFormat enabled"
        );
        let held = Marker::new(Holder { run: "one".parse().unwrap(), epoch: 1 }).write();
        assert_eq!(told(|one| one.tags = held).unwrap(), "load test one has changed it and not put it back");
        let half = |one: &mut Service| drop(one.tags.insert(KEYS[2].to_owned(), "2".to_owned()));
        assert!(told(half).unwrap().starts_with("it has tag loadtest-conductor.dev/desired-count and not "));
        let many =
            |count: u32| move |one: &mut Service| one.tags.extend((0..count).map(|n| (format!("t{n}"), String::new())));
        assert_eq!(told(many(42)), None);
        assert_eq!(told(many(43)).unwrap(), "it has 43 tags, and 8 more do not fit; expected 42 at most");
        let long = format!("{}:7", "x".repeat(255));
        let text = told(|one| one.definition = long.parse().ok()).unwrap();
        assert!(text.ends_with("of its task definition does not fit into a tag"), "{text}");
    }
}
