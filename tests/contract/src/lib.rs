//! What the ports of deploying, scaling and counting promise, as cases that every adapter passes on its own substrate.
//!
//! An adapter's tests say what their substrate is by a [`Bed`], and have every case as a test of its own name:
//!
//! ```text
//! conductor_contract::cases!(LocalBed, JournalAlone);
//! conductor_contract::cases!(EcsBed, Marks);
//! ```
//!
//! The second word is the bed's [`Bed::Knowledge`]: where nothing but the journal knows of a run, there are no cases of marks. A case
//! never looks what kind of bed it has, and none is passed by doing nothing. What is special to a substrate is tested by its adapter.
//!
//! What a source of the KPI promises is in [`kpi`]: functions, since an adapter may have many sources.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod bed;
pub mod cases;
pub mod kpi;
mod run;

pub use bed::{APPLICATIONS, Bed, JournalAlone, Knowledge, Marks, Version, is_known_by_the_journal_alone};

/// A test for every case that the bed can have, each by its name.
#[macro_export]
macro_rules! cases {
    ($bed:ty, JournalAlone) => {
        const _: () = $crate::is_known_by_the_journal_alone::<$bed>();
        $crate::cases! { @all $bed }
    };
    ($bed:ty, Marks) => {
        $crate::cases! { @all $bed }
        $crate::cases! { @tests $bed, marks:
            what_a_run_leaves_is_told_by_its_name_and_leads_back_without_a_journal,
            a_cancelled_change_is_put_back_exactly_by_what_it_has_left_alone,
            an_older_conductor_changes_nothing_any_more_once_a_younger_one_has_taken_over,
            another_run_cannot_change_what_a_run_holds,
        }
    };
    (@all $bed:ty) => {
        $crate::cases! { @tests $bed, there:
            production_is_read_with_its_versions_replicas_and_resources,
            a_change_is_made_and_ready_when_its_call_comes_back,
            what_is_done_twice_changes_nothing_the_second_time,
            an_application_that_does_not_exist_is_absent_and_not_found_by_its_name,
        }
        $crate::cases! { @tests $bed, back:
            the_way_back_leaves_exactly_what_was_there_before,
            a_second_way_back_changes_nothing,
            production_is_never_written_to,
        }
        $crate::cases! { @tests $bed, others:
            replicas_that_somebody_else_gives_are_left_alone_and_told,
            a_version_that_somebody_else_deploys_is_left_alone_and_told,
        }
        $crate::cases! { @tests $bed, broken_off:
            a_rollout_that_is_cancelled_in_the_middle_is_put_back_exactly_by_a_second_conductor,
            a_scaling_that_is_cancelled_in_the_middle_is_put_back_exactly_by_a_second_conductor,
            a_way_back_that_is_cancelled_in_the_middle_is_gone_on_with_by_a_second_conductor,
            a_version_that_cannot_come_about_fails_early_and_is_put_back_exactly,
        }
    };
    (@tests $bed:ty, $subject:ident: $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::cases::$subject::$case::<$bed>().await;
            }
        )+
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_case_that_there_is_becomes_a_test() {
        let (list, _) = include_str!("lib.rs").split_once("#[cfg(test)]").unwrap();
        let cases = [
            include_str!("cases/there.rs"),
            include_str!("cases/back.rs"),
            include_str!("cases/others.rs"),
            include_str!("cases/broken_off.rs"),
            include_str!("cases/marks.rs"),
        ];
        let names = cases.iter().flat_map(|text| text.lines()).filter_map(|line| line.strip_prefix("pub async fn "));
        let names: Vec<&str> = names.map(|rest| rest.split('<').next().unwrap()).collect();
        assert!(names.len() > 10, "{names:?}");
        let forgotten: Vec<&&str> =
            names.iter().filter(|name| !list.contains(&format!("            {name},\n"))).collect();
        assert!(forgotten.is_empty(), "{forgotten:?}");
    }
}
