//! What is asked of a substrate is what was asked of all of them.

use conductor_core::ports::Deployed;

use super::*;

/// A substrate that nothing can begin on any more.
struct Unfit;

#[async_trait]
impl ReleaseSource for Unfit {
    async fn production(&self, _: &[ApplicationId]) -> Result<BTreeMap<ApplicationId, Production>, PortError> {
        Ok(BTreeMap::new())
    }
}

#[async_trait]
impl Deployer for Unfit {
    async fn deployed(&self, _: &[ApplicationId]) -> Result<BTreeMap<ApplicationId, Deployed>, PortError> {
        Ok(BTreeMap::new())
    }

    async fn roll_out(&self, _: &RunId, _: &Rollout, _: Way) -> Result<(), PortError> {
        Ok(())
    }
}

#[async_trait]
impl Scaler for Unfit {
    async fn allocated(&self, _: &[ApplicationId]) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        Err(PortError::new(FailureKind::Rejected, "it could not be put back"))
    }

    async fn still_allocated(&self, names: &[ApplicationId]) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        Ok(names.iter().map(|name| (name.clone(), Allocation::of_replicas(2))).collect())
    }

    async fn scale(&self, _: &RunId, _: &ScaleStep, _: Way) -> Result<(), PortError> {
        Ok(())
    }

    async fn left_behind(&self, _: &[ApplicationId]) -> Result<BTreeMap<RunId, LeftBehind>, PortError> {
        Ok(BTreeMap::new())
    }

    async fn let_go(&self, _: &RunId, _: &[ApplicationId]) -> Result<(), PortError> {
        Ok(())
    }
}

#[test]
fn a_look_in_a_run_is_another_one_than_before_it() {
    let shop: ApplicationId = "shop".parse().unwrap();
    let all = Substrates::new(vec![Member::new(BTreeSet::from([shop.clone()]), Arc::new(Unfit))]);
    let names = [shop];
    let refused = futures::executor::block_on(all.allocated(&names)).unwrap_err();
    assert_eq!(refused.to_string(), "it could not be put back");
    assert_eq!(futures::executor::block_on(all.still_allocated(&names)).unwrap().len(), 1);
}

/// How a guard behaves.
#[derive(Clone)]
enum Behaves {
    /// It fails at once.
    Fails(FailureKind),
    /// It tells a drift after a while.
    Sees(Duration),
}

#[async_trait]
impl EnvironmentGuard for Behaves {
    async fn pauses(&self, _: &[ApplicationId], _: &[ScaleStep]) -> Result<Vec<Pause>, PortError> {
        Ok(Vec::new())
    }

    async fn freeze(&self, _: &RunId, _: &[ApplicationId], _: Timestamp) -> Result<Guarded, PortError> {
        match self {
            Self::Fails(_) => Ok(Guarded::Open { because: "nothing keeps others away".to_owned() }),
            Self::Sees(_) => Ok(Guarded::Frozen),
        }
    }

    async fn extend(&self, _: &RunId, _: Timestamp) -> Result<(), PortError> {
        self.act("extended")
    }

    async fn thaw(&self, _: &RunId) -> Result<(), PortError> {
        self.act("thawed")
    }

    async fn pause_again(&self, _: &RunId, _: &[ApplicationId]) -> Result<(), PortError> {
        self.act("paused")
    }

    async fn drifted(&self, expected: &Baseline, _: &[Drift]) -> Result<Vec<Drift>, PortError> {
        match self {
            Self::Fails(_) => self.act("watched").map(|()| Vec::new()),
            Self::Sees(after) => {
                tokio::time::sleep(*after).await;
                Ok(expected
                    .iter()
                    .flat_map(|(name, observed)| conductor_core::guard::drift(name, observed, None))
                    .collect())
            }
        }
    }
}

impl Behaves {
    fn act(&self, done: &str) -> Result<(), PortError> {
        match self {
            Self::Fails(kind) => Err(PortError::new(*kind, format!("could not be {done}"))),
            Self::Sees(_) => Ok(()),
        }
    }
}

