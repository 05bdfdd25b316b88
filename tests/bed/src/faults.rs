//! What a front's thread and its test share: the faults that are switched on, and the requests that were seen.

mod fault;
mod stop;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

pub use self::fault::{Fault, Injected, Moment};
pub use self::stop::{Hold, Stop};

use self::stop::Gate;

/// Which requests of a front a fault or a stop is for.
pub trait Condition: Send + 'static {
    /// A request that the front has seen.
    type Seen: Clone + Send + 'static;
    /// What may happen to one in place of a plain answer.
    type Effect: Clone + Send + 'static;

    /// True for a request that is one of them.
    fn holds_for(&self, seen: &Self::Seen) -> bool;
}

/// What happens to one request.
#[derive(Clone, Debug)]
pub enum Act<Effect> {
    /// A fault.
    Effect(Effect),
    /// It is held at a stop.
    Hold(Hold),
}

enum Switched<C: Condition> {
    Fault(Fault<C>),
    /// Holds the request of this number, and those after it before they are done.
    Stop {
        requests: C,
        number: u32,
        at: Moment,
        gate: Arc<watch::Sender<Gate>>,
    },
}

struct On<C: Condition> {
    id: u64,
    what: Switched<C>,
    /// How many of its requests have come.
    count: u32,
}

struct State<C: Condition> {
    seen: Vec<C::Seen>,
    on: Vec<On<C>>,
    /// The id of the next fault.
    next: u64,
}

/// The faults and stops of a front that are switched on, and the requests that it has seen.
pub struct Faults<C: Condition> {
    state: Mutex<State<C>>,
    /// Counts what has changed, for those who wait.
    changes: watch::Sender<u64>,
}

impl<C: Condition> Default for Faults<C> {
    fn default() -> Self {
        let state = State { seen: Vec::new(), on: Vec::new(), next: 0 };
        Self { state: Mutex::new(state), changes: watch::Sender::new(0) }
    }
}

impl<C: Condition> Faults<C> {
    /// Switches a fault on.
    pub fn inject(self: &Arc<Self>, fault: Fault<C>) -> Injected<C> {
        Injected { id: self.switch_on(Switched::Fault(fault)), faults: Arc::clone(self) }
    }

    /// Holds one of these requests, counted from now and from 1, and all of them that come after it. At [`Moment::After`] it is done
    /// when it is held; the later ones are not.
    pub fn stop_at(self: &Arc<Self>, requests: C, number: u32, at: Moment) -> Stop<C> {
        let gate = Arc::new(watch::Sender::new(Gate::Open));
        let id = self.switch_on(Switched::Stop { requests, number, at, gate: Arc::clone(&gate) });
        Stop { faults: Arc::clone(self), id, gate }
    }

    /// Switches all faults off, but no stops: those belong to their handles.
    pub fn lift_all(&self) {
        self.state().on.retain(|on| matches!(on.what, Switched::Stop { .. }));
    }

    /// Every request so far, in the order in which they came.
    pub fn seen(&self) -> Vec<C::Seen> {
        self.state().seen.clone()
    }

    /// Notes a request and answers with its place among all of them and with what is to happen to it.
    pub fn arrive(&self, seen: C::Seen) -> (usize, Option<Act<C::Effect>>) {
        let arrived = {
            let mut state = self.state();
            let act = state.on.iter_mut().find_map(|on| on.act(&seen));
            state.seen.push(seen);
            (state.seen.len() - 1, act)
        };
        self.changed();
        arrived
    }

    /// Notes what the bed has done by itself.
    pub fn add(&self, seen: C::Seen) {
        self.state().seen.push(seen);
        self.changed();
    }

    /// Notes something of a request.
    pub fn note(&self, index: usize, note: impl FnOnce(&mut C::Seen)) {
        if let Some(seen) = self.state().seen.get_mut(index) {
            note(seen);
        }
        self.changed();
    }

    fn lift(&self, id: u64) {
        self.state().on.retain(|on| on.id != id);
    }

    /// How many requests a fault has happened to.
    fn met(&self, id: u64) -> u32 {
        self.state().on.iter().find(|on| on.id == id).map_or(0, On::met)
    }

