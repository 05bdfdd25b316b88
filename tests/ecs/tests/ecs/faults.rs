//! Requests go wrong in the way that was asked for, and a test can tell that they have.

use std::time::{Duration, Instant};

use aws_config::retry::RetryConfig;
use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::timeout::TimeoutConfig;
use conductor_ecs_bed::{Effect, Fault, Moment, Rate, Requests, User, until};

use super::support::{PATIENCE, config, describe, kind, with_pay_of_its_own, words};

async fn scale(client: &Client, desired: i32) -> Result<i32, String> {
    let update = client.update_service().cluster("test").service("pay").desired_count(desired);
    let updated = update.send().await.map_err(|error| match error.as_service_error() {
        Some(_) => format!("{}: {}", kind(&error), words(&error)),
        None => "lost".to_owned(),
    })?;
    Ok(updated.service().unwrap().desired_count())
}

#[tokio::test]
async fn a_refusal_is_answered_in_the_place_of_doing_it() {
    let (bed, client) = with_pay_of_its_own().await;
    let updates = Requests::writes().operation("UpdateService").service("pay");
    let effect = Effect::refuse(500, "ServerException", "of the bed");
    let fault = bed.inject(Fault::new(updates, effect).after(1).times(2));
    assert_eq!(scale(&client, 4).await, Ok(4), "the first is spared");
    for _ in 0..2 {
        assert_eq!(scale(&client, 5).await, Err("ServerException: of the bed".to_owned()));
    }
    fault.happened(2).await;
    assert_eq!(fault.met(), 2);
    assert_eq!(describe(&client, "pay").await.desired_count(), 4);
    assert_eq!(scale(&client, 5).await, Ok(5));
    let seen: Vec<_> = bed
        .writes()
        .iter()
        .filter(|seen| seen.operation == "UpdateService")
        .map(|seen| (seen.server, seen.client))
        .collect();
    assert_eq!(seen, [(Some(200), Some(200)), (None, Some(500)), (None, Some(500)), (Some(200), Some(200))]);
}

#[tokio::test]
async fn a_lost_request_is_not_done_and_a_lost_answer_is_to_what_was() {
    let (bed, client) = with_pay_of_its_own().await;
    for (at, desired, server) in [(Moment::Before, 3, None), (Moment::After, 7, Some(200))] {
        let lost = bed.inject(Fault::new(Requests::writes(), Effect::Drop(at)).once());
        assert_eq!(scale(&client, 7).await, Err("lost".to_owned()));
        lost.happened(1).await;
        assert_eq!(describe(&client, "pay").await.desired_count(), desired, "{at:?}");
        let seen = bed.writes().pop().unwrap();
        assert_eq!((seen.server, seen.client, seen.is_done()), (server, None, server.is_some()));
    }
}

#[tokio::test]
async fn a_request_may_hang_or_be_late() {
    let (bed, _) = with_pay_of_its_own().await;
    let config = config(&bed, User::Conductor).await;
    let timeout = TimeoutConfig::builder().operation_timeout(Duration::from_millis(300)).build();
    let client = Client::from_conf(aws_sdk_ecs::config::Builder::from(&config).timeout_config(timeout).build());
    let patient = Client::new(&config);
    let hung = bed.inject(Fault::new(Requests::writes(), Effect::Hang).once());
    assert_eq!(scale(&client, 5).await, Err("lost".to_owned()));
    hung.happened(1).await;
    assert_eq!(describe(&patient, "pay").await.desired_count(), 3);
    hung.lift();

    let late = Effect::Delay(Moment::Before, Duration::from_millis(600));
    let late = bed.inject(Fault::new(Requests::writes(), late).once());
    assert_eq!(scale(&client, 6).await, Err("lost".to_owned()));
    until("it is done after all", PATIENCE, async || {
        (describe(&patient, "pay").await.desired_count() == 6).then_some(())
    })
    .await;
    assert_eq!(late.met(), 1);

    let begun = Instant::now();
    bed.inject(
        Fault::new(
            Requests::all().operation("DescribeServices"),
            Effect::Delay(Moment::After, Duration::from_millis(200)),
        )
        .once(),
    );
    describe(&patient, "pay").await;
    assert!(begun.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn who_asks_too_often_is_sent_away_and_the_client_asks_again_by_itself() {
    let (bed, client) = with_pay_of_its_own().await;
    bed.throttle("DescribeServices", Some(Rate { burst: 2, per_second: 0.001 }));
    describe(&client, "pay").await;
    describe(&client, "pay").await;
    let ask = client.describe_services().cluster("test").services("pay");
    let refused = ask.clone().send().await.unwrap_err();
    assert_eq!((kind(&refused), words(&refused)), ("ThrottlingException", "Rate exceeded"));
    assert_eq!(scale(&client, 4).await, Ok(4), "of other operations there is enough");
    assert_eq!(bed.throttled("DescribeServices"), 1);
    let conf =
        aws_sdk_ecs::config::Builder::from(&config(&bed, User::Conductor).await).retry_config(RetryConfig::standard());
    let again = Client::from_conf(conf.build());
    again.describe_services().cluster("test").services("pay").send().await.unwrap_err();
    assert_eq!(bed.throttled("DescribeServices"), 4, "three attempts in all");
    bed.throttle("DescribeServices", Some(Rate { burst: 1, per_second: 20.0 }));
    for _ in 0..4 {
        again.describe_services().cluster("test").services("pay").send().await.unwrap();
    }
    bed.throttle("DescribeServices", None);
    assert_eq!(bed.throttled("DescribeServices"), 0);
}

#[tokio::test]
async fn of_two_faults_the_older_one_happens_until_it_is_lifted() {
    let (bed, client) = with_pay_of_its_own().await;
    let fault = |kind: &str| bed.inject(Fault::new(Requests::writes().cluster("test"), Effect::refuse(400, kind, "")));
    let (older, newer) = (fault("OlderException"), fault("NewerException"));
    assert_eq!(scale(&client, 4).await, Err("OlderException: ".to_owned()));
    older.lift();
    assert_eq!(scale(&client, 4).await, Err("NewerException: ".to_owned()));
    assert_eq!(newer.met(), 1);
    bed.lift_all();
    assert_eq!(scale(&client, 4).await, Ok(4));
}
