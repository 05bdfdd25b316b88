//! The contract against the last one that was committed: nothing that callers use goes away, and the committed one is up to date.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod breaking;

use std::path::PathBuf;

use breaking::breaking;
use prost::Message;
use prost_types::FileDescriptorSet;

/// Renews the committed contract, once nothing in it breaks callers.
const RENEW: &str = "UPDATE_GOLDEN";
const COMMAND: &str = "UPDATE_GOLDEN=1 cargo test -p conductor-proto --test contract";

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../proto/conductor.v1.binpb")
}

/// The contract without comments and places, which break nobody.
fn present() -> FileDescriptorSet {
    let mut set = FileDescriptorSet::decode(conductor_proto::DESCRIPTORS).unwrap();
    set.file.retain(|file| file.package() == "conductor.v1");
    set.file.iter_mut().for_each(|file| file.source_code_info = None);
    set
}

fn committed() -> FileDescriptorSet {
    FileDescriptorSet::decode(&*std::fs::read(file()).unwrap_or_default()).unwrap()
}

#[test]
fn the_contract_keeps_what_is_committed_and_what_is_committed_is_up_to_date() {
    let (old, new) = (committed(), present());
    let broken = breaking(&old, &new);
    assert!(broken.is_empty(), "callers of the committed contract would break:\n{}", broken.join("\n"));
    if std::env::var_os(RENEW).is_some() {
        std::fs::write(file(), new.encode_to_vec()).unwrap();
    }
    assert!(committed() == new, "proto/conductor.v1.binpb is not what proto/ says; renew it with\n{COMMAND}");
}

/// What breaks when the present contract is changed like this.
fn after(change: impl FnOnce(&mut FileDescriptorSet)) -> Vec<String> {
    let mut changed = present();
    change(&mut changed);
    breaking(&present(), &changed)
}

fn message<'a>(set: &'a mut FileDescriptorSet, name: &str) -> &'a mut prost_types::DescriptorProto {
    set.file.iter_mut().flat_map(|file| &mut file.message_type).find(|message| message.name() == name).unwrap()
}

#[test]
fn a_field_that_goes_or_changes_is_told() {
    assert_eq!(
        after(|set| message(set, "Kpi").field.retain(|field| field.name() != "target")),
        ["field conductor.v1.Kpi.target (number 2) is gone"]
    );
    assert_eq!(
        after(|set| message(set, "Kpi").field[1].number = Some(7)),
        ["field conductor.v1.Kpi.target had number 2 and has 7"]
    );
    assert_eq!(
        after(|set| message(set, "Kpi").field[0].name = Some("title".to_owned())),
        ["field conductor.v1.Kpi.name (number 1) is called title now"]
    );
    assert_eq!(
        after(|set| message(set, "Kpi").field[0].set_type(prost_types::field_descriptor_proto::Type::Bytes)),
        ["field conductor.v1.Kpi.name was optional string and is optional bytes"]
    );
}

#[test]
fn a_message_a_value_or_a_method_that_goes_or_changes_is_told() {
    let gone = after(|set| {
        set.file.iter_mut().for_each(|file| file.message_type.retain(|message| message.name() != "Latency"));
    });
    assert_eq!(gone, ["message conductor.v1.Latency is gone"]);
    let gone = after(|set| {
        let levels = set.file.iter_mut().flat_map(|file| &mut file.enum_type).find(|found| found.name() == "Level");
        levels.unwrap().value.pop();
    });
    assert_eq!(gone, ["value LEVEL_WARNING of enum conductor.v1.Level is gone"]);
    let changed = after(|set| {
        let methods = set.file.iter_mut().flat_map(|file| &mut file.service).flat_map(|service| &mut service.method);
        for method in methods {
            if method.name() == "WatchLoadTest" {
                method.server_streaming = Some(false);
            }
        }
    });
    assert_eq!(
        changed,
        [
            "method conductor.v1.LoadTestService/WatchLoadTest was .conductor.v1.WatchLoadTestRequest -> stream of .conductor.v1.WatchLoadTestResponse and is .conductor.v1.WatchLoadTestRequest -> .conductor.v1.WatchLoadTestResponse"
        ]
    );
    let gone = after(|set| {
        set.file.iter_mut().flat_map(|file| &mut file.service).for_each(|service| service.method.clear());
    });
    assert_eq!(gone.len(), 8, "{gone:?}");
}

#[test]
fn what_is_new_breaks_nobody() {
    let added = after(|set| {
        let mut field = message(set, "Kpi").field[0].clone();
        (field.name, field.number) = (Some("unit".to_owned()), Some(3));
        message(set, "Kpi").field.push(field);
    });
    assert_eq!(added, Vec::<String>::new());
}
