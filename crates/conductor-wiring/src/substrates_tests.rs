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
