//! CPU and memory: ECS counts them in parts of 1/1024 of a processor and in MiB, the conductor in exact amounts. Pure.
//!
//! A task definition gives them to the task as a whole, to containers, or to both. The whole task is an entry like that of a
//! container, under a name that no container can have. Where the task as a whole has them, containers without any of their
//! own are left out, so that one figure in a load test is the task's.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{ContainerDefinition, TaskDefinition};
use conductor_core::app::Resources;
use conductor_core::quantity::Quantity;

/// The entry of the task as a whole.
pub(crate) const TASK: &str = "whole task";
/// What CPU and memory are called.
const CPU: &str = "requests.cpu";
const RESERVED: &str = "requests.memory";
const LIMIT: &str = "limits.memory";

const BILLION: i128 = 1_000_000_000;
const MIB: i128 = BILLION << 20;

/// What a task definition gives.
pub(crate) fn of(definition: &TaskDefinition) -> BTreeMap<String, Resources> {
    let mut all = BTreeMap::new();
    let cpu = definition.cpu().and_then(cpu_units).map(|units| (CPU.to_owned(), cpu(units)));
    let memory = definition.memory().and_then(mebibytes).map(|mib| (RESERVED.to_owned(), memory(mib)));
    let whole: Resources = cpu.into_iter().chain(memory).collect();
    let has_whole = !whole.is_empty();
    if has_whole {
        all.insert(TASK.to_owned(), whole);
    }
    for container in definition.container_definitions() {
        let own = of_container(container);
        if !has_whole || !own.is_empty() {
            all.insert(container.name().unwrap_or_default().to_owned(), own);
        }
    }
    all
}

fn of_container(container: &ContainerDefinition) -> Resources {
    let mut own = Resources::new();
    if container.cpu() > 0 {
        own.insert(CPU.to_owned(), cpu(container.cpu().into()));
    }
    // What has a limit and no reservation has the limit reserved.
    let reserved = container.memory_reservation().or(container.memory());
    own.extend(reserved.map(|mib| (RESERVED.to_owned(), memory(mib.into()))));
    own.extend(container.memory().map(|mib| (LIMIT.to_owned(), memory(mib.into()))));
    own
}

/// Gives a task definition these resources; what is not named stays as it is.
///
/// # Errors
/// A sentence that names what ECS cannot be given.
pub(crate) fn put_in(definition: &mut TaskDefinition, wanted: &BTreeMap<String, Resources>) -> Result<(), String> {
    // What is as it shall be stays written as it is.
    let given = of(definition);
    for (name, resources) in wanted.iter().filter(|(name, resources)| given.get(*name) != Some(*resources)) {
        if let Some(unknown) = resources.keys().find(|name| ![CPU, RESERVED, LIMIT].contains(&name.as_str())) {
            return Err(format!("{unknown} of {name} is not known to ECS; expected {CPU}, {RESERVED} or {LIMIT}"));
        }
        let cpu = resources.get(CPU).map(|amount| units_of(name, amount)).transpose()?;
        let reserved = resources.get(RESERVED).map(|amount| mib_of(name, RESERVED, amount)).transpose()?;
        let limit = resources.get(LIMIT).map(|amount| mib_of(name, LIMIT, amount)).transpose()?;
        if name == TASK {
            if limit.is_some() {
                return Err(format!("{LIMIT} of {TASK}: its memory is its limit; expected {RESERVED}"));
            }
            definition.cpu = cpu.map(|units| units.to_string());
            definition.memory = reserved.map(|mib| mib.to_string());
            continue;
        }
        let mut containers = definition.container_definitions.iter_mut().flatten();
        let Some(container) = containers.find(|container| container.name.as_ref() == Some(name)) else { continue };
        if let (Some(reserved), Some(limit)) = (reserved, limit)
            && reserved > limit
        {
            return Err(format!("{RESERVED} of {name} is {reserved} MiB, more than its {LIMIT} of {limit} MiB"));
        }
        container.cpu = cpu.unwrap_or_default();
        container.memory = limit;
        container.memory_reservation = reserved.filter(|_| reserved != limit);
    }
    Ok(())
}

