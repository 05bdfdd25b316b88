//! One run: the conductor drives it, and the conditions change at their seconds of load.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::conditions::{Circumstances, Condition};
use super::{INTERVAL_S, MOST_USERS, PLATEAU_S, RAMP_UP_S, TARGET_PER_MIN};
use crate::program;
use crate::shop::Shop;

/// Time between two looks at the run.
const LOOK: Duration = Duration::from_millis(200);
/// Time between two looks for the beginning of the load, each of which starts a program.
const LOOK_FOR_LOAD: Duration = Duration::from_secs(1);

/// Runs a load test in a condition under a law, and answers with the run as the conductor tells it.
pub(super) fn run(shop: &Shop, condition: &Condition, law: &str) -> Result<Value, String> {
    let name = format!("{}-{law}", condition.name);
    let path = |ending: &str| shop.folder.join(format!("{name}.{ending}"));
    write(&path("yaml"), &load_test(&name, law))?;
    set(shop, condition.at(0.0))?;
    let make = |ending: &str| {
        let path = path(ending);
        File::create(&path).map_err(|error| format!("could not write {}: {error}", path.display()))
    };
    let mut conductor = shop.conductor(&["run", "--output", "json"]);
    conductor.arg(path("yaml")).stdin(Stdio::null()).stdout(make("json")?).stderr(make("log")?);
    let mut running = conductor.spawn().map_err(|error| format!("could not start the conductor: {error}"))?;
    let watched = watch(shop, condition, &name, &mut running);
    // Whatever became of watching, the run must come to its end before the environment goes down.
    let status = running.wait().map_err(|error| format!("could not wait for the conductor: {error}"))?;
    watched?;
    if status.code() == Some(4) {
        return Err(format!("interrupted: run {name} was ended in order, and no other was begun"));
    }
    // A run whose target was not held, or that was not valid, is a result; anything else is not.
    if !matches!(status.code(), Some(0 | 1 | 3)) {
        let log = fs::read_to_string(path("log")).unwrap_or_default();
        let last = log.lines().rev().take(5).collect::<Vec<_>>();
        return Err(format!(
            "run {name} ended with {status}: {}",
            last.into_iter().rev().collect::<Vec<_>>().join("\n")
        ));
    }
    let text = fs::read_to_string(path("json"));
    let text = text.map_err(|error| format!("could not read {}: {error}", path("json").display()))?;
    serde_json::from_str(&text).map_err(|error| format!("could not read run {name}: {error}"))
}

/// Changes the conditions at their seconds of load, until the run is over.
fn watch(shop: &Shop, condition: &Condition, name: &str, running: &mut Child) -> Result<(), String> {
    let mut began = None;
    let mut looked = Instant::now();
    let mut changes = condition.course.iter().skip(1).peekable();
    while running.try_wait().map_err(|error| format!("could not look at the conductor: {error}"))?.is_none() {
        if began.is_none() && looked.elapsed() >= LOOK_FOR_LOAD {
            looked = Instant::now();
            began = load_began(shop, name)?;
        }
        let second = began.map_or(-1.0, |began: Instant| began.elapsed().as_secs_f64());
        if let Some((_, circumstances)) = changes.next_if(|(from_s, _)| *from_s <= second) {
            set(shop, *circumstances)?;
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// When the load of the newest run began, to the second; `None` before that.
fn load_began(shop: &Shop, name: &str) -> Result<Option<Instant>, String> {
    let runs: Value = json(&program::quietly(&mut shop.conductor(&["list", "--output", "json"]))?)?;
    let Some(run) = runs[0]["id"].as_str().filter(|_| runs[0]["name"] == name) else { return Ok(None) };
    let view = json(&program::quietly(&mut shop.conductor(&["get", run, "--output", "json"]))?)?;
    Ok(view["loadStarted"].is_string().then(Instant::now))
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("could not read what the conductor says: {error}"))
}

/// Lets the shop and its customers know, in one step.
fn set(shop: &Shop, circumstances: Circumstances) -> Result<(), String> {
    let new = shop.folder.join("conditions.new");
    write(&new, &circumstances.written())?;
    let file = shop.folder.join("conditions.json");
    fs::rename(&new, &file).map_err(|error| format!("could not write {}: {error}", file.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("could not write {}: {error}", path.display()))
}

/// A load test that begins from nothing, so that runs can be compared.
fn load_test(name: &str, law: &str) -> String {
    format!(
        "apiVersion: loadtest-conductor.dev/v1alpha1
kind: LoadTest
metadata: {{ name: {name} }}
spec:
  environment: shop-local
  kpi: {{ name: orders, target: {TARGET_PER_MIN}/min }}
  rampUp: {RAMP_UP_S}s
  plateau: {PLATEAU_S}s
  interval: {INTERVAL_S}s
  limits: {{ maxUsers: {MOST_USERS} }}
  load: {{ algorithm: {law}, learnFromLastRun: false }}
"
    )
}
