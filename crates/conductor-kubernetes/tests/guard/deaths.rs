//! A conductor that dies at any of the writes by which a run is guarded, goes on to be, or ends to be: another one lets
//! everything go on as before, by the journal or by what is left in the cluster alone. What the dead one has sent comes to
//! nothing when it arrives later or, where it makes an object anew, ends by itself.

mod scene;

use conductor_core::ports::EnvironmentGuard;
use conductor_kubernetes_bed::{Moment, Requests, Stop, Tool, until};
use futures::future::join_all;
use jiff::SignedDuration;

use self::scene::{Act, By, Kept, Part, Scene};
use crate::bed::PATIENCE;

/// How long what is frozen stays so where its end is waited for.
const SHORT: SignedDuration = SignedDuration::from_secs(20);
/// The same where nobody waits for it.
const LONG: SignedDuration = SignedDuration::from_mins(15);

/// One death.
#[derive(Clone, Copy, Debug)]
struct Death {
    kept: Kept,
    act: Act,
    /// At which write.
    part: Part,
    at: Moment,
    by: By,
}

impl Death {
    fn name(self) -> String {
        let Self { kept, act, part, at, by } = self;
        format!("dies-{}-{act:?}-{part:?}-{at:?}-{by:?}", kept.name()).to_lowercase()
    }

    /// Which of the writes of its act it is, counted from 1.
    fn number(self) -> usize {
        self.act.writes(self.kept).iter().position(|part| *part == self.part).unwrap() + 1
    }

    /// True where this write was done when the conductor died.
    fn has_written(self, part: Part) -> bool {
        let number = self.act.writes(self.kept).iter().position(|one| *one == part).map(|index| index + 1);
        number.is_some_and(|number| number < self.number() || (number == self.number() && self.at == Moment::After))
    }

    /// True where the next conductor knows of the run: what a run has paused alone tells of it, when its journal is lost.
    fn is_known(self) -> bool {
        let is_paused = match self.act {
            Act::Freeze => self.has_written(Part::Keeper),
            Act::Extend => true,
            Act::Thaw => !self.has_written(Part::Keeper),
            Act::Fence => self.has_written(Part::Claim) && !self.has_written(Part::Keeper),
        };
        self.by == By::Journal || (self.kept != Kept::Nothing && is_paused)
    }

    /// True where nobody knows of the run when the first mark of it is still to come.
    fn is_found_late(self) -> bool {
        !self.is_known() && matches!((self.act, self.part), (Act::Freeze, Part::Keeper) | (Act::Fence, Part::Claim))
    }

    /// What the API server answers the write with, once it may go on.
    fn answer(self) -> u16 {
        let makes = self.act == Act::Freeze && self.part != Part::Keeper;
        match (self.at, self.part) {
            (Moment::Before, Part::Claim | Part::Keeper) if self.is_known() => 422,
            // There is nothing any more that it could change or delete.
            (Moment::Before, Part::Timer | Part::Freeze) if !makes => 404,
            (Moment::Before, Part::Lease) if self.act == Act::Thaw && self.is_known() => 404,
            // It is of another object than there is.
            (Moment::Before, Part::Lease) if self.act == Act::Extend => 409,
            _ if makes => 201,
            _ => 200,
        }
    }

    /// True where a Lease stays. It says nothing any more once it has run out.
    fn leaves_a_lease(self) -> bool {
        match self.act {
            // It is made anew by what comes late.
            Act::Freeze if self.is_known() => (self.part, self.at) == (Part::Lease, Moment::Before),
            // What comes late tells of the run, which is put back then.
            Act::Freeze => self.part != Part::Keeper,
            Act::Thaw => !self.is_known() && self.part != Part::Lease,
            Act::Extend | Act::Fence => false,
        }
    }
}

async fn die(death: Death) {
    // Nothing but its own end ends a freeze of which nobody knows, and a timer without one.
    let is_awaited = death.act == Act::Freeze && (!death.is_known() || death.part == Part::Timer);
    let scene = Scene::new(&death.name(), death.kept, if is_awaited { SHORT } else { LONG }).await;
    let proxy = scene.proxy().await;
    let stop: Stop;
    let before: usize;
    {
        let conductor = scene.behind(&proxy, if death.act == Act::Fence { 2 } else { 1 }).await;
        if let Act::Extend | Act::Thaw = death.act {
            scene.act(&conductor, Act::Freeze).await;
        }
        before = proxy.writes().len();
        stop = proxy.stop_at(Requests::writes(), u32::try_from(death.number()).unwrap(), death.at);
        tokio::select! {
            () = stop.reached(PATIENCE) => {}
            () = scene.act(&conductor, death.act) => panic!("{death:?}: there are not so many writes"),
        }
        // It is dead at the end of this block, in the middle of what it did.
    }
    assert_eq!(scene.restore(&scene.conductor(3).await, death.by).await, death.is_known(), "{death:?}");
    scene.assert_as_before("right after the restore").await;
    if death.is_known() {
        assert_eq!((scene.frozen().await, scene.lease().await), (Vec::new(), None), "{death:?}");
    }
    stop.go_on();
    let index = before + death.number() - 1;
    let status = until("the late write is answered", PATIENCE, async || proxy.writes()[index].server).await;
    assert_eq!(status, death.answer(), "{death:?}");
    let late = scene.conductor(4).await;
    assert_eq!(scene.restore(&late, By::Cluster).await, death.is_found_late(), "{death:?}");
    scene.assert_as_before("after the late write").await;
    scene.await_end(PATIENCE).await;
    assert_eq!(scene.lease().await.is_some(), death.leaves_a_lease(), "{death:?}");
    // Somebody who has the journal ends what nothing else does.
    late.thaw(&scene.bed.run).await.unwrap();
    assert_eq!(scene.lease().await, None, "{death:?}");
    scene.assert_as_before("at last").await;
}