/// Substrates with these guards, whose applications are `a`, `b` and so on.
fn guarded(guards: &[Behaves]) -> (Substrates, Vec<ApplicationId>) {
    let names: Vec<ApplicationId> = ["a", "b", "c"].map(|name| name.parse().unwrap()).into();
    let members = guards.iter().zip(&names).map(|(guard, name)| Member {
        guard: Some(Arc::new(guard.clone())),
        ..Member::new(BTreeSet::from([name.clone()]), Arc::new(Unfit))
    });
    (Substrates::new(members.collect()), names)
}

fn baseline(names: &[ApplicationId]) -> Baseline {
    let observed = conductor_core::scale::Observed::new(
        conductor_core::release::Release::single("v1"),
        Allocation::of_replicas(1),
    );
    names.iter().map(|name| (name.clone(), observed.clone())).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_frozen_and_what_is_open_is_told_of_each() {
    let (run, until) = ("one".parse().unwrap(), Timestamp::MAX);
    let (open, frozen) = (Behaves::Fails(FailureKind::Unavailable), Behaves::Sees(Duration::ZERO));
    let told = async |guards: &[Behaves], names: usize| {
        let (all, known) = guarded(guards);
        all.freeze(&run, &known[..names], until).await.unwrap()
    };
    let because = |text: &str| text.to_owned();
    assert_eq!(told(&[frozen.clone(), frozen.clone()], 2).await, Guarded::Frozen);
    assert_eq!(
        told(&[frozen.clone(), open.clone()], 2).await,
        Guarded::Partly { because: because("b: nothing keeps others away") }
    );
    assert_eq!(told(&[frozen, open.clone()], 1).await, Guarded::Frozen, "only those in scope count");
    assert_eq!(
        told(std::slice::from_ref(&open), 1).await,
        Guarded::Open { because: because("nothing keeps others away") }
    );
    assert_eq!(
        told(&[open.clone(), open], 2).await,
        Guarded::Open { because: because("a: nothing keeps others away; b: nothing keeps others away") }
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_does_not_keep_the_others_from_being_done_and_all_failures_are_told() {
    let guards = [
        Behaves::Fails(FailureKind::Unavailable),
        Behaves::Sees(Duration::ZERO),
        Behaves::Fails(FailureKind::Rejected),
    ];
    let (all, _) = guarded(&guards);
    let run = "one".parse().unwrap();
    let error = all.thaw(&run).await.unwrap_err();
    assert_eq!(
        (error.kind, error.to_string().as_str()),
        (FailureKind::Rejected, "could not be thawed; could not be thawed")
    );
    let error = all.extend(&run, Timestamp::MAX).await.unwrap_err();
    assert_eq!(error.to_string(), "could not be extended; could not be extended");
    let (one, _) = guarded(&guards[..2]);
    assert_eq!(one.extend(&run, Timestamp::MAX).await.unwrap_err().kind, FailureKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_substrate_that_cannot_be_watched_does_not_hide_what_others_see() {
    let failing = Behaves::Fails(FailureKind::Unavailable);
    let (all, names) = guarded(&[failing.clone(), Behaves::Sees(Duration::from_secs(10))]);
    let drifts = all.drifted(&baseline(&names[..2]), &[]).await.unwrap();
    assert_eq!(drifts.iter().map(ToString::to_string).collect::<Vec<_>>(), ["b was deleted"]);
    let (all, names) = guarded(&[failing, Behaves::Sees(Duration::from_secs(60))]);
    let error = all.drifted(&baseline(&names[..2]), &[]).await.unwrap_err();
    assert_eq!(error.to_string(), "could not be watched", "that one is not watched is not kept back for long");
    let nobody = tokio::time::timeout(Duration::from_secs(3600), all.drifted(&baseline(&[]), &[])).await;
    assert!(nobody.is_err(), "nothing is expected of anybody");
}
