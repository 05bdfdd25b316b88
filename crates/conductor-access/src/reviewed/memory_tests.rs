//! What is kept for how long, what is asked once, and what is in nobody's way.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use tokio::sync::Notify;
use tokio::time::advance;

use super::*;

const KEEP_FOR: Duration = Duration::from_secs(10);
const WITHIN: Duration = Duration::from_secs(5);

fn memory(most: usize) -> Memory<u32, u32> {
    Memory::new(most, KEEP_FOR, WITHIN)
}

/// A question that counts how often it was asked, and is answered with that.
fn counted(asked: &Arc<AtomicUsize>, good_for: Duration) -> impl Future<Output = Result<Answer<u32>, String>> + use<> {
    let asked = Arc::clone(asked);
    async move {
        let value = u32::try_from(asked.fetch_add(1, Ordering::SeqCst) + 1).unwrap();
        Ok(Answer { value, good_for })
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_kept_as_long_as_it_may_be_and_no_longer() {
    let (memory, asked) = (memory(8), Arc::default());
    assert_eq!(memory.ask(1, counted(&asked, Duration::MAX)).await, Ok(1));
    advance(KEEP_FOR - Duration::from_millis(1)).await;
    assert_eq!(memory.ask(1, counted(&asked, Duration::MAX)).await, Ok(1));
    assert_eq!(memory.ask(2, counted(&asked, Duration::from_secs(3))).await, Ok(2), "another question");
    advance(Duration::from_millis(1)).await;
    assert_eq!(memory.ask(1, counted(&asked, Duration::MAX)).await, Ok(3), "its time is over");
    assert_eq!(memory.ask(2, counted(&asked, Duration::MAX)).await, Ok(2));
    advance(Duration::from_secs(3)).await;
    assert_eq!(memory.ask(2, counted(&asked, Duration::MAX)).await, Ok(4), "it was good for three seconds");
    assert_eq!(memory.ask(3, counted(&asked, Duration::ZERO)).await, Ok(5));
    assert_eq!(memory.ask(3, counted(&asked, Duration::ZERO)).await, Ok(6), "one that is good for now alone");
}

#[tokio::test(start_paused = true)]
async fn who_asks_the_same_at_the_same_time_shares_one_answer() {
    let (memory, asked) = (memory(8), Arc::default());
    let slow = || {
        let answer = counted(&asked, Duration::ZERO);
        async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            answer.await
        }
    };
    let answers = join_all((0..50).map(|_| memory.ask(1, slow()))).await;
    assert!(answers.iter().all(|answer| *answer == Ok(1)), "{answers:?}");
    // Whoever began it goes away: the others get their answer all the same.
    let first = tokio::time::timeout(Duration::from_millis(500), memory.ask(1, slow()));
    let (first, second) = tokio::join!(first, memory.ask(1, slow()));
    assert!(first.is_err());
    assert_eq!((second, asked.load(Ordering::SeqCst)), (Ok(2), 2));
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_found_out_is_told_to_all_who_wait_and_asked_anew() {
    let (memory, asked) = (memory(8), Arc::default());
    let failing = || async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Err("away".to_owned())
    };
    let (first, second) = tokio::join!(memory.ask(1, failing()), memory.ask(1, failing()));
    assert_eq!((first, second), (Err("away".to_owned()), Err("away".to_owned())));
    assert_eq!(memory.len(), 0);
    let late = memory.ask(1, std::future::pending()).await;
    assert_eq!(late, Err("there was no answer within 5s".to_owned()));
    assert_eq!(memory.ask(1, async { panic!("a defect") }).await, Err("asking has broken down".to_owned()));
    assert_eq!(memory.ask(1, counted(&asked, Duration::MAX)).await, Ok(1), "nothing of it is in the way");
}

#[tokio::test(start_paused = true)]
async fn so_many_answers_are_kept_at_most_and_the_one_that_ends_next_makes_room() {
    let (memory, asked) = (memory(3), Arc::default());
    for (key, seconds) in [(1, 5), (2, 2), (3, 5)] {
        memory.ask(key, counted(&asked, Duration::from_secs(seconds))).await.unwrap();
    }
    assert_eq!(memory.ask(4, counted(&asked, KEEP_FOR)).await, Ok(4));
    assert_eq!((memory.len(), memory.ask(1, counted(&asked, KEEP_FOR)).await), (3, Ok(1)), "2 had to go");
    advance(Duration::from_secs(6)).await;
    assert_eq!(memory.ask(5, counted(&asked, KEEP_FOR)).await, Ok(5));
    assert_eq!(memory.len(), 2, "what has ended goes before what has not");
    for key in 10..1000 {
        memory.ask(key, counted(&asked, KEEP_FOR)).await.unwrap();
        assert!(memory.len() <= 3);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_being_asked_is_never_dropped_and_only_so_much_at_once() {
    let (memory, asking, gate) = (Arc::new(memory(40)), Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let waiting: Vec<_> = (0..40)
        .map(|key| {
            let (memory, asking, gate) = (Arc::clone(&memory), Arc::clone(&asking), Arc::clone(&gate));
            tokio::spawn(async move {
                let question = async move {
                    asking.fetch_add(1, Ordering::SeqCst);
                    gate.notified().await;
                    Ok(Answer { value: key, good_for: Duration::MAX })
                };
                memory.ask(key, question).await
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(asking.load(Ordering::SeqCst), AT_ONCE);
    let refused = memory.ask(99, async { panic!("it is not asked") }).await;
    assert_eq!(refused, Err("40 other questions wait for an answer".to_owned()));
    // The others have their turn as soon as these have their answers.
    for _ in 0..40 {
        gate.notify_one();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let answers: Vec<_> = join_all(waiting).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, (0..40).map(Ok).collect::<Vec<_>>());
}