/// Every death at these writes of an act.
fn deaths(kept: Kept, act: Act, parts: &[Part], by: &[By]) -> Vec<Death> {
    let writes = act.writes(kept).into_iter().filter(|part| parts.contains(part));
    let all = writes.flat_map(|part| [Moment::Before, Moment::After].map(|at| (part, at)));
    all.flat_map(|(part, at)| by.iter().map(move |by| Death { kept, act, part, at, by: *by })).collect()
}

const EVERY: [Part; 4] = [Part::Lease, Part::Keeper, Part::Timer, Part::Freeze];
const FENCE: [Part; 2] = [Part::Claim, Part::Keeper];
const EITHER: [By; 2] = [By::Journal, By::Cluster];
const KUSTOMIZATION: Kept = Kept::By(Tool::Kustomization);

#[tokio::test]
async fn a_guard_that_begins_and_ends_at_any_write_is_lifted() {
    let mut all = deaths(KUSTOMIZATION, Act::Freeze, &EVERY, &EITHER);
    // Of what keeps nothing the cluster tells nothing: the freeze ends by itself.
    all.extend(deaths(Kept::Nothing, Act::Freeze, &EVERY, &[By::Cluster]));
    join_all(all.into_iter().map(die)).await;
}

#[tokio::test]
async fn a_guard_whose_sign_of_life_ends_at_any_write_is_lifted() {
    join_all(deaths(KUSTOMIZATION, Act::Extend, &EVERY, &[By::Journal]).into_iter().map(die)).await;
}

#[tokio::test]
async fn a_guard_whose_end_stops_at_any_write_is_gone_on_with() {
    join_all(deaths(KUSTOMIZATION, Act::Thaw, &EVERY, &EITHER).into_iter().map(die)).await;
}

#[tokio::test]
async fn a_guard_that_is_fenced_and_whose_fence_ends_at_any_write_is_lifted() {
    join_all(deaths(KUSTOMIZATION, Act::Fence, &FENCE, &EITHER).into_iter().map(die)).await;
}

#[tokio::test]
async fn whatever_keeps_an_application_goes_on_wherever_its_pause_or_its_end_stops() {
    let others = [Kept::By(Tool::HelmRelease), Kept::By(Tool::Application), Kept::Vertical];
    let acts = others.into_iter().flat_map(|kept| [(kept, Act::Freeze), (kept, Act::Thaw)]);
    let all = acts.flat_map(|(kept, act)| deaths(kept, act, &[Part::Keeper], &EITHER));
    join_all(all.map(die)).await;
}

#[tokio::test]
async fn no_guard_has_more_writes_than_those_at_which_conductors_die_here() {
    let tools = [Tool::Kustomization, Tool::HelmRelease, Tool::Application].map(Kept::By);
    join_all(tools.into_iter().chain([Kept::Nothing, Kept::Vertical]).map(async |kept| {
        let scene = Scene::new(&format!("guard-writes-{}", kept.name()), kept, LONG).await;
        let proxy = scene.proxy().await;
        let [conductor, next] = [scene.behind(&proxy, 1).await, scene.behind(&proxy, 2).await];
        let all = [Act::Freeze, Act::Extend, Act::Thaw].map(|act| (&conductor, act));
        for (conductor, act) in all.into_iter().chain([(&next, Act::Fence)]) {
            let before = proxy.writes().len();
            scene.act(conductor, act).await;
            let seen = proxy.writes().into_iter().skip(before);
            let seen: Vec<_> = seen.map(|write| (write.verb, write.object.resource.to_string())).collect();
            let all = act.writes(kept).into_iter().map(|part| act.seen(part, kept));
            let expected: Vec<_> = all.map(|(verb, resource)| (verb, resource.to_owned())).collect();
            assert_eq!(seen, expected, "{kept:?}, {act:?}");
        }
        scene.assert_as_before("after a whole run").await;
    }))
    .await;
}
