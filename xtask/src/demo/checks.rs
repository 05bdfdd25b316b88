//! What must be true after the demo's load test, from the run's own record and from the database.

use serde_json::Value;

use super::Profile;

const TARGET_PER_MIN: f64 = 2_000.0;
const MEAN_TOLERANCE: f64 = 0.05;
const MINUTE_TOLERANCE: f64 = 0.10;
/// What a conductor may have in memory while it drives a run. The pages of a program that is not optimised, some 25 MB, are
/// left out: they say nothing about the one that is installed.
const MOST_MEMORY: u64 = 30_000_000;

/// The most memory that a process had, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    /// With the pages of its program that were loaded.
    pub(super) resident: u64,
    /// Without those pages.
    pub(super) own: u64,
}

/// The conductor stayed small.
pub(super) fn memory(most: Memory, profile: Profile) -> Result<(), String> {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let shown = format!("{:.1} MB in memory, {:.1} MB of them its own", megabytes(most.resident), megabytes(most.own));
    let found = match profile {
        Profile::Dev => most.own,
        Profile::Release => most.resident,
    };
    if (1..MOST_MEMORY).contains(&found) {
        println!("✔ the conductor had at most {shown}");
        return Ok(());
    }
    Err(format!("the conductor had {shown}; less than {:.0} MB are allowed", megabytes(MOST_MEMORY)))
}

/// The outcome of a run, its causes, and the events of each window of the plateau, in one line.
pub(super) fn told(view: &Value) -> String {
    let Some(outcome) = view["verdict"]["outcome"].as_str() else {
        return "the run has no verdict".to_owned();
    };
    let causes = view["verdict"]["causes"].as_array().into_iter().flatten();
    let causes: Vec<&str> = causes.filter_map(|cause| cause["message"].as_str()).collect();
    let begin = view["verdict"]["holds"][0]["fromS"].as_f64().unwrap_or_default();
    let ticks = view["ticks"].as_array().into_iter().flatten();
    let windows: Vec<String> = ticks
        .filter(|tick| tick["fromS"].as_f64().is_some_and(|from| from >= begin))
        .map(|tick| tick["kpiPerMin"].as_f64().map_or("-".to_owned(), |rate| format!("{rate:.0}")))
        .collect();
    format!("{outcome}: {}; windows of the plateau, orders a minute: {}", causes.join("; "), windows.join(" "))
}

/// Production's version and replicas were there during the load.
pub(super) fn versions_and_allocation(view: &Value) -> Result<(), String> {
    let mut applications = view["applications"].as_array().into_iter().flatten();
    let shop = applications.find(|application| application["application"] == "shop").ok_or("the run had no shop")?;
    let during = &shop["during"];
    let found = (&during["release"]["main"], &during["allocation"]["replicas"]);
    if found == (&Value::from("v2"), &Value::from(3)) {
        println!("✔ during the load it was v2 × 3");
        return Ok(());
    }
    Err(format!("during the load the shop should have been v2 × 3, but it was {} × {}", found.0, found.1))
}

/// The plateau's mean is close to the target, and so is every full minute of it after the first.
pub(super) fn plateau(view: &Value) -> Result<(), String> {
    let mean = view["verdict"]["holds"][0]["figures"]["meanPerMin"].as_f64().ok_or("the plateau has no mean")?;
    if (mean / TARGET_PER_MIN - 1.0).abs() > MEAN_TOLERANCE {
        return Err(format!("the plateau's mean is {mean:.0}/min, more than 5 % from {TARGET_PER_MIN}/min"));
    }
    let minutes = minutes(view)?;
    let shown: Vec<String> = minutes.iter().map(|minute| format!("{minute:.0}")).collect();
    let far = |minute: &&f64| (**minute / TARGET_PER_MIN - 1.0).abs() > MINUTE_TOLERANCE;
    if minutes.len() < 3 || minutes.iter().skip(1).any(|minute| far(&minute)) {
        return Err(format!("the plateau's minutes are {} orders, too far from {TARGET_PER_MIN}", shown.join(", ")));
    }
    println!("✔ {mean:.0} orders a minute on the plateau's mean; minute by minute {}", shown.join(", "));
    Ok(())
}

