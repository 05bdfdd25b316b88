//! The names of a run's objects. Runs may be called what objects may not: those get a number after what is left of it.

use conductor_core::app::ApplicationId;
use conductor_core::run::RunId;

/// What the API server takes for a Job, of which one has a prefix.
const LONGEST: usize = LONGEST_LABEL - TIMER.len();
/// What may be the value of a label, too.
const LONGEST_LABEL: usize = 63;
const TIMER: &str = "freeze-";

/// The name of a run's Freeze: the run's own where it can be one. The same at each call and in each version of the
/// conductor, for a freeze must be found again after a crash.
pub(crate) fn of_run(run: &RunId) -> String {
    plain(run.as_str(), LONGEST)
}

/// The name of the object by which a run lets a delivery system deploy an application. The same at each call, so that there
/// is never a second one.
pub(crate) fn of_delivery(run: &RunId, application: &ApplicationId) -> String {
    plain(&format!("{run}-{application}"), LONGEST_LABEL)
}

fn plain(text: &str, longest: usize) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.len() <= longest && text.chars().all(plain) && !text.ends_with('-') {
        return text.to_owned();
    }
    let number = format!("-{:016x}", fingerprint(text));
    let kept = text.to_ascii_lowercase().replace(|c| !plain(c), "-");
    let kept = &kept[..kept.len().min(longest - number.len())];
    format!("{}{number}", kept.trim_end_matches('-'))
}

/// The name of the timer of a Freeze.
pub(crate) fn of_timer(freeze: &str) -> String {
    format!("{TIMER}{freeze}")
}

/// FNV-1a with 64 bits: written down, because the hashes of the standard library may change with it.
pub(crate) fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(run: &str) -> String {
        of_run(&run.parse().unwrap())
    }

    #[test]
    fn a_freeze_is_called_as_its_run_where_it_can_be() {
        assert_eq!(name("rehearsal-7"), "rehearsal-7");
        assert_eq!(name(&"a".repeat(56)), "a".repeat(56));
    }

    #[test]
    fn each_application_of_a_run_is_deployed_by_an_object_of_its_own() {
        let name = |run: &str, app: &str| of_delivery(&run.parse().unwrap(), &app.parse().unwrap());
        assert_eq!(name("rehearsal-7", "checkout"), "rehearsal-7-checkout");
        let long = name(&"a".repeat(60), "checkout");
        assert_eq!((long.len(), &long[..40]), (63, &*"a".repeat(40)));
        assert_ne!(long, name(&"a".repeat(60), "ledger"));
    }

    #[test]
    fn other_runs_get_names_that_are_valid_and_their_own() {
        assert_eq!(name("Rehearsal_7"), "rehearsal-7-e50a0df1c184d25a");
        let long = "Black.Friday".repeat(10);
        let names = [name("Rehearsal_7"), name("rehearsal.7"), name("a-"), name(&long), name(&format!("{long}x"))];
        for (position, one) in names.iter().enumerate() {
            assert!(of_timer(one).len() <= 63, "{one}");
            assert!(one.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{one}");
            assert!(!names[position + 1..].contains(one), "{one}");
        }
    }
}
