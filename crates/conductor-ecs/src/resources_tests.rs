//! CPU and memory there and back, and what ECS cannot be given.

use aws_sdk_ecs::types::Compatibility;

use super::*;

/// A container: its name, CPU, limit and reservation of memory.
type Given<'a> = (&'a str, i32, Option<i32>, Option<i32>);

fn definition(whole: Option<(&str, &str)>, containers: &[Given<'_>]) -> TaskDefinition {
    let containers = containers.iter().map(|(name, cpu, memory, reserved)| {
        let made = ContainerDefinition::builder().name(*name).cpu(*cpu);
        made.set_memory(*memory).set_memory_reservation(*reserved).build()
    });
    TaskDefinition::builder()
        .set_cpu(whole.map(|(cpu, _)| cpu.to_owned()))
        .set_memory(whole.map(|(_, memory)| memory.to_owned()))
        .set_container_definitions(Some(containers.collect()))
        .build()
}

fn told(definition: &TaskDefinition) -> Vec<String> {
    let all = of(definition).into_iter();
    all.map(|(name, resources)| {
        let texts = resources.iter().map(|(name, amount)| format!(" {name} {amount}"));
        format!("{name}:{}", texts.collect::<String>())
    })
    .collect()
}

#[test]
fn what_is_given_is_read_as_amounts() {
    let fargate = definition(Some(("512", "1 GB")), &[("app", 0, None, None), ("proxy", 128, None, Some(64))]);
    assert_eq!(
        told(&fargate),
        ["proxy: requests.cpu 125m requests.memory 64Mi", "whole task: requests.cpu 500m requests.memory 1Gi"]
    );
    let on_instances =
        definition(None, &[("app", 100, Some(300), None), ("proxy", 0, Some(128), Some(64)), ("bare", 0, None, None)]);
    assert_eq!(
        told(&on_instances),
        [
            "app: limits.memory 300Mi requests.cpu 97656250n requests.memory 300Mi",
            "bare:",
            "proxy: limits.memory 128Mi requests.memory 64Mi"
        ]
    );
    assert_eq!(
        told(&definition(Some((".25 vCPU", "0.5GB")), &[])),
        ["whole task: requests.cpu 250m requests.memory 512Mi"]
    );
}

#[test]
fn what_was_read_can_be_put_back_exactly() {
    for made in [
        definition(Some(("512", "1024")), &[("app", 0, None, None), ("proxy", 128, None, Some(64))]),
        definition(None, &[("app", 100, Some(300), None), ("proxy", 0, Some(128), Some(64)), ("bare", 0, None, None)]),
    ] {
        let mut other = definition(
            made.cpu().map(|_| ("4096", "8192")),
            &[("app", 7, Some(9), Some(8)), ("proxy", 7, None, Some(8)), ("bare", 7, None, None)],
        );
        other.container_definitions.as_mut().unwrap().truncate(made.container_definitions().len());
        if made.cpu().is_some() {
            // It has no entry of its own, and is not touched.
            other.container_definitions.as_mut().unwrap()[0] = made.container_definitions()[0].clone();
        }
        put_in(&mut other, &of(&made)).unwrap();
        assert_eq!(other, made);
    }
}

#[test]
fn odd_units_of_cpu_are_read_and_given_as_the_same() {
    for units in [1, 2, 5, 100, 129, 1023, 4099] {
        let mut other = definition(None, &[("app", 7, Some(9), None)]);
        put_in(&mut other, &of(&definition(None, &[("app", units, Some(9), None)]))).unwrap();
        assert_eq!(other.container_definitions()[0].cpu(), units);
    }
}

#[test]
fn what_is_as_it_shall_be_stays_as_it_is_written() {
    let made = definition(Some((".25 vCPU", "0.5GB")), &[("app", 5, Some(64), Some(64))]);
    let mut same = made.clone();
    put_in(&mut same, &of(&made)).unwrap();
    assert_eq!(same, made);
}

#[test]
fn what_ecs_cannot_be_given_is_refused_by_its_name() {
    let refused = |name: &str, given: &[(&str, &str)]| {
        let given = given.iter().map(|(name, text)| ((*name).to_owned(), text.parse().unwrap())).collect();
        let mut made = definition(Some(("512", "1024")), &[("app", 0, None, None)]);
        put_in(&mut made, &BTreeMap::from([(name.to_owned(), given)])).unwrap_err()
    };
    assert_eq!(
        refused("app", &[("requests.cpu", "100m")]),
        "requests.cpu of app is 100m, and ECS counts in 1024ths of a processor; expected 100585937n or another"
    );
    assert_eq!(
        refused(TASK, &[("requests.memory", "1G")]),
        "requests.memory of whole task is 1G, and ECS counts in MiB; expected 954Mi or another"
    );
    assert!(refused("app", &[("requests.cpu", "0")]).starts_with("requests.cpu of app is 0, "));
    assert_eq!(
        refused("app", &[("limits.cpu", "1")]),
        "limits.cpu of app is not known to ECS; expected requests.cpu, requests.memory or limits.memory"
    );
    assert_eq!(
        refused(TASK, &[("limits.memory", "1Gi")]),
        "limits.memory of whole task: its memory is its limit; expected requests.memory"
    );
    assert_eq!(
        refused("app", &[("limits.memory", "1Gi"), ("requests.memory", "2Gi")]),
        "requests.memory of app is 2048 MiB, more than its limits.memory of 1024 MiB"
    );
}

#[test]
fn fargate_has_only_some_pairs_of_cpu_and_memory() {
    let unfit = |cpu: &str, memory: &str| {
        let mut made = definition(Some((cpu, memory)), &[]);
        made.requires_compatibilities = Some(vec![Compatibility::Fargate]);
        unfit_for_fargate(&made)
    };
    for (cpu, memory) in [("256", "512"), ("256", "2048"), ("1024", "3072"), ("4096", "30720"), ("16384", "122880")] {
        assert_eq!(unfit(cpu, memory), None, "{cpu} {memory}");
    }
    for (cpu, memory) in [("256", "1536"), ("256", "4096"), ("8192", "17408"), ("1024", "1024")] {
        assert!(unfit(cpu, memory).is_some(), "{cpu} {memory}");
    }
    assert_eq!(
        unfit("512", "512").unwrap(),
        "Fargate has no task with 512 units of CPU and 512 MiB; expected 1024 to 4096 MiB in steps of 1024 for that CPU"
    );
    assert_eq!(
        unfit("300", "512").unwrap(),
        "Fargate has no task with 300 units of CPU and 512 MiB; expected a CPU of 256, 512, 1024, 2048, 4096, 8192 or 16384 units"
    );
    assert_eq!(unfit_for_fargate(&definition(Some(("300", "512")), &[])), None, "instances take any");
}

#[test]
fn containers_cannot_have_more_than_their_task() {
    let small = definition(Some(("512", "1024")), &[("app", 500, None, Some(512)), ("proxy", 100, None, None)]);
    assert_eq!(too_small(&small).unwrap(), "its containers are given 600 units of CPU and the whole task 512");
    let small = definition(Some(("512", "1024")), &[("app", 500, Some(2048), None)]);
    assert_eq!(too_small(&small).unwrap(), "its containers are given 2048 MiB and the whole task 1024");
    assert_eq!(too_small(&definition(None, &[("app", 500, Some(2048), None)])), None);
}