/// Events in each full minute of the plateau, with windows that lie across an edge counted by their share.
fn minutes(view: &Value) -> Result<Vec<f64>, String> {
    let number = |value: &Value, name: &str| value[name].as_f64().ok_or_else(|| format!("{name} is missing"));
    let plateau = &view["verdict"]["holds"][0];
    let begin = number(plateau, "fromS")?;
    let full = ((number(plateau, "toS")? - begin) / 60.0) as usize;
    let mut minutes = vec![0.0; full];
    for tick in view["ticks"].as_array().ok_or("there are no ticks")? {
        let (from, to) = (number(tick, "fromS")? - begin, number(tick, "toS")? - begin);
        let count = tick["count"].as_f64().unwrap_or_default();
        for (minute, events) in minutes.iter_mut().enumerate() {
            let (left, right) = (from.max(minute as f64 * 60.0), to.min((minute as f64 + 1.0) * 60.0));
            if right > left {
                *events += count * (right - left) / (to - from);
            }
        }
    }
    Ok(minutes)
}

/// Every row that was there before is there, and no other.
pub(super) fn rows(before: &str, after: &str) -> Result<(), String> {
    if before == after {
        println!("✔ the database has the {} rows it had before, and none of the run", before.lines().count());
        return Ok(());
    }
    let gone = before.lines().filter(|row| !after.contains(row)).count();
    let new = after.lines().filter(|row| !before.contains(row)).count();
    Err(format!("the database is not as it was: {gone} rows are gone, {new} are new"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn view(second: u64) -> Value {
        let tick = |from: f64, count: u64| json!({ "fromS": from, "toS": from + 60.0, "count": count });
        json!({
            "verdict": { "holds": [{ "fromS": 60.0, "toS": 240.0, "figures": { "meanPerMin": 2000.0 } }] },
            "ticks": [tick(0.0, 700), tick(60.0, 1500), tick(120.0, second), tick(180.0, 2001)],
        })
    }

    #[test]
    fn a_minute_too_far_from_the_target_is_refused_unless_it_is_the_first() {
        assert_eq!(minutes(&view(1990)).unwrap(), [1500.0, 1990.0, 2001.0]);
        assert_eq!(plateau(&view(1990)), Ok(()));
        assert!(plateau(&view(1700)).unwrap_err().contains("1500, 1700, 2001"));
    }

    #[test]
    fn a_run_that_did_not_pass_is_told_in_one_line() {
        let run = json!({
            "verdict": {
                "outcome": "failed",
                "causes": [{ "code": "target_not_held", "message": "1800/min on the mean" }],
                "holds": [{ "fromS": 60.0 }],
            },
            "ticks": [{ "fromS": 50.0, "kpiPerMin": 1.0 }, { "fromS": 60.0, "kpiPerMin": 1799.6 }, { "fromS": 70.0 }],
        });
        assert_eq!(told(&run), "failed: 1800/min on the mean; windows of the plateau, orders a minute: 1800 -");
        assert_eq!(told(&json!({})), "the run has no verdict");
    }

    #[test]
    fn a_conductor_that_is_too_large_or_was_not_seen_is_refused() {
        let small = Memory { resident: 31_000_000, own: 3_000_000 };
        assert_eq!(memory(small, Profile::Dev), Ok(()));
        assert!(memory(small, Profile::Release).unwrap_err().contains("31.0 MB in memory, 3.0 MB of them its own"));
        assert!(memory(Memory { own: 30_000_001, ..small }, Profile::Dev).is_err());
        assert!(memory(Memory { resident: 0, own: 0 }, Profile::Dev).is_err());
    }

    #[test]
    fn a_row_lost_or_left_is_counted() {
        assert_eq!(rows("orders 1\norders 2\n", "orders 1\norders 2\n"), Ok(()));
        assert!(rows("a 1\nb 2\n", "a 1\nc 3\nd 4\n").unwrap_err().contains("1 rows are gone, 2 are new"));
    }
}
