//! What callers may use: how often they call, how many connect, and how slowly they read.

use conductor_access::Secret;
use conductor_grpc::Limits;
use conductor_proto::v1;
use prost_reflect::prost::Message;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::bed::{Bed, Callers, Client, LONGEST, all, by, door, long_load_test};

async fn listed(client: &mut Client, token: Option<&Secret>) -> Result<(), Status> {
    client.list_load_tests(by(token, v1::ListLoadTestsRequest::default())).await.map(drop)
}

#[tokio::test]
async fn a_caller_who_calls_too_often_is_told_when_to_try_again_and_others_go_on() {
    let callers = Callers::with(&["viewer@model", "viewer@other"]);
    let [one, three] = [1, 3].map(|number| number.try_into().unwrap());
    let limits = Limits { calls_per_second: one, burst: three, ..Limits::default() };
    let mut bed = Bed::behind(door(callers.access()), limits).await;
    let eager = Some(callers.token("viewer@model"));
    let status = loop {
        match listed(&mut bed.client, eager).await {
            Ok(()) => {}
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::ResourceExhausted);
    let begin = "the caller makes more than 1 calls a second; try again in ";
    assert!(status.message().starts_with(begin), "{status:?}");
    let wait = status.get_details_retry_info().unwrap().retry_delay.unwrap();
    assert!(wait.as_secs_f64() > 0.0 && wait.as_secs_f64() <= 1.0, "{wait:?}");
    assert!(listed(&mut bed.client, Some(callers.token("viewer@other"))).await.is_ok());

    let stranger = Secret::new("ltc_nobody");
    let mut codes = Vec::new();
    while codes.last() != Some(&Code::ResourceExhausted) {
        codes.push(listed(&mut bed.client, Some(&stranger)).await.unwrap_err().code());
    }
    assert!(codes.len() > 3 && codes[..codes.len() - 1].iter().all(|code| *code == Code::Unauthenticated), "{codes:?}");
    assert!(listed(&mut bed.client, Some(callers.token("viewer@other"))).await.is_ok(), "from the same address");
}

#[tokio::test]
async fn where_nobody_is_asked_who_calls_each_address_has_calls_of_its_own() {
    let [one, three] = [1, 3].map(|number| number.try_into().unwrap());
    let bed = Bed::start(Limits { calls_per_second: one, burst: three, ..Limits::default() }).await;
    let from = async |address: &str| {
        let endpoint = Channel::from_shared(format!("http://{}", bed.address)).unwrap();
        Client::new(endpoint.local_address(Some(address.parse().unwrap())).connect().await.unwrap())
    };
    let (mut eager, mut other) = (from("127.0.0.1").await, from("127.0.0.2").await);
    while listed(&mut eager, None).await.is_ok() {}
    assert!(listed(&mut other, None).await.is_ok(), "from another address");
}

#[tokio::test]
async fn one_connection_more_than_there_may_be_is_closed_until_another_one_ends() {
    let limits = Limits { connections: 1.try_into().unwrap(), ..Limits::default() };
    let mut bed = Bed::start(limits).await;
    assert!(listed(&mut bed.client, None).await.is_ok());
    let address = format!("http://{}", bed.address);
    let another =
        async || listed(&mut Client::connect(address.clone()).await.map_err(|_| ())?, None).await.map_err(|_| ());
    assert_eq!(another().await, Err(()));
    assert!(listed(&mut bed.client, None).await.is_ok(), "the one before goes on");
    drop(bed.client);
    let let_in = async {
        while another().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONGEST, let_in).await.unwrap();
}

#[tokio::test]
async fn a_watcher_who_does_not_read_holds_nobody_back_and_misses_nothing() {
    let mut bed = Bed::start(Limits::default()).await;
    // So little is on the way to a client who does not read that the server has to wait with the rest.
    let narrow = Channel::from_shared(format!("http://{}", bed.address)).unwrap();
    let narrow = narrow.initial_stream_window_size(1024).initial_connection_window_size(1024);
    let mut slow = Client::new(narrow.connect().await.unwrap());
    let id = bed.started().await.id;
    let request = v1::WatchLoadTestRequest { id, after_revision: 0 };
    let unread = slow.watch_load_test(request.clone()).await.unwrap().into_inner();
    let told = all(bed.client.watch_load_test(request).await.unwrap().into_inner()).await;
    let bytes: usize = told.iter().map(Message::encoded_len).sum();
    assert!(bytes > 8 * 1024, "{bytes} bytes are more than can be on the way");
    assert!(told.last().unwrap().verdict.as_ref().unwrap().restored);
    assert_eq!(all(unread).await, told);
}

#[tokio::test]
async fn only_so_many_calls_go_on_at_the_same_time_on_one_connection() {
    let limits = Limits { streams: 2.try_into().unwrap(), ..Limits::default() };
    let mut bed = Bed::start(limits).await;
    let id = bed.started_by(None, long_load_test()).await.id;
    let request = v1::WatchLoadTestRequest { id, after_revision: 0 };
    let first = bed.client.watch_load_test(request.clone()).await.unwrap();
    let _second = bed.client.watch_load_test(request).await.unwrap();
    let mut client = bed.client.clone();
    let mut third = Box::pin(listed(&mut client, None));
    // Other connections are answered meanwhile, and the third call of this one is not.
    let mut other = Client::connect(format!("http://{}", bed.address)).await.unwrap();
    for _ in 0..20 {
        assert!(listed(&mut other, None).await.is_ok());
        assert!(futures::poll!(third.as_mut()).is_pending());
    }
    drop(first);
    tokio::time::timeout(LONGEST, third).await.unwrap().unwrap();
}
