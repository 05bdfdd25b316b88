//! What the shop sells, and how a version lists it. Nothing is stored here.

use clap::ValueEnum;
use serde::Serialize;

/// The versions of the shop; one binary plays both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Version {
    /// The first release.
    V1,
    /// Lists what customers think of a product.
    V2,
}

impl Version {
    /// The version's name, as `/version` and the response header give it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }
}

/// One product.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Product {
    /// Its number, from 1.
    pub(crate) id: i64,
    /// Its name.
    pub(crate) name: &'static str,
    /// Its price in euro cents.
    pub(crate) price_cents: i64,
    /// What customers say, in versions that show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) review: Option<&'static str>,
}

const PRODUCTS: [(&str, i64, &str); 6] = [
    ("Canvas sneaker", 5_995, "Fits from the first day."),
    ("Rain jacket", 12_900, "Dry in a week of Hamburg."),
    ("Wool scarf", 3_450, "Warm and light."),
    ("Denim trousers", 7_990, "Colour stays after washing."),
    ("Linen shirt", 4_990, "Creases, as linen does."),
    ("Leather belt", 2_995, "Will outlive me."),
];

/// All products, as this version lists them.
pub(crate) fn products(version: Version) -> Vec<Product> {
    let numbered = PRODUCTS.iter().zip(1..);
    numbered
        .map(|(&(name, price_cents, review), id)| {
            let review = match version {
                Version::V1 => None,
                Version::V2 => Some(review),
            };
            Product { id, name, price_cents, review }
        })
        .collect()
}

/// The price of a product in euro cents, `None` when there is no such product.
pub(crate) fn price_cents(product: i64) -> Option<i64> {
    let position = usize::try_from(product).ok()?.checked_sub(1)?;
    PRODUCTS.get(position).map(|&(_, price, _)| price)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_v2_lists_reviews() {
        assert!(products(Version::V1).iter().all(|product| product.review.is_none()));
        assert!(products(Version::V2).iter().all(|product| product.review.is_some()));
    }

    #[test]
    fn products_are_numbered_from_one() {
        assert_eq!(price_cents(0), None);
        assert_eq!(price_cents(1), Some(5_995));
        assert_eq!(price_cents(7), None);
    }
}
