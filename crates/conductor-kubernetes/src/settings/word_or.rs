//! Settings that are one word, or else have fields.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// What has fields; `None` for the word.
pub(super) fn word_or<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    word: &'static str,
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(WordOr { word, fields: PhantomData })
}

struct WordOr<T> {
    word: &'static str,
    fields: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for WordOr<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} or what has fields", self.word)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<T>, E> {
        if text == self.word {
            return Ok(None);
        }
        Err(E::custom(format!("\"{text}\" is not known; expected {} or what has fields", self.word)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}
