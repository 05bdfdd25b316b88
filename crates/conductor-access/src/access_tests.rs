//! Who is identified, by which way, and with which texts others are refused.

use std::fs;

use super::*;
use crate::{Refusal, TokenSettings, make_token};

const PUBLIC: &str =
    "no valid credentials: send a valid bearer token in the header `authorization`, or a client certificate";

fn peer(names: &[&str]) -> Peer {
    let certificate_names = names.iter().map(|name| (*name).to_owned()).collect();
    Peer { address: "192.0.2.1:4711".parse().unwrap(), certificate_names }
}

fn bearing(value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, value.parse().unwrap());
    headers
}

fn anywhere() -> SocketAddr {
    "0.0.0.0:8443".parse().unwrap()
}

/// An access with one static token and two certificates; the folder has to live as long.
fn access() -> (tempfile::TempDir, Access, Secret) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    let (token, hash) = make_token().unwrap();
    fs::write(&file, format!("ci {hash} operator@shop\n")).unwrap();
    let certificates = serde_json::from_value(serde_json::json!([
        { "name": "dns:cron.example.org", "roles": ["operator@shop"] },
        { "name": "uri:spiffe://example.org/ops", "roles": ["admin"] },
    ]));
    let settings = AccessSettings {
        tokens: Some(TokenSettings { file }),
        certificates: certificates.unwrap(),
        ..AccessSettings::default()
    };
    (folder, Access::new(&settings, anywhere()).unwrap(), token)
}

#[tokio::test]
async fn a_static_token_and_a_certificate_identify_their_callers() {
    let (_folder, access, token) = access();
    for scheme in ["Bearer", "bearer"] {
        let headers = bearing(&format!("{scheme} {}", token.reveal()));
        let caller = access.identify(&headers, &peer(&["uri:spiffe://example.org/ops"])).await.unwrap();
        assert_eq!(
            (caller.name.as_str(), caller.source),
            ("ci", Source::Token),
            "the token counts, not the certificate"
        );
    }
    let names = ["dns:elsewhere.example.org", "dns:cron.example.org"];
    let caller = access.identify(&HeaderMap::new(), &peer(&names)).await.unwrap();
    assert_eq!((caller.name.as_str(), caller.source), ("dns:cron.example.org", Source::Certificate));
    assert!(caller.may(Role::Operator, "shop").await.unwrap() && !caller.may(Role::Viewer, "other").await.unwrap());
}

