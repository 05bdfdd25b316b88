//! Finding models: built-in ones and those drawn by chance by their names, others in their files.

use std::collections::HashSet;
use std::path::Path;

use conductor_core::spec::LoadTestDocument;
use conductor_sim::{Plant, PlantFile, held_out, scenarios};
use conductor_wiring::read;
use serde_json::json;

use crate::exit::Failed;

/// What stands for every built-in model.
pub(super) const ALL: &str = "all";

/// The models that are named, in their order, each without a violation.
pub(super) fn models(named: &[String]) -> Result<Vec<Plant>, Failed> {
    let mut plants = Vec::new();
    for name in named {
        let mut known = scenarios();
        if name != ALL {
            known.retain(|plant| plant.name == *name);
        }
        match held_out_seed(name) {
            Some(seed) => plants.push(held_out(seed).plant),
            None if known.is_empty() => plants.extend(of_file(name)?),
            None => plants.extend(known),
        }
    }
    tell_apart(&mut plants);
    Ok(plants)
}

/// Numbers models whose name another one before them has.
fn tell_apart(plants: &mut [Plant]) {
    let mut taken = HashSet::new();
    for plant in plants {
        let own = plant.name.clone();
        let mut number = 2;
        while !taken.insert(plant.name.clone()) {
            plant.name = format!("{own}-{number}");
            number += 1;
        }
    }
}

/// The one model that is named.
pub(super) fn model(named: &[String]) -> Result<Plant, Failed> {
    let mut plants = models(named)?;
    match plants.pop() {
        Some(plant) if plants.is_empty() => Ok(plant),
        Some(_) | None => {
            let expected = "expected one model; several are compared with --score or --plot";
            Err(Failed::input(format!("--plant: {} models cannot be run at once; {expected}", plants.len() + 1)))
        }
    }
}

/// The seed of a plant that is drawn by chance.
fn held_out_seed(name: &str) -> Option<u64> {
    name.strip_prefix("held-out-")?.parse().ok()
}

fn of_file(name: &str) -> Result<Vec<Plant>, Failed> {
    let file = Path::new(name);
    if !file.exists() {
        let names: Vec<String> = scenarios().into_iter().map(|plant| plant.name).collect();
        let known = names.join(", ");
        return Err(Failed::input(format!("there is no file {name}; expected a file, {ALL}, or some of {known}")));
    }
    let written = read::<PlantFile>(file).map_err(Failed::input)?;
    let violations = written.value.violations();
    if violations.is_empty() {
        Ok(written.value.into_plants())
    } else {
        Err(Failed::input(written.refuse(&violations)))
    }
}

/// The load test that a model's `run` describes.
pub(super) fn own_load_test(plant: &Plant) -> Result<LoadTestDocument, Failed> {
    /// An order is as good as certain in so many times the mean time to one.
    const CERTAIN: f64 = 10.0;
    /// A load test's own default, seconds.
    const LEAST_S: f64 = 180.0;
    let (run, journey, hints) = (&plant.run, &plant.journey, &plant.hints);
    let think_s = journey.think_time.as_secs_f64() * (1.0 + plant.warm_up.extra_think_time);
    let order_s = journey.login.as_secs_f64() + think_s / journey.checkout_ratio;
    let name: String = plant.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let document = json!({
        "apiVersion": "loadtest-conductor.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": { "name": format!("model-{name}") },
        "spec": {
            "environment": "model",
            "kpi": { "name": "kpi", "target": run.target },
            "rampUp": run.ramp_up,
            "plateau": run.plateau,
            "limits": { "rehearsal": format!("{}s", (CERTAIN * order_s).max(LEAST_S).ceil()) },
            "load": { "usersPerKpi": hints.users_per_kpi, "kpiLag": hints.kpi_lag }
        }
    });
    serde_json::from_value(document).map_err(Failed::because)
}

#[cfg(test)]
mod tests {
    use conductor_core::ramp::Profile;
    use conductor_core::spec::LoadTestSpec;

    use super::*;

    #[test]
    fn every_built_in_model_has_a_sound_load_test_of_its_own() {
        for plant in models(&[ALL.to_owned()]).unwrap() {
            let spec = LoadTestSpec::try_from(own_load_test(&plant).unwrap()).unwrap();
            let run = &plant.run;
            let (ramp_up_s, plateau_s) = (run.ramp_up.as_secs_f64(), run.plateau.as_secs_f64());
            let line = Profile::ramp(run.target.as_per_minute(), ramp_up_s, plateau_s);
            assert_eq!(spec.profile(), line, "{}", plant.name);
        }
    }

    #[test]
    fn models_of_one_name_are_numbered() {
        let named = |names: [&str; 4]| models(&names.map(str::to_owned)).unwrap();
        let names: Vec<String> =
            named(["nom600", "tiny3", "nom600", "nom600"]).into_iter().map(|plant| plant.name).collect();
        assert_eq!(names, ["nom600", "tiny3", "nom600-2", "nom600-3"]);
    }

    #[test]
    fn one_model_is_run_and_several_are_not() {
        assert_eq!(model(&["nom600".to_owned()]).unwrap().name, "nom600");
        assert_eq!(model(&["held-out-7".to_owned()]).unwrap(), held_out(7).plant);
        let error = model(&[ALL.to_owned()]).unwrap_err().to_string();
        assert!(error.contains("19 models cannot be run at once"), "{error}");
        let error = model(&["nom601".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("there is no file nom601") && error.contains("outage5m"), "{error}");
    }
}
