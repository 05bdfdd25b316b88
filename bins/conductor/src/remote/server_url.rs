//! The address of a server: its scheme, host and port, and nothing else.

use std::fmt;
use std::net::IpAddr;

use tonic::transport::Uri;

/// The address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerUrl(Uri);

/// What is wrong with a text that is no address. The text is not repeated: somebody may have put a password into it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadUrl(&'static str);

/// What would be right.
pub(crate) const EXPECTED: &str = "https://HOST:PORT, or http://HOST:PORT for a server without TLS";

impl ServerUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// When the text is none.
    pub(crate) fn read(text: &str) -> Result<Self, BadUrl> {
        let uri: Uri = text.parse().map_err(|_| BadUrl("is no URL"))?;
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        match uri.scheme_str() {
            Some("http" | "https") => {}
            Some(_) => return Err(BadUrl("has another scheme than https and http")),
            None => return Err(BadUrl("has no scheme")),
        }
        if authority.contains('@') {
            return Err(BadUrl("has a user in it, which is no way to say who calls"));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(BadUrl("goes on after the port"));
        }
        Ok(Self(uri))
    }

    /// For what connects to it.
    pub(super) fn uri(&self) -> Uri {
        self.0.clone()
    }

    /// True with TLS.
    pub(super) fn is_encrypted(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }

    /// Its host, without the brackets of an IPv6 address, and its port.
    pub(super) fn endpoint(&self) -> Option<(&str, u16)> {
        let host = self.0.host()?.trim_start_matches('[').trim_end_matches(']');
        Some((host, self.0.port_u16().unwrap_or(if self.is_encrypted() { 443 } else { 80 })))
    }

    /// True where a token can be sent there without anybody else reading it.
    pub(super) fn keeps_secrets(&self) -> bool {
        self.is_encrypted() || self.is_loopback()
    }

    fn is_loopback(&self) -> bool {
        let Some((host, _)) = self.endpoint() else { return false };
        let address = host.parse::<IpAddr>();
        host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_string().trim_end_matches('/'))
    }
}

impl fmt::Display for BadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_scheme_a_host_and_a_port() {
        for text in ["https://conductor.example.org:7400", "http://127.0.0.1:7400", "https://[::1]:7400"] {
            assert_eq!(ServerUrl::read(text).unwrap().to_string(), text);
        }
        assert_eq!(ServerUrl::read("https://a.example/").unwrap().to_string(), "https://a.example");
        for (text, problem) in [
            ("", "is no URL"),
            ("https://", "is no URL"),
            ("conductor:7400", "has no scheme"),
            ("grpc://conductor:7400", "has another scheme than https and http"),
            ("https://me:hunter2@conductor:7400", "has a user in it, which is no way to say who calls"),
            ("https://conductor:7400/v1", "goes on after the port"),
            ("https://conductor:7400?a=b", "goes on after the port"),
        ] {
            assert_eq!(ServerUrl::read(text).unwrap_err().to_string(), problem, "{text}");
        }
    }

    #[test]
    fn a_token_is_safe_with_tls_and_on_this_machine() {
        let is_safe = |text| ServerUrl::read(text).unwrap().keeps_secrets();
        for text in
            ["https://a.example", "http://localhost:1", "http://LOCALHOST:1", "http://127.3.2.1:1", "http://[::1]:1"]
        {
            assert!(is_safe(text), "{text}");
        }
        for text in ["http://a.example", "http://10.0.0.1:1", "http://localhost.example:1", "http://[2001:db8::1]:1"] {
            assert!(!is_safe(text), "{text}");
        }
    }
}