/// An amount has no more than nine digits behind the point, a 1024th of a processor has ten: what is read of so many units is these
/// units.
fn units_of(name: &str, amount: &Quantity) -> Result<i32, String> {
    let nearest = i64::try_from((amount.billionths() * 1024 + BILLION / 2) / BILLION).unwrap_or(i64::MAX);
    let exact = (nearest > 0 && cpu(nearest) == *amount).then(|| i32::try_from(nearest).ok()).flatten();
    exact.ok_or_else(|| {
        let next = i64::try_from(amount.billionths() * 1024 / BILLION).unwrap_or_default().saturating_add(1);
        let near = cpu(next);
        format!("{CPU} of {name} is {amount}, and ECS counts in 1024ths of a processor; expected {near} or another")
    })
}

fn mib_of(name: &str, of: &str, amount: &Quantity) -> Result<i32, String> {
    let (mib, rest) = (amount.billionths() / MIB, amount.billionths() % MIB);
    let exact = (rest == 0 && mib > 0).then(|| i32::try_from(mib).ok()).flatten();
    exact.ok_or_else(|| format!("{of} of {name} is {amount}, and ECS counts in MiB; expected {}Mi or another", mib + 1))
}

/// The pairs of CPU units and MiB that Fargate has, as CPU, the least and the most memory, and its steps.
const FARGATE: [(i64, i64, i64, i64); 7] = [
    (256, 512, 2048, 512),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16384, 1024),
    (4096, 8192, 30720, 1024),
    (8192, 16384, 61440, 4096),
    (16384, 32768, 122_880, 8192),
];

/// Why Fargate does not run a task definition; `None` where it does, or it is for something else.
pub(crate) fn unfit_for_fargate(definition: &TaskDefinition) -> Option<String> {
    let is_for_fargate = definition.requires_compatibilities().iter().any(|one| one.as_str() == "FARGATE");
    let (cpu_text, memory_text) = (definition.cpu().unwrap_or("no"), definition.memory().unwrap_or("no"));
    let (units, mib) = (cpu_units(cpu_text).unwrap_or_default(), mebibytes(memory_text).unwrap_or_default());
    let known = FARGATE.iter().find(|(cpu, ..)| *cpu == units);
    // 256 units have 512 MiB, 1 GiB and 2 GiB.
    let is_step = |least: i64, step: i64| (mib - least) % step == 0 && !(units == 256 && mib == 1536);
    let fits = known.is_some_and(|(_, least, most, step)| (*least..=*most).contains(&mib) && is_step(*least, *step));
    (is_for_fargate && !fits).then(|| {
        let expected = known.map_or_else(
            || "a CPU of 256, 512, 1024, 2048, 4096, 8192 or 16384 units".to_owned(),
            |(_, least, most, step)| format!("{least} to {most} MiB in steps of {step} for that CPU"),
        );
        format!("Fargate has no task with {cpu_text} units of CPU and {memory_text} MiB; expected {expected}")
    })
}

/// What containers have reserved beyond what the task has; `None` where it suffices.
pub(crate) fn too_small(definition: &TaskDefinition) -> Option<String> {
    let containers = definition.container_definitions();
    let cpu: i64 = containers.iter().map(|container| i64::from(container.cpu())).sum();
    let reserved = |one: &ContainerDefinition| i64::from(one.memory_reservation().or(one.memory()).unwrap_or_default());
    let memory: i64 = containers.iter().map(reserved).sum();
    let given = [
        (definition.cpu().and_then(cpu_units), cpu, "units of CPU"),
        (definition.memory().and_then(mebibytes), memory, "MiB"),
    ];
    let short = given.into_iter().find(|(given, wanted, _)| given.is_some_and(|given| *wanted > given));
    short.map(|(given, wanted, what)| {
        format!("its containers are given {wanted} {what} and the whole task {}", given.unwrap_or_default())
    })
}

fn cpu(units: i64) -> Quantity {
    Quantity::of_billionths(i128::from(units) * BILLION / 1024)
}

fn memory(mib: i64) -> Quantity {
    Quantity::of_billionths(i128::from(mib) * MIB)
}

/// Reads `256`, or `.25 vCPU`.
fn cpu_units(text: &str) -> Option<i64> {
    in_units(text, "vcpu", 1024)
}

/// Reads `512`, or `0.5 GB`.
fn mebibytes(text: &str) -> Option<i64> {
    in_units(text, "gb", 1024)
}

fn in_units(text: &str, unit: &str, times: i128) -> Option<i64> {
    let lower = text.trim().to_ascii_lowercase();
    let Some(number) = lower.strip_suffix(unit) else { return lower.parse().ok() };
    let amount: Quantity = number.trim().parse().ok()?;
    i64::try_from(amount.billionths() * times / BILLION).ok()
}

#[cfg(test)]
#[path = "resources_tests.rs"]
mod tests;
