//! Whatever a service holds, however it pages and whatever goes wrong: what remains is exactly what is not the run's.

use std::collections::BTreeMap;

use conductor_core::ports::TestDataStore;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::bed::{counts, filtered, run, store_with, tagged, whole};
use crate::service::{Habits, Paging, Service};

/// How the orders are deleted.
#[derive(Clone, Copy, Debug)]
enum Way {
    Tagged,
    Filtered,
    Whole,
}

impl Way {
    fn resource(self, paging: Paging) -> Value {
        match self {
            Self::Tagged => tagged(paging),
            Self::Filtered => filtered(paging),
            Self::Whole => whole(),
        }
    }
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![Just(Way::Tagged), Just(Way::Filtered), Just(Way::Whole)]
}

fn paging() -> impl Strategy<Value = Paging> {
    prop_oneof![Just(Paging::Whole), Just(Paging::Token), Just(Paging::Link), Just(Paging::Page), Just(Paging::Offset)]
}

/// Names that are much like the run's own.
fn owner() -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![
        4 => Just(Some("run-1")),
        1 => Just(Some("run-10")),
        1 => Just(Some("RUN-1")),
        1 => Just(Some("run-1 ")),
        1 => Just(Some("")),
        1 => Just(None),
    ]
}

fn habits() -> impl Strategy<Value = Habits> {
    let faults =
        (btree_set(1..60_usize, 0..6), btree_set(1..60_usize, 0..6), btree_map(1..60_usize, Just(0_u64), 0..6));
    (paging(), 1..9_usize, any::<(bool, bool)>(), faults, 0..3_usize, 1..9_usize).prop_map(
        |(paging, page_size, (ignores_filter, clamps), (fails, loses, throttles), shows_deleted, bulk)| Habits {
            paging,
            page_size,
            ignores_filter,
            clamps,
            throttles,
            fails,
            loses,
            shows_deleted,
            bulk,
            ..Habits::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_remains_is_exactly_what_is_not_the_runs(
        owners in vec(owner(), 0..40),
        mut habits in habits(),
        way in way(),
        concurrency in 1..6_u32,
    ) {
        // Where the filter alone tells the run, a service without one is refused.
        habits.ignores_filter &= matches!(way, Way::Tagged);
        // A first page that is shown again and has nothing of the run may come of a service that does not know the parameter: refused.
        let of_others = owners.iter().filter(|owner| **owner != Some("run-1")).count();
        habits.clamps &= !habits.ignores_filter || of_others > habits.page_size;
        let paging = habits.paging;
        let service = Service::start(habits);
        let ids: BTreeMap<usize, String> = (0..owners.len()).map(|number| (number, format!("{}/{number}", number % 7))).collect();
        for (number, owner) in owners.iter().enumerate() {
            service.shop().add(&*ids[&number], *owner);
        }
        let own = owners.iter().filter(|owner| **owner == Some("run-1")).count() as u64;
        let others: Vec<String> =
            owners.iter().enumerate().filter(|(_, owner)| **owner != Some("run-1")).map(|(number, _)| ids[&number].clone()).collect();
        let store = store_with(&service, &way.resource(paging), &json!({ "concurrency": concurrency }));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (deleted, left) = runtime.block_on(async { (store.delete(&run()).await, store.count(&run()).await) });
        if matches!(way, Way::Filtered) && owners.contains(&Some("RUN-1")) {
            // What is told for the run's id in the other case may be the run's to the service: nobody knows.
            prop_assert_eq!(service.ids(), ids.into_values().collect::<Vec<_>>());
            prop_assert!(deleted.unwrap_err().to_string().contains("for \"RUN-1\" tells some"));
            return Ok(());
        }
        prop_assert_eq!(service.ids(), others);
        prop_assert_eq!(deleted.unwrap(), counts(own));
        prop_assert_eq!(left.unwrap(), counts(0));
    }
}
