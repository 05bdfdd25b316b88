//! Each algorithm verifies what a key of its kind has signed, and nothing else.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use super::*;

/// ring makes no RSA keys, so that a public one and what was signed by its private one, which is gone, stand in a file.
const RSA: &str = include_str!("rsa_tokens.json");

const ALL: [Algorithm; 7] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDsa,
];

fn token(algorithm: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let part = |of: &Value| URL_SAFE_NO_PAD.encode(of.to_string());
    let message = format!("{}.{}", part(&json!({ "alg": algorithm })), part(&json!({ "sub": "jo" })));
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(sign(message.as_bytes())))
}

fn key(of: Value) -> Key {
    serde_json::from_value(of).unwrap()
}

fn verified(token: &str, key: &Key) -> Result<String, String> {
    let payload = Signed::parse(token, &ALL).and_then(|signed| signed.verify(key))?;
    Ok(String::from_utf8(payload).unwrap())
}

/// The token verifies; it does not with one byte of its signature changed, nor by a key that is for something else.
fn assert_exact(token: &str, jwk: &Value) {
    assert_eq!(verified(token, &key(jwk.clone())).unwrap(), r#"{"sub":"jo"}"#, "{token}");
    let (message, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    bytes[7] ^= 1;
    let tampered = format!("{message}.{}", URL_SAFE_NO_PAD.encode(bytes));
    assert_eq!(verified(&tampered, &key(jwk.clone())).unwrap_err(), "its signature is wrong");
    for (member, value) in [("use", "enc"), ("alg", "XX256"), ("kty", "oct")] {
        let mut other = jwk.clone();
        other[member] = json!(value);
        assert_eq!(verified(token, &key(other)).unwrap_err(), "its signature is wrong", "{member}");
    }
}

#[test]
fn tokens_signed_by_rsa_are_verified() {
    let data: Value = serde_json::from_str(RSA).unwrap();
    let jwk = json!({ "kty": "RSA", "kid": "rsa", "n": data["n"], "e": data["e"] });
    let tokens = data["tokens"].as_object().unwrap();
    assert_eq!(tokens.len(), 4);
    for (algorithm, token) in tokens {
        let token = token.as_str().unwrap();
        assert_exact(token, &jwk);
        let mut named = jwk.clone();
        named["alg"] = json!(algorithm);
        assert!(verified(token, &key(named)).is_ok());
    }
}

#[test]
fn tokens_signed_by_p_384_and_ed25519_are_verified() {
    let random = SystemRandom::new();
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, made.as_ref(), &random).unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(48);
    let jwk = json!({ "kty": "EC", "crv": "P-384", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y) });
    assert_exact(&token("ES384", |message| pair.sign(&random, message).unwrap().as_ref().to_vec()), &jwk);

    let made = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(made.as_ref()).unwrap();
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(pair.public_key()) });
    assert_exact(&token("EdDSA", |message| pair.sign(message).as_ref().to_vec()), &jwk);
}

#[test]
fn the_name_of_each_algorithm_is_how_it_is_written_in_settings() {
    for algorithm in ALL {
        assert_eq!(serde_json::from_value::<Algorithm>(json!(algorithm.name())).unwrap(), algorithm);
    }
}