    fn switch_on(&self, what: Switched<C>) -> u64 {
        let mut state = self.state();
        let id = state.next;
        state.next += 1;
        state.on.push(On { id, what, count: 0 });
        id
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    fn state(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Condition> On<C> {
    fn met(&self) -> u32 {
        match &self.what {
            Switched::Fault(fault) => {
                let came = self.count.saturating_sub(fault.spared);
                fault.times.map_or(came, |times| came.min(times))
            }
            Switched::Stop { number, .. } => (self.count + 1).saturating_sub(*number),
        }
    }

    fn act(&mut self, seen: &C::Seen) -> Option<Act<C::Effect>> {
        let requests = match &self.what {
            Switched::Fault(fault) => &fault.requests,
            Switched::Stop { requests, .. } => requests,
        };
        if !requests.holds_for(seen) {
            return None;
        }
        self.count += 1;
        match &self.what {
            Switched::Fault(fault) => {
                let happened = self.count.checked_sub(fault.spared + 1)?;
                fault.times.is_none_or(|times| happened < times).then(|| Act::Effect(fault.effect.clone()))
            }
            Switched::Stop { number, at, gate, .. } => {
                let is_first = self.count == *number;
                let at = if is_first { *at } else { Moment::Before };
                (self.count >= *number).then(|| Act::Hold(Hold { at, gate: Arc::clone(gate), is_first }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// How long anything may take on a busy machine.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// The requests of a word.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Word(&'static str);

    impl Condition for Word {
        type Seen = &'static str;
        type Effect = u32;

        fn holds_for(&self, seen: &&'static str) -> bool {
            self.0 == *seen
        }
    }

    fn effect(faults: &Faults<Word>, seen: &'static str) -> Option<u32> {
        match faults.arrive(seen).1 {
            Some(Act::Effect(effect)) => Some(effect),
            Some(Act::Hold(hold)) => panic!("{hold:?}"),
            None => None,
        }
    }

    fn hold(faults: &Faults<Word>, seen: &'static str) -> Option<Hold> {
        match faults.arrive(seen).1 {
            Some(Act::Hold(hold)) => Some(hold),
            Some(Act::Effect(effect)) => panic!("{effect}"),
            None => None,
        }
    }

    #[tokio::test]
    async fn a_fault_spares_happens_and_is_over_and_the_oldest_comes_first() {
        let faults = Arc::new(Faults::default());
        let first = faults.inject(Fault::new(Word("a"), 1).after(1).times(2));
        let second = faults.inject(Fault::new(Word("a"), 2));
        let met = ["a", "b", "a", "a", "a"].map(|word| effect(&faults, word));
        assert_eq!(met, [Some(2), None, Some(1), Some(1), Some(2)]);
        assert_eq!((first.met(), second.met()), (2, 2));
        first.happened(2).await;
        second.lift();
        assert_eq!(effect(&faults, "a"), None);
        faults.inject(Fault::new(Word("b"), 3).once());
        faults.lift_all();
        assert_eq!((effect(&faults, "b"), first.met()), (None, 0));
        assert_eq!(faults.seen(), ["a", "b", "a", "a", "a", "a", "b"]);
        faults.note(1, |seen| *seen = "noted");
        faults.add("own");
        assert_eq!((faults.seen()[1], faults.seen()[7]), ("noted", "own"));
    }

    #[tokio::test]
    async fn a_stop_holds_its_request_and_those_after_it_until_it_is_decided() {
        let faults = Arc::new(Faults::default());
        for goes_on in [true, false] {
            let stop = faults.stop_at(Word("a"), 2, Moment::After);
            faults.lift_all();
            assert!(hold(&faults, "a").is_none() && hold(&faults, "b").is_none());
            let (second, third) = (hold(&faults, "a").unwrap(), hold(&faults, "a").unwrap());
            assert_eq!((second.at(), third.at()), (Moment::After, Moment::Before));
            let held = async { tokio::join!(second.goes_on(), third.goes_on()) };
            let decide = async {
                stop.reached(PATIENCE).await;
                if goes_on { stop.go_on() } else { drop(stop) }
            };
            assert_eq!(tokio::join!(held, decide).0, (goes_on, goes_on));
            assert!(hold(&faults, "a").is_none(), "it is lifted");
        }
    }

    #[tokio::test]
    #[should_panic(expected = "no request came to the stop within 10ms")]
    async fn a_stop_that_nothing_comes_to_says_so() {
        let faults = Arc::new(Faults::<Word>::default());
        faults.stop_at(Word("a"), 1, Moment::Before).reached(Duration::from_millis(10)).await;
    }
}
