//! The process itself, by the names that all Prometheus clients give these figures. What a system does not tell is left out.

use std::fmt;
use std::fs;

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage};
use nix::sys::time::TimeValLike;
use nix::unistd::{SysconfVar, sysconf};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// The figures of this process, as they are when Prometheus asks.
#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        if let Some(seconds) = cpu_seconds() {
            let help = "Processor time of user and system";
            let kind = MetricType::Counter;
            let family = encoder.encode_descriptor("process_cpu", help, Some(&Unit::Seconds), kind)?;
            ConstCounter::new(seconds).encode(family)?;
        }
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let bytes = Some(&Unit::Bytes);
        gauge(&mut encoder, "process_resident_memory", "Memory in use", bytes, memory(&status, "VmRSS:"))?;
        gauge(&mut encoder, "process_virtual_memory", "Address space in use", bytes, memory(&status, "VmSize:"))?;
        gauge(&mut encoder, "process_open_fds", "Open file descriptors", None, open_descriptors())?;
        gauge(&mut encoder, "process_max_fds", "Most open file descriptors", None, most_descriptors())?;
        let help = "When the process began, since the Unix epoch";
        gauge(&mut encoder, "process_start_time", help, Some(&Unit::Seconds), start_time())
    }
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    value: Option<f64>,
) -> Result<(), fmt::Error> {
    let Some(value) = value else { return Ok(()) };
    ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?)
}

fn cpu_seconds() -> Option<f64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
    Some((usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e6)
}

/// A line such as `VmRSS:     1234 kB`.
fn memory(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some((kibibytes * 1024) as f64)
}

fn open_descriptors() -> Option<f64> {
    // The folder that is read is one of them for as long.
    Some(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1) as f64)
}

fn most_descriptors() -> Option<f64> {
    Some(getrlimit(Resource::RLIMIT_NOFILE).ok()?.0 as f64)
}

fn start_time() -> Option<f64> {
    let ticks = sysconf(SysconfVar::CLK_TCK).ok().flatten()? as f64;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let system = fs::read_to_string("/proc/stat").ok()?;
    let booted: u64 = system.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(booted as f64 + started_ticks(&stat)? as f64 / ticks)
}

/// The 22nd field, of which the second one is a name in parentheses that may have blanks and parentheses in it.
fn started_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_is_read_past_a_name_that_looks_like_fields() {
        let stat = "7 (a ) 1 2 (b) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 9 9 9";
        assert_eq!(started_ticks(stat), Some(4711));
    }

    #[test]
    fn memory_is_told_in_bytes() {
        assert_eq!(memory("Name:\tx\nVmRSS:\t    2048 kB\n", "VmRSS:"), Some(2_097_152.0));
        assert_eq!(memory("Name:\tx\n", "VmRSS:"), None);
    }

    #[test]
    fn this_process_began_before_now_and_after_the_machine() {
        let now = jiff::Timestamp::now().as_second() as f64;
        let began = start_time().unwrap();
        assert!(began <= now + 1.0 && began > now - 24.0 * 3600.0, "{began} {now}");
    }
}
