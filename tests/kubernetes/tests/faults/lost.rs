//! Requests and answers that are lost or late.

use std::time::{Duration, Instant};

use conductor_kubernetes_bed::{Effect, Fault, Moment, Requests, Then, until};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::PostParams;
use kube::{Api, Client};

use super::support::{PATIENCE, api};
use super::{config, map, outcome, proxied};

#[tokio::test]
async fn a_dropped_request_is_done_or_not_and_the_client_cannot_tell() {
    let (proxy, client) = proxied("dropped").await;
    let maps: Api<ConfigMap> = api(&client, "dropped");
    for (name, at, server) in [("undone", Moment::Before, None), ("done", Moment::After, Some(201))] {
        proxy.inject(Fault::new(Requests::writes(), Effect::Drop(at)).once());
        let lost = maps.create(&PostParams::default(), &map(name)).await.unwrap_err();
        assert!(!matches!(lost, kube::Error::Api(_)), "{lost}");
        assert_eq!(proxy.writes().iter().map(outcome).collect::<Vec<_>>().last(), Some(&(server, None)));
        assert_eq!(maps.get_opt(name).await.unwrap().is_some(), server.is_some(), "{name}");
    }
}

#[tokio::test]
async fn silence_lasts_as_long_as_it_should_and_then_the_request_goes_on_or_not() {
    let (proxy, client) = proxied("silent").await;
    let maps: Api<ConfigMap> = api(&client, "silent");
    let time = Duration::from_secs(1);
    for (name, at, then, made, server) in [
        ("late", Moment::Before, Then::GoOn, true, Some(201)),
        ("late-answer", Moment::After, Then::GoOn, true, Some(201)),
        ("lost", Moment::Before, Then::Drop, false, None),
        ("lost-answer", Moment::After, Then::Drop, false, Some(201)),
    ] {
        proxy.inject(Fault::new(Requests::writes(), Effect::Silence { at, time, then }).once());
        let begun = Instant::now();
        assert_eq!(maps.create(&PostParams::default(), &map(name)).await.is_ok(), made, "{name}");
        assert!(begun.elapsed() >= time, "{name}: {:?}", begun.elapsed());
        assert_eq!(outcome(proxy.writes().last().unwrap()), (server, server.filter(|_| made)), "{name}");
        assert_eq!(maps.get_opt(name).await.unwrap().is_some(), server.is_some(), "{name}");
    }
}

#[tokio::test]
async fn a_request_is_done_after_silence_even_if_its_client_has_given_up() {
    let (proxy, client) = proxied("impatient").await;
    let maps: Api<ConfigMap> = api(&client, "impatient");
    let silence = Effect::Silence { at: Moment::Before, time: Duration::from_secs(4), then: Then::GoOn };
    proxy.inject(Fault::new(Requests::writes(), silence));
    let mut config = config(&proxy).await;
    config.read_timeout = Some(Duration::from_millis(200));
    let impatient: Api<ConfigMap> = api(&Client::try_from(config).unwrap(), "impatient");
    impatient.create(&PostParams::default(), &map("shop")).await.unwrap_err();
    assert_eq!(maps.get_opt("shop").await.unwrap(), None);
    until("what was asked for is done", PATIENCE, async || maps.get_opt("shop").await.unwrap()).await;
    until("the answer is noted", PATIENCE, async || proxy.writes()[0].server).await;
    assert_eq!(outcome(&proxy.writes()[0]), (Some(201), None));
}
