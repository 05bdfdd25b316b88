//! Fields that stand twice in one object. Which of them counts would be a guess, and another reader might guess otherwise.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// What a value must be besides JSON: each of its fields once. It knows where it is.
pub(super) struct Once<'a>(pub(super) &'a str);

impl Once<'_> {
    fn path(&self, name: &str) -> String {
        if self.0.is_empty() { name.to_owned() } else { format!("{}.{name}", self.0) }
    }
}

impl<'de> DeserializeSeed<'de> for Once<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value of JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = fields.next_key::<String>()? {
            let path = self.path(&name);
            if !names.insert(name) {
                return Err(Error::custom(format!("{path}: the field is there twice; expected each field once")));
            }
            fields.next_value_seed(Once(&path))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        let mut position = 0;
        while values.next_element_seed(Once(&format!("{}[{position}]", self.0)))?.is_some() {
            position += 1;
        }
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Result<(), String> {
        Once("").deserialize(&mut serde_json::Deserializer::from_str(text)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_field_that_stands_twice_is_named_by_its_path_and_one_of_another_object_is_another() {
        let all = r#"{ "a": [1, -2, 0.5, "x", true, null], "b": { "a": 1 }, "c": [{ "a": 1 }, { "a": 2 }] }"#;
        assert_eq!(told(all), Ok(()));
        let error = told(r#"{ "b": [{}, { "c": { "a": 1, "a": 1 } }] }"#).unwrap_err();
        assert!(error.starts_with("b[1].c.a: the field is there twice; expected each field once at line 1"), "{error}");
        assert!(told(r#"{ "a": 1, "\u0061": 2 }"#).is_err(), "however it is written");
    }
}
