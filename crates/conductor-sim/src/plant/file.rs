//! A file of plants: one, or a list of them.

use std::fmt;

use conductor_core::spec::Violation;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::Plant;

/// What a plant file says.
#[derive(Clone, Debug, PartialEq)]
pub enum PlantFile {
    /// One plant.
    One(Box<Plant>),
    /// A list of plants.
    Many(Vec<Plant>),
}

impl PlantFile {
    /// Everything that is wrong with its plants, by the paths of the fields in the file.
    pub fn violations(&self) -> Vec<Violation> {
        let of = |plant: &Plant| plant.check().err().map(|error| error.violations).unwrap_or_default();
        match self {
            Self::One(plant) => of(plant),
            Self::Many(plants) if plants.is_empty() => vec![Violation {
                field: "[0]".to_owned(),
                problem: "it is absent".to_owned(),
                expected: "at least one plant".to_owned(),
            }],
            Self::Many(plants) => {
                let placed = |(position, plant): (usize, &Plant)| {
                    let place = move |violation: Violation| Violation {
                        field: format!("[{position}].{}", violation.field),
                        ..violation
                    };
                    of(plant).into_iter().map(place).collect::<Vec<_>>()
                };
                plants.iter().enumerate().flat_map(placed).collect()
            }
        }
    }

    /// Its plants.
    pub fn into_plants(self) -> Vec<Plant> {
        match self {
            Self::One(plant) => vec![*plant],
            Self::Many(plants) => plants,
        }
    }
}

impl<'de> Deserialize<'de> for PlantFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FileVisitor)
    }
}

struct FileVisitor;

impl<'de> Visitor<'de> for FileVisitor {
    type Value = PlantFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plant, or a list of plants")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<PlantFile, A::Error> {
        Plant::deserialize(MapAccessDeserializer::new(fields)).map(|plant| PlantFile::One(Box::new(plant)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<PlantFile, A::Error> {
        let mut plants = Vec::new();
        while let Some(plant) = items.next_element()? {
            plants.push(plant);
        }
        Ok(PlantFile::Many(plants))
    }
}
