//! When a watch counts as one that sees nothing.

use conductor_core::failure::Failure;

use super::*;

/// Watches of these resources in a namespace.
fn posts<const N: usize>(whats: [&str; N]) -> [Post; N] {
    whats.map(|what| Post::new(what.to_owned(), Some("shop"), None))
}

fn refused() -> PortError {
    PortError::new(FailureKind::Rejected, "could not list them: forbidden (403)")
}

fn told(blind: &Blind, posts: &mut [Post], turn: Instant) -> Option<String> {
    blind.tell(posts, turn, Instant::now()).map(|error| Failure::of("", &error).message)
}

async fn seconds(count: u64) {
    tokio::time::advance(Duration::from_secs(count)).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_listed_for_half_a_minute_is_told_once_until_it_is_listed() {
    let (blind, turn) = (Blind::default(), Instant::now());
    let mut all = posts(["deployments", "stacks", "scaledobjects"]);
    all[2].complete();
    for _ in 0..29 {
        all[0].begins();
        all[0].fails(refused());
        seconds(1).await;
        assert_eq!(told(&blind, &mut all, turn), None);
    }
    seconds(1).await;
    let text = "it is not seen what others change of deployments of namespace shop, nor by one more watch: could not list them: \
                forbidden (403)";
    assert_eq!(told(&blind, &mut all, turn).as_deref(), Some(text));
    seconds(60).await;
    assert_eq!((told(&blind, &mut all, turn), blind.due(&all, turn)), (None, None));
    all[1].complete();
    blind.sees(&all[1]);
    all[1].begins();
    seconds(30).await;
    let text = "it is not seen what others change of stacks of namespace shop: they were not listed within 30s";
    assert_eq!(told(&blind, &mut all, turn).as_deref(), Some(text));
}

#[tokio::test(start_paused = true)]
async fn watches_of_a_fleet_are_waited_for_as_long_as_others_come_about() {
    let blind = Blind::default();
    let mut all = posts(["deployments", "stacks"]);
    seconds(50).await;
    assert!(all[0].complete());
    let turn = Instant::now();
    assert_eq!(blind.due(&all, turn), Some(turn + BLIND_FOR));
    seconds(29).await;
    assert_eq!(told(&blind, &mut all, turn), None);
    seconds(1).await;
    assert!(told(&blind, &mut all, turn).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_has_listed_is_blind_only_when_it_fails_again() {
    let (blind, turn) = (Blind::default(), Instant::now());
    let mut all = posts(["deployments"]);
    all[0].complete();
    all[0].fails(refused());
    seconds(60).await;
    assert_eq!(told(&blind, &mut all, turn), None, "it may go on by now");
    all[0].sees();
    all[0].fails(refused());
    seconds(100).await;
    all[0].fails(refused());
    assert_eq!(told(&blind, &mut all, turn), None, "two troubles");
    seconds(40).await;
    all[0].fails(refused());
    assert!(told(&blind, &mut all, turn).is_some());
}
