//! `token`: a static token for a caller of a server, and the line by which the server knows it.

use conductor_access::{Grants, TokenHash, make_token};
use serde_json::json;

use crate::args::{Output, Owned};
use crate::exit::{Failed, PASSED};
use crate::out;

/// Makes a token, and prints it with its line.
pub(super) fn token(owned: &Owned, output: Output) -> Result<u8, Failed> {
    check(owned).map_err(Failed::input)?;
    let (token, hash) = make_token().map_err(Failed::because)?;
    let line = line(owned, &hash);
    match output {
        Output::Json => out::json(&json!({ "token": token.reveal(), "line": line }))?,
        Output::Text => out::answer(&format!("token  {}\nline   {line}\n", token.reveal()))?,
    }
    Ok(PASSED)
}

/// A line is words, and one that begins with # is none.
fn check(owned: &Owned) -> Result<(), String> {
    let Owned { name, roles } = owned;
    if name.is_empty() || name.starts_with('#') || name.contains(char::is_whitespace) {
        return Err(format!("\"{name}\" is no name of a caller; expected one word that does not begin with #"));
    }
    for role in roles {
        let is_word = !role.contains(char::is_whitespace);
        let problem = Grants::default().grant_text(role).err().map(|problem| problem.to_string());
        match problem {
            Some(problem) => return Err(format!("\"{role}\" {problem}")),
            None if !is_word => return Err(format!("\"{role}\" is no role; expected one word")),
            None => {}
        }
    }
    Ok(())
}

fn line(owned: &Owned, hash: &TokenHash) -> String {
    format!("{} {hash} {}", owned.name, owned.roles.join(" "))
}

#[cfg(test)]
mod tests {
    use conductor_access::Secret;

    use super::*;

    fn owned(name: &str, roles: &[&str]) -> Owned {
        Owned { name: name.to_owned(), roles: roles.iter().map(|role| (*role).to_owned()).collect() }
    }

    #[test]
    fn a_line_has_the_name_the_hash_and_the_roles() {
        let hash = TokenHash::of(&Secret::new("abc"));
        let line = line(&owned("ci", &["operator@shop", "viewer"]), &hash);
        let digits = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(line, format!("ci sha256:{digits} operator@shop viewer"));
    }

    #[test]
    fn what_would_make_no_line_is_refused() {
        for (name, roles, expected) in [
            ("a b", ["viewer"], "\"a b\" is no name of a caller; expected one word that does not begin with #"),
            ("#a", ["viewer"], "\"#a\" is no name of a caller; expected one word that does not begin with #"),
            ("a", ["viewer@a b"], "\"viewer@a b\" is no role; expected one word"),
        ] {
            assert_eq!(check(&owned(name, &roles)).unwrap_err(), expected);
        }
        let told = check(&owned("a", &["root"])).unwrap_err();
        assert!(
            told.starts_with("\"root\" gives no role: expected at least one of viewer, operator or admin"),
            "{told}"
        );
        assert_eq!(check(&owned("a", &["admin", "viewer@shop"])), Ok(()));
    }
}
