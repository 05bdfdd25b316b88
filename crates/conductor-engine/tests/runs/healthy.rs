//! Runs in which nothing goes wrong.

use conductor_core::verdict::Outcome;
use conductor_sim::{Call, Noise};

use crate::bed::{Bed, outcome, verdict};
use crate::doubles::twice;

#[tokio::test(start_paused = true)]
async fn a_run_goes_there_and_back_and_passes() {
    let bed = Bed::new(|plant| plant.environment.noise = Noise::Binomial);
    let view = bed.run().await;
    bed.assert_clean(&view, "healthy");
    assert_eq!(outcome(&view), Outcome::Passed, "{:?}", verdict(&view));
    let shop = view.applications.iter().find(|view| view.application.as_str() == "shop").unwrap();
    assert_eq!((shop.during.release.version(), shop.during.allocation.replicas), (Some("v2"), 3));
    assert!(view.deleted.iter().any(|table| table.table == "shop/orders" && table.rows > 4000), "{:?}", view.deleted);
}

#[tokio::test(start_paused = true)]
async fn the_same_plant_gives_the_same_figures() {
    let mut figures = Vec::new();
    for _ in 0..2 {
        let view = Bed::new(|plant| plant.environment.noise = Noise::Binomial).run().await;
        figures.push(view.ticks.iter().map(|tick| (tick.users_wanted, tick.count)).collect::<Vec<_>>());
    }
    assert_eq!(figures[0], figures[1]);
}

#[tokio::test(start_paused = true)]
async fn doing_everything_twice_changes_nothing() {
    for bed in Bed::KINDS {
        let bed = bed(vec![]).wrapped(twice);
        let view = bed.run().await;
        bed.assert_clean(&view, "twice");
        assert_eq!(outcome(&view), Outcome::Passed, "{:?}", verdict(&view));
        let stops = bed.environment.calls().iter().filter(|record| record.call == Call::Stop).count();
        assert_eq!(stops, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_system_without_the_capacity_fails_the_run_and_is_put_back() {
    let bed = Bed::new(|plant| {
        plant.checkout.capacity = Some("900/min".parse().unwrap());
        plant.checkout.timeout = Some("10s".parse().unwrap());
    });
    let view = bed.run().await;
    bed.assert_clean(&view, "overloaded");
    assert_eq!(outcome(&view), Outcome::Failed);
    assert_eq!(verdict(&view).causes[0].code, "target_not_held");
}

#[tokio::test(start_paused = true)]
async fn a_generator_at_its_limit_makes_the_run_invalid() {
    let bed = Bed::new(|plant| plant.environment.workers.users_per_worker = Some(100));
    let view = bed.run().await;
    bed.assert_clean(&view, "generator bound");
    assert_eq!(outcome(&view), Outcome::Invalid);
    assert_eq!(verdict(&view).causes[0].code, "generator_bound");
}

#[tokio::test(start_paused = true)]
async fn rows_that_are_written_late_are_deleted_too() {
    let bed = Bed::new(|plant| {
        plant.environment.test_data[0].write_delay = "3s".parse().unwrap();
        let delays = &mut plant.environment.delays;
        (delays.roll_out, delays.scale) = Default::default();
    });
    let view = bed.run().await;
    bed.assert_clean(&view, "late rows");
    let late = view.deleted.iter().find(|table| table.table == "shop/orders (late)");
    assert!(late.is_some_and(|table| table.rows > 0), "{:?}", view.deleted);
}