#[tokio::test]
async fn everybody_else_is_refused_with_an_exact_reason_for_the_log_and_one_text_for_all() {
    let (_folder, access, token) = access();
    let mut twice = bearing(&format!("Bearer {}", token.reveal()));
    twice.append(AUTHORIZATION, "Bearer x".parse().unwrap());
    let unknown = format!("Bearer {}", make_token().unwrap().0.reveal());
    let known = ["uri:spiffe://example.org/ops"];
    let cases = [
        (HeaderMap::new(), peer(&[]), "there is neither a bearer token nor a client certificate with a name"),
        (HeaderMap::new(), peer(&["dns:x"]), r#"no caller has a certificate with any of ["dns:x"]"#),
        (
            HeaderMap::new(),
            peer(&["dns:cron.example.org", known[0]]),
            r#"the names ["dns:cron.example.org", "uri:spiffe://example.org/ops"] are of several callers"#,
        ),
        (twice, peer(&known), "there is more than one header `authorization`"),
        (bearing(&unknown), peer(&known), "the bearer token is unknown"),
        (bearing("Bearer a.b.c"), peer(&known), "the bearer token is unknown"),
        (bearing("Bearer"), peer(&known), "the header `authorization` is not `Bearer TOKEN`"),
        (bearing("Bearer  "), peer(&known), "the header `authorization` is not `Bearer TOKEN`"),
        (bearing("Basic Y2k6Y2k="), peer(&known), "the header `authorization` is not `Bearer TOKEN`"),
        (
            bearing(&format!("Bearer {}", "x".repeat(20_000))),
            peer(&known),
            "the bearer token is longer than 16384 bytes",
        ),
    ];
    for (headers, peer, reason) in cases {
        let denied = access.identify(&headers, &peer).await.unwrap_err();
        assert_eq!(denied.reason(), reason);
        assert_eq!(denied.public(), PUBLIC, "{reason}");
        assert_eq!(denied.refusal(), Refusal::Unauthenticated, "{reason}");
    }
}

#[tokio::test]
async fn each_role_may_what_it_may_and_is_refused_the_rest_in_the_same_words_everywhere() {
    let (_folder, access, token) = access();
    let caller = access.identify(&bearing(&format!("Bearer {}", token.reveal())), &peer(&[])).await.unwrap();
    assert_eq!(caller.require(Role::Viewer, "shop").await, Ok(()));
    assert_eq!(caller.require(Role::Operator, "shop").await, Ok(()));
    for (role, environment) in [(Role::Admin, "shop"), (Role::Viewer, "other")] {
        let denied = caller.require(role, environment).await.unwrap_err();
        assert_eq!(denied.refusal(), Refusal::Forbidden);
        let public =
            format!("this needs the role {role} in environment {environment:?}, which the caller does not have");
        assert_eq!(denied.public(), public);
        let reason = format!("\"ci\", known by token, has no role {role} in environment {environment:?}");
        assert_eq!(denied.reason(), reason);
    }
}

#[tokio::test]
async fn access_control_is_off_only_on_loopback_and_says_so() {
    let off = AccessSettings { off: true, ..AccessSettings::default() };
    for listen in ["127.0.0.1:1", "127.3.2.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        let access = Access::new(&off, listen.parse().unwrap()).unwrap();
        assert_eq!(access.sentence(), "access control is OFF: everybody on this machine may do everything");
        let caller = access.identify(&HeaderMap::new(), &peer(&[])).await.unwrap();
        assert_eq!(caller.source, Source::Off);
        assert!(caller.may(Role::Admin, "any").await.unwrap());
    }
    for listen in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "[2001:db8::1]:1"] {
        let refused = Access::off_for(listen.parse().unwrap()).err().unwrap();
        let expected = format!(
            "access control may be off only on a loopback address, and {listen} is none; \
             expected 127.0.0.1, ::1, or a way to identify callers"
        );
        assert_eq!(refused.to_string(), expected);
    }
}

#[test]
fn the_sentence_at_start_names_each_way() {
    let (_folder, access, _) = access();
    assert_eq!(access.sentence(), "access control is on: callers are identified by static tokens, client certificates");
}

#[test]
fn settings_that_contradict_themselves_or_name_nothing_are_refused_with_their_field() {
    let cases = [
        (
            serde_json::json!({}),
            "access: names no way to identify callers; expected at least one of tokens, oidc, kubernetes and certificates",
        ),
        (
            serde_json::json!({ "off": true, "tokens": { "file": "x" } }),
            "access.off: is true, but ways to identify callers are set as well; expected either",
        ),
        (serde_json::json!({ "off": true }), "access.off"),
        (
            serde_json::json!({ "certificates": [{ "name": "dns:a", "roles": ["viewer"] }], "lookAgain": "500ms" }),
            "access.lookAgain: 500ms is too short; expected at least 1s",
        ),
        (serde_json::json!({ "tokens": { "file": "/nonexistent/tokens" } }), "access.tokens.file"),
        (
            serde_json::json!({ "certificates": [{ "name": "cron", "roles": ["viewer"] }] }),
            "access.certificates[0].name: \"cron\" is no name in a certificate; expected `dns:NAME` or `uri:URI`",
        ),
        (
            serde_json::json!({ "certificates": [{ "name": "dns:a", "roles": ["viewer"] }, { "name": "dns:a", "roles": ["admin"] }] }),
            "access.certificates[1].name: \"dns:a\" stands there twice; expected each name once",
        ),
    ];
    for (settings, expected) in cases {
        let settings: AccessSettings = serde_json::from_value(settings).unwrap();
        assert_eq!(Access::new(&settings, anywhere()).err().unwrap().to_string(), expected);
    }
    for wrong in [serde_json::json!({ "token": {} }), serde_json::json!({ "tokens": { "path": "x" } })] {
        assert!(serde_json::from_value::<AccessSettings>(wrong).unwrap_err().to_string().contains("unknown field"));
    }
}
