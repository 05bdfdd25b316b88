//! What of a contract that is out is no longer kept by another one. For the tests of the contract; numbers and types are what is
//! on the wire, names what is in JSON.

use std::collections::BTreeMap;

use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

/// Everything that callers of `old` would miss in `new`, one line each.
pub(crate) fn breaking(old: &FileDescriptorSet, new: &FileDescriptorSet) -> Vec<String> {
    let (old, new) = (Contract::of(old), Contract::of(new));
    let mut found = Vec::new();
    for (name, was) in &old.messages {
        match new.messages.get(name) {
            Some(is) => fields(name, was, is, &mut found),
            None => found.push(format!("message {name} is gone")),
        }
    }
    for (name, was) in &old.enums {
        match new.enums.get(name) {
            Some(is) => values(name, was, is, &mut found),
            None => found.push(format!("enum {name} is gone")),
        }
    }
    for (name, was) in &old.methods {
        match new.methods.get(name) {
            Some(is) if is == was => {}
            Some(is) => found.push(format!("method {name} was {was} and is {is}")),
            None => found.push(format!("method {name} is gone")),
        }
    }
    found
}

fn fields(message: &str, was: &DescriptorProto, is: &DescriptorProto, found: &mut Vec<String>) {
    for field in &was.field {
        let (name, number) = (field.name(), field.number());
        let Some(same) = is.field.iter().find(|other| other.number() == number) else {
            found.push(match is.field.iter().find(|other| other.name() == name) {
                Some(other) => format!("field {message}.{name} had number {number} and has {}", other.number()),
                None => format!("field {message}.{name} (number {number}) is gone"),
            });
            continue;
        };
        if same.name() != name {
            found.push(format!("field {message}.{name} (number {number}) is called {} now", same.name()));
        }
        if shape(same) != shape(field) {
            found.push(format!("field {message}.{name} was {} and is {}", shape(field), shape(same)));
        }
    }
}

fn values(name: &str, was: &EnumDescriptorProto, is: &EnumDescriptorProto, found: &mut Vec<String>) {
    for value in &was.value {
        match is.value.iter().find(|other| other.name() == value.name()) {
            Some(same) if same.number() == value.number() => {}
            Some(same) => found.push(format!(
                "value {} of enum {name} had number {} and has {}",
                value.name(),
                value.number(),
                same.number()
            )),
            None => found.push(format!("value {} of enum {name} is gone", value.name())),
        }
    }
}

/// What of a field callers notice, such as `repeated message .conductor.v1.Tick`.
fn shape(field: &FieldDescriptorProto) -> String {
    let label = field.label().as_str_name().trim_start_matches("LABEL_").to_lowercase();
    let kind = field.r#type().as_str_name().trim_start_matches("TYPE_").to_lowercase();
    let presence = if field.proto3_optional() { "present or absent, " } else { "" };
    format!("{presence}{label} {kind} {}", field.type_name()).trim_end().to_owned()
}

/// Everything of our own package by its name.
#[derive(Default)]
struct Contract<'a> {
    messages: BTreeMap<String, &'a DescriptorProto>,
    enums: BTreeMap<String, &'a EnumDescriptorProto>,
    methods: BTreeMap<String, String>,
}

impl<'a> Contract<'a> {
    fn of(set: &'a FileDescriptorSet) -> Self {
        let mut all = Self::default();
        for file in set.file.iter().filter(|file| file.package() == "conductor.v1") {
            file.message_type.iter().for_each(|message| all.take(file.package(), message));
            all.enums
                .extend(file.enum_type.iter().map(|found| (format!("{}.{}", file.package(), found.name()), found)));
            for service in &file.service {
                for method in &service.method {
                    let stream = if method.server_streaming() { "stream of " } else { "" };
                    let shape = format!("{} -> {stream}{}", method.input_type(), method.output_type());
                    all.methods.insert(format!("{}.{}/{}", file.package(), service.name(), method.name()), shape);
                }
            }
        }
        all
    }

    fn take(&mut self, within: &str, message: &'a DescriptorProto) {
        let name = format!("{within}.{}", message.name());
        message.nested_type.iter().for_each(|nested| self.take(&name, nested));
        self.enums.extend(message.enum_type.iter().map(|found| (format!("{name}.{}", found.name()), found)));
        self.messages.insert(name, message);
    }
}
