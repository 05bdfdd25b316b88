//! The memory of this process, as the kernel counts it.

/// The largest amount since the last reset, in megabytes.
pub(crate) fn peak() -> f64 {
    kilobytes("VmHWM:") / 1000.0 * 1.024
}

/// The amount now, in megabytes.
pub(crate) fn now() -> f64 {
    kilobytes("VmRSS:") / 1000.0 * 1.024
}

/// Forgets the peak that was: true where the kernel can.
pub(crate) fn reset() -> bool {
    let before = peak();
    std::fs::write("/proc/self/clear_refs", "5").is_ok() && peak() <= before
}

fn kilobytes(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
