//! Stops between two writes, and what is known of requests.

use conductor_ecs_bed::{Moment, Requests, User, until};
use serde_json::json;

use super::support::{PATIENCE, deploy, describe, ecs, with_pay_of_its_own};

#[tokio::test]
async fn a_task_can_be_killed_between_two_writes() {
    for (at, desired) in [(Moment::Before, 4), (Moment::After, 5)] {
        let (bed, client) = with_pay_of_its_own().await;
        let mine = Requests::writes().by(User::Conductor.access_key());
        let stop = bed.stop_at(mine.clone(), 2, at);
        let writer = client.clone();
        let task = tokio::spawn(async move {
            for desired in 4..9 {
                let update = writer.update_service().cluster("test").service("pay").desired_count(desired);
                update.send().await.unwrap();
            }
        });
        stop.reached(PATIENCE).await;
        // Others are not held.
        let by_hand = json!({ "cluster": "test", "service": "pay", "propagateTags": "NONE" });
        bed.actor(User::OnCall).call("UpdateService", by_hand).await.unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        drop(stop);
        assert_eq!(describe(&client, "pay").await.desired_count(), desired, "{at:?}");
        assert_eq!(bed.count(&mine), 2);
    }
}

#[tokio::test]
async fn what_is_held_goes_on_with_all_that_came_after_it() {
    let (bed, client) = with_pay_of_its_own().await;
    let stop = bed.stop_at(Requests::writes(), 1, Moment::Before);
    let write = |service: &'static str| {
        let client = client.clone();
        tokio::spawn(async move {
            client.update_service().cluster("test").service(service).desired_count(8).send().await.is_ok()
        })
    };
    let first = write("pay");
    stop.reached(PATIENCE).await;
    let second = write("pay");
    let both = Requests::writes().operation("UpdateService");
    until("both have come", PATIENCE, async || (bed.count(&both) == 2).then_some(())).await;
    assert_eq!(describe(&client, "pay").await.desired_count(), 3, "reads are not held");
    stop.go_on();
    assert!(first.await.unwrap() && second.await.unwrap());
    assert_eq!(describe(&client, "pay").await.desired_count(), 8);
}

#[tokio::test]
#[should_panic(expected = "no request came to the stop within")]
async fn a_stop_that_nothing_comes_to_says_so() {
    let (bed, _) = with_pay_of_its_own().await;
    bed.stop_at(Requests::writes(), 1, Moment::Before).reached(std::time::Duration::from_millis(10)).await;
}

#[tokio::test]
async fn it_is_known_who_wrote_what_and_how_often_something_was_asked() {
    let (bed, client) = with_pay_of_its_own().await;
    deploy(&client, "registry.example/pay:v2").await;
    bed.actor(User::OnCall)
        .call("UpdateService", json!({ "cluster": "test", "service": "pay", "desiredCount": 1 }))
        .await
        .unwrap();
    describe(&ecs(&bed, User::Ci).await, "pay").await;
    let writes = bed.writes();
    let of = |user: User| -> Vec<&str> {
        let own = writes.iter().filter(|seen| seen.who.access_key == user.access_key());
        own.map(|seen| &*seen.operation).collect()
    };
    assert_eq!(of(User::Admin), ["CreateCluster", "RegisterTaskDefinition", "CreateService"]);
    assert_eq!(of(User::Conductor), ["RegisterTaskDefinition", "UpdateService"]);
    assert_eq!((of(User::OnCall), of(User::Ci)), (vec!["UpdateService"], vec![]));
    let last = writes.last().unwrap();
    assert_eq!((&*last.cluster, &*last.service, &last.body["desiredCount"]), ("test", "pay", &json!(1)));
    assert_eq!(bed.count(&Requests::all().operation("DescribeServices").by(User::Ci.access_key())), 1);
    assert_eq!(bed.count(&Requests::writes().cluster("production")), 0);
    assert!(bed.requests().windows(2).all(|pair| pair[0].at <= pair[1].at));
}
