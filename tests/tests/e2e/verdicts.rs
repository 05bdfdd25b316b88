//! Whole runs against the real shop, and what is made of them.

use conductor_tests::{Bed, SHORT, Shop};

#[test]
fn a_run_that_holds_its_target_passes_and_leaves_nothing() {
    let bed = Bed::up(Shop::default());
    let rows = bed.rows();
    bed.write(
        "loadtest.yaml",
        &SHORT
            .replace("600/min", "1200/min")
            // Users grow four and a half fold in a minute at most, so that fifty of them take two minutes.
            .replace("rampUp: 10s", "rampUp: 3m")
            .replace("plateau: 20s", "plateau: 1m\n  load: { usersPerKpi: 0.04 }"),
    );
    let mut running = bed.start();
    running.line("the ramp begins");
    running.line("0:40 ");
    let memory = running.memory();
    assert!(memory < 10_000_000, "{memory} bytes");
    let ended = running.wait().ended_with(0);
    assert!(ended.out.contains("verdict    passed"), "{}", ended.out);
    bed.assert_restored(&rows);
    let view = bed.view();
    assert_eq!(view["applications"][0]["during"]["release"]["main"], "v2");
    assert_eq!(view["applications"][0]["during"]["allocation"]["replicas"], 3);
    // Judged again from the journal alone, and opened from an archive in another place, it is the same.
    let again = bed.conductor(&["verdict", "--output", "json"]).ended_with(0);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&again.out).unwrap(), view["verdict"]);
    let bundle = bed.path("evidence.zip");
    bed.conductor(&["bundle", "--file", &bundle]).succeeded();
    let elsewhere = bed.path("elsewhere");
    let markdown = |run: &[&str]| bed.conductor(&[&["report", "--format", "markdown"], run].concat()).succeeded();
    assert_eq!(markdown(&[&bundle, "--state-dir", &elsewhere]), markdown(&[]));
    let report = ended.out.lines().find_map(|line| line.strip_prefix("report     ")).unwrap();
    assert!(std::fs::read_to_string(report).unwrap().contains("</html>"));
}

#[test]
fn half_the_capacity_fails_from_the_samples() {
    let bed = Bed::up(Shop { capacity: 0.5, ..Shop::default() });
    let rows = bed.rows();
    let hard = SHORT
        .replace("600/min", "2000/min")
        .replace("rampUp: 10s", "rampUp: 20s")
        .replace("plateau: 20s", "plateau: 1m")
        .replace("interval: 5s", "interval: 10s");
    bed.write("loadtest.yaml", &hard);
    let ended = bed.run().ended_with(1);
    assert!(ended.out.contains("target_not_held: orders held a mean of "), "{}", ended.out);
    bed.assert_restored(&rows);
}

#[test]
fn a_locustfile_without_the_kpi_is_invalid_and_put_back() {
    let bed = Bed::new(Shop::default());
    bed.edit("locustfile.py", "self.client.post(\"/orders\"", "self.client.post(\"/ordres\"");
    bed.write("loadtest.yaml", &SHORT.replace("rehearsal: 40s", "rehearsal: 15s"));
    bed.conductor(&["local", "up", &bed.path("environment.yaml")]).succeeded();
    let rows = bed.rows();
    let ended = bed.run().ended_with(3);
    assert!(ended.out.contains("one user produced no orders within 15s"), "{}", ended.out);
    assert!(!ended.out.contains("the ramp begins"), "{}", ended.out);
    bed.assert_restored(&rows);
}
