//! Markers as tags, and what is said of broken ones.

use super::*;

fn tags(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn revision(text: &str) -> Revision {
    text.parse().unwrap()
}

#[test]
fn a_marker_is_read_as_it_was_written() {
    let marker = Marker {
        holder: Holder { run: "rehearsal-1".parse().unwrap(), epoch: 7 },
        desired: Some(Kept { before: 2, applied: vec![6, 12] }),
        definition: Some(Kept { before: revision("shop:7"), applied: vec![revision("shop:8"), revision("shop:9")] }),
        suspended: Some(Kept { before: Suspended::default(), applied: vec![Suspended::ALL] }),
    };
    let written = marker.write();
    let told: Vec<String> = written.iter().map(|(key, value)| format!("{} {value}", &key[PREFIX.len()..])).collect();
    assert_eq!(
        told,
        [
            "applied-desired-count 6 12",
            "applied-suspended in=true out=true scheduled=true",
            "applied-task-definition 8 9",
            "desired-count 2",
            "epoch 7",
            "run rehearsal-1",
            "suspended in=false out=false scheduled=false",
            "task-definition shop:7",
        ]
    );
    let mut there = written.clone();
    there.insert("team".to_owned(), "shop".to_owned());
    assert_eq!(Marker::read(&there).unwrap(), Some(marker));
    assert_eq!(Marker::read(&tags(&[("team", "shop")])).unwrap(), None);
    // What ECS allows in a value of a tag.
    let is_allowed = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
    assert!(written.values().all(|value| value.chars().all(is_allowed)), "{written:?}");
}

#[test]
fn of_a_marker_that_has_given_nothing_yet_only_what_it_was_before_is_kept() {
    let mut marker = Marker::new(Holder { run: "one".parse().unwrap(), epoch: 1 });
    assert!(marker.is_empty());
    marker.desired = Some(Kept::new(2));
    assert_eq!(Marker::read(&marker.write()).unwrap(), Some(marker));
}

#[test]
fn half_a_marker_or_a_broken_one_is_told_by_name() {
    let told = |of: &[(&str, &str)]| Marker::read(&tags(of)).unwrap_err().to_string();
    let [run, epoch] = [(RUN, "one"), (EPOCH, "1")];
    assert_eq!(
        told(&[(DESIRED[0], "2")]),
        "it has tag loadtest-conductor.dev/desired-count and not loadtest-conductor.dev/run, so that nobody can say what it was before"
    );
    assert_eq!(
        told(&[run, epoch, (DESIRED[1], "2")]),
        "it has tag loadtest-conductor.dev/applied-desired-count and not loadtest-conductor.dev/desired-count, so that nobody can say what it was before"
    );
    assert_eq!(told(&[run, (EPOCH, "x")]), "tag loadtest-conductor.dev/epoch is \"x\", which cannot be read");
    assert_eq!(
        told(&[run, epoch, (DEFINITION[0], "shop"), (DEFINITION[1], "")]),
        "tag loadtest-conductor.dev/task-definition is \"shop\", which cannot be read"
    );
    assert_eq!(
        told(&[run, epoch, (DEFINITION[0], "shop:7"), (DEFINITION[1], "8 x")]),
        "tag loadtest-conductor.dev/applied-task-definition is \"8 x\", which cannot be read"
    );
    assert_eq!(
        told(&[run, epoch, (SUSPENDED[0], "in=true"), (SUSPENDED[1], "in=true out=true scheduled=true")]),
        "tag loadtest-conductor.dev/suspended is \"in=true\", which cannot be read"
    );
    assert_eq!(
        holder(&tags(&[run, epoch, (DESIRED[0], "x")])).unwrap().epoch,
        1,
        "whose it is can be said all the same"
    );
}

#[test]
fn values_that_do_not_fit_into_a_tag_are_dropped_from_the_oldest_on() {
    let mut kept = Kept::new(1_u32);
    (0..100).for_each(|number| kept.apply(10_000 + number));
    let marker = Marker { desired: Some(kept), ..Marker::new(Holder { run: "one".parse().unwrap(), epoch: 1 }) };
    let written = marker.write();
    assert!(written.values().all(|value| value.len() <= LONGEST));
    let read = Marker::read(&written).unwrap().unwrap().desired.unwrap();
    assert_eq!((read.before, read.applied.last(), read.applied.len()), (1, Some(&10_099), 42));
}

#[test]
fn what_it_was_before_is_nobodys_value_of_the_run() {
    let mut kept = Kept::new(2_u32);
    kept.apply(6);
    kept.apply(2);
    kept.apply(6);
    assert_eq!(kept.applied, [2, 6]);
    assert_eq!([2, 6, 9].map(|value| kept.is_ours(&value)), [false, true, false]);
}

#[test]
fn what_somebody_lets_go_on_meanwhile_goes_on_and_the_rest_is_as_it_was() {
    let of = |text: &str| text.parse::<Suspended>().unwrap();
    for (live, before, after) in [
        ("in=true out=true scheduled=true", "in=false out=false scheduled=false", "in=false out=false scheduled=false"),
        ("in=true out=true scheduled=true", "in=true out=false scheduled=false", "in=true out=false scheduled=false"),
        ("in=true out=false scheduled=true", "in=true out=true scheduled=false", "in=true out=false scheduled=false"),
    ] {
        assert_eq!(of(live).back_to(of(before)), of(after), "{live}");
    }
}
