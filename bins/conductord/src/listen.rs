//! Where a server listens: an address, or a name that stands for some.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use anyhow::{Context, bail};
use serde::Deserialize;

/// Where a server listens, as it was said.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Listen {
    host: String,
    port: u16,
}

/// The addresses of it, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addresses(Vec<SocketAddr>);

impl Listen {
    /// An address or a name, without brackets, and a port.
    pub(crate) fn at(host: &str, port: u16) -> Self {
        Self { host: host.to_owned(), port }
    }

    /// Finds out what its name stands for.
    ///
    /// # Errors
    /// When that cannot be found out, or it is nothing.
    pub(crate) async fn resolve(&self) -> anyhow::Result<Addresses> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let found = found.with_context(|| format!("could not find the addresses of {self}"))?;
        let mut addresses: Vec<SocketAddr> = Vec::new();
        for address in found {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        if addresses.is_empty() {
            bail!("{self} has no address; expected one of this machine");
        }
        Ok(Addresses(addresses))
    }
}

impl Addresses {
    /// All of them.
    pub(crate) fn all(&self) -> &[SocketAddr] {
        &self.0
    }

    /// The one that most can reach: what has to be safe there is safe at all of them.
    pub(crate) fn most_exposed(&self) -> SocketAddr {
        let reached = self.0.iter().find(|address| !address.ip().to_canonical().is_loopback());
        *reached.unwrap_or(&self.0[0])
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self { host: address.ip().to_string(), port: address.port() });
        }
        let refused =
            || format!("\"{text}\" is no address; expected HOST:PORT, such as 127.0.0.1:7400 or localhost:7400");
        let (host, port) = text.rsplit_once(':').ok_or_else(refused)?;
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
        if host.is_empty() || !host.chars().all(is_name) {
            return Err(refused());
        }
        Ok(Self { host: host.to_owned(), port: port.parse().map_err(|_| refused())? })
    }
}

impl TryFrom<String> for Listen {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_an_address_or_a_name_and_a_port() {
        for text in ["127.0.0.1:7400", "[::1]:0", "localhost:0", "conductor.example.org:443"] {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
        }
        for text in
            ["", "localhost", "7400", ":7400", "local host:1", "::1:7400", "http://localhost:1", "localhost:70000"]
        {
            assert_eq!(
                text.parse::<Listen>().unwrap_err(),
                format!("\"{text}\" is no address; expected HOST:PORT, such as 127.0.0.1:7400 or localhost:7400")
            );
        }
    }

    #[tokio::test]
    async fn a_name_of_this_machine_stands_for_addresses_of_this_machine() {
        let found = "localhost:7400".parse::<Listen>().unwrap().resolve().await.unwrap();
        assert!(found.all().iter().all(|address| address.ip().is_loopback() && address.port() == 7400), "{found:?}");
        let told = "no-such-host.invalid:1".parse::<Listen>().unwrap().resolve().await.unwrap_err().to_string();
        assert_eq!(told, "could not find the addresses of no-such-host.invalid:1");
    }

    #[test]
    fn one_address_that_others_reach_is_what_counts() {
        let addresses = |texts: &[&str]| Addresses(texts.iter().map(|text| text.parse().unwrap()).collect());
        let exposed = |texts: &[&str]| addresses(texts).most_exposed().to_string();
        assert_eq!(exposed(&["127.0.0.1:1", "192.0.2.1:1", "[::1]:1"]), "192.0.2.1:1");
        assert_eq!(exposed(&["[::1]:1", "127.0.0.1:1"]), "[::1]:1");
    }
}
