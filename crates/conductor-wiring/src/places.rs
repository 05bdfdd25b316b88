//! Where the fields of a YAML text stand, so that an error about a field can point at it. No value is kept.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use serde_saphyr::options::NonFiniteFloatPolicy;

use crate::input::DEEPEST;

/// A line and a column, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The column, in characters.
    pub column: u64,
}

/// The places of all fields, by path (`spec.applications[1].name`).
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(BTreeMap<String, Place>);

impl Places {
    /// The places in a text that can be read as YAML; none in any other.
    pub(crate) fn of(text: &str) -> Self {
        let mut places = Self::default();
        // Values do not matter here, not even those that the fields themselves refuse.
        let options = serde_saphyr::options! {
            non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
            budget: serde_saphyr::budget! { max_depth: DEEPEST },
        };
        if let Ok(root) = serde_saphyr::from_str_with_options::<Spanned<Tree>>(text, options) {
            places.collect(String::new(), &root);
        }
        places
    }

    /// Where a field stands, or the nearest field around it when it is absent.
    pub(crate) fn of_field(&self, path: &str) -> Option<Place> {
        let mut path = path;
        loop {
            if let Some(place) = self.0.get(path) {
                return Some(*place);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }

    /// The innermost field that stands at a place.
    pub(crate) fn field_at(&self, place: Place) -> Option<String> {
        let here = self.0.iter().filter(|(path, at)| **at == place && !path.is_empty());
        here.map(|(path, _)| path).max_by_key(|path| path.len()).cloned()
    }

    fn collect(&mut self, path: String, node: &Spanned<Tree>) {
        match &node.value {
            Tree::Leaf => {}
            Tree::List(items) => {
                for (position, item) in items.iter().enumerate() {
                    self.collect(format!("{path}[{position}]"), item);
                }
            }
            Tree::Map(fields) => {
                let dot = if path.is_empty() { "" } else { "." };
                for (name, field) in fields {
                    self.collect(format!("{path}{dot}{name}"), field);
                }
            }
        }
        let place = Place { line: node.referenced.line(), column: node.referenced.column() };
        if place.line > 0 {
            self.0.insert(path, place);
        }
    }
}

enum Tree {
    Leaf,
    List(Vec<Spanned<Tree>>),
    Map(Vec<(String, Spanned<Tree>)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

/// Every scalar is a leaf.
macro_rules! leaves {
    ($($visit:ident: $of:ty),*) => {$(
        fn $visit<E>(self, _: $of) -> Result<Tree, E> {
            Ok(Tree::Leaf)
        }
    )*};
}

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    leaves!(visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128, visit_f64: f64, visit_str: &str);

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Tree, A::Error> {
        let mut map = Vec::new();
        while let Some(name) = fields.next_key::<Option<String>>()? {
            match name {
                Some(name) => map.push((name, fields.next_value()?)),
                None => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Tree::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "kind: LoadTest\nspec:\n  kpi: { name: orders, target: 0/min }\n  applications:\n    - name: shop\n    - name: chekout\n      version: 3\n";

    #[test]
    fn every_field_is_found_where_it_stands() {
        let places = Places::of(TEXT);
        assert_eq!(places.of_field("kind"), Some(Place { line: 1, column: 7 }));
        assert_eq!(places.of_field("spec.kpi.target"), Some(Place { line: 3, column: 32 }));
        assert_eq!(places.of_field("spec.applications[1].name"), Some(Place { line: 6, column: 13 }));
        assert_eq!(places.of_field("spec.applications[1].version"), Some(Place { line: 7, column: 16 }));
    }

    #[test]
    fn the_innermost_field_at_a_place_is_told() {
        let places = Places::of(TEXT);
        assert_eq!(places.field_at(Place { line: 3, column: 32 }).as_deref(), Some("spec.kpi.target"));
        assert_eq!(places.field_at(Place { line: 3, column: 1 }), None);
        assert_eq!(places.field_at(Place { line: 1, column: 1 }), None, "the document itself is no field");
    }

    #[test]
    fn a_value_that_is_no_number_has_a_place_all_the_same() {
        assert_eq!(Places::of("target: .nan\n").of_field("target"), Some(Place { line: 1, column: 9 }));
    }

    #[test]
    fn an_absent_field_is_told_by_the_nearest_around_it() {
        let places = Places::of(TEXT);
        assert_eq!(places.of_field("spec.applications[1].scale.factor"), places.of_field("spec.applications[1]"));
        assert_eq!(places.of_field("spec.limits.deadline"), places.of_field("spec"));
        assert!(places.of_field("spec").is_some());
    }

    #[test]
    fn a_text_that_is_no_yaml_has_no_places() {
        assert_eq!(Places::of("a: [").of_field("a"), None);
    }
}
