//! Which server a verb is for: by the command line, by variables, or by the current context.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::contexts::{Context, Contexts};
use super::credentials::TokenSource;
use super::server_url::{EXPECTED, ServerUrl};
use super::tls::TlsFiles;
use crate::args::Reach;
use crate::exit::Failed;

/// A server, and how it is reached.
pub(crate) struct Target {
    pub(super) server: ServerUrl,
    pub(super) tls: TlsFiles,
    pub(super) token: TokenSource,
    /// What a command must say to reach the same server in the same way, for a shell: empty, or such as ` --server URL`.
    pub(super) arguments: String,
}

/// The server that a verb is for; `None` where it is this machine.
///
/// # Errors
/// When what was said does not go together, or the contexts file is needed and wrong.
pub(crate) fn chosen(reach: &Reach, variable: fn(&str) -> Option<String>) -> Result<Option<Target>, Failed> {
    contradictions(reach)?;
    let named = |name: &str| variable(name).filter(|value| !value.is_empty());
    if reach.local {
        return Ok(None);
    }
    if let Some(name) = &reach.context {
        let arguments = said([("--context", Some(OsStr::new(name)))]);
        return Ok(Some(of(Contexts::open(variable)?.named(name)?, arguments)));
    }
    if let Some(server) = &reach.server {
        return named_server(reach, "--server", server, named).map(Some);
    }
    if let Some(server) = named("CONDUCTOR_SERVER") {
        return named_server(reach, "CONDUCTOR_SERVER", &server, named).map(Some);
    }
    if reach.token_file.is_some() || reach.ca_file.is_some() {
        return Err(Failed::input("--token-file and --ca-file are for a server; expected --server, too"));
    }
    Ok(Contexts::open(variable)?.current().map(|context| of(context, String::new())))
}

/// The same where only a server will do.
///
/// # Errors
/// As [`chosen`], and when no server is named.
pub(crate) fn needed(reach: &Reach, variable: fn(&str) -> Option<String>) -> Result<Target, Failed> {
    chosen(reach, variable)?.ok_or_else(|| {
        let expected = "expected --server, --context, CONDUCTOR_SERVER or a current context";
        Failed::input(format!("this is for a server; {expected}; on this machine it is `conductor run`"))
    })
}

/// Arguments that may stand at any place of the command line are checked by hand.
fn contradictions(reach: &Reach) -> Result<(), Failed> {
    let said = [("--server", reach.server.is_some()), ("--context", reach.context.is_some()), ("--local", reach.local)];
    let said: Vec<&str> = said.iter().filter(|(_, is_said)| *is_said).map(|(name, _)| *name).collect();
    if said.len() > 1 {
        return Err(Failed::input(format!("{} contradict each other; expected one of them", said.join(" and "))));
    }
    let belongs = [("--token-file", reach.token_file.is_some()), ("--ca-file", reach.ca_file.is_some())];
    match belongs.iter().find(|(_, is_said)| *is_said) {
        Some((name, _)) if reach.local || reach.context.is_some() => {
            let which =
                if reach.local { "--local has no server" } else { "a context says by itself how it is reached" };
            Err(Failed::input(format!("{name}: {which}; expected it with --server alone")))
        }
        _ => Ok(()),
    }
}

fn of(context: &Context, arguments: String) -> Target {
    let Context { name: _, server, tls, token } = context.clone();
    Target { server, tls, token, arguments }
}

/// A server that is named by its address, with what else is said of it.
fn named_server(
    reach: &Reach,
    named_by: &str,
    server: &str,
    named: impl Fn(&str) -> Option<String>,
) -> Result<Target, Failed> {
    let refused =
        |problem: String, expected: &str| Failed::input(format!("{named_by}: {problem}; expected {expected}"));
    let server = ServerUrl::read(server).map_err(|problem| refused(problem.to_string(), EXPECTED))?;
    let token_file = reach.token_file.clone().or_else(|| named("CONDUCTOR_TOKEN_FILE").map(PathBuf::from));
    let token = match token_file {
        Some(file) => TokenSource::File(file),
        None if named("CONDUCTOR_TOKEN").is_some() => TokenSource::Variable("CONDUCTOR_TOKEN".to_owned()),
        None => TokenSource::None,
    };
    let ca_file = reach.ca_file.clone().or_else(|| named("CONDUCTOR_CA_FILE").map(PathBuf::from));
    if !matches!(token, TokenSource::None) && !server.keeps_secrets() {
        let problem = format!("without TLS everybody on the way could read the {}", token.name());
        return Err(refused(problem, "https://, or this machine itself"));
    }
    if reach.ca_file.is_some() && !server.is_encrypted() {
        return Err(refused("--ca-file is for TLS, which http:// does not have".to_owned(), "https://"));
    }
    let arguments = said([
        ("--server", reach.server.as_deref().map(OsStr::new)),
        ("--token-file", reach.token_file.as_deref().map(Path::as_os_str)),
        ("--ca-file", reach.ca_file.as_deref().map(Path::as_os_str)),
    ]);
    Ok(Target { server, tls: TlsFiles { ca_file, identity: None }, token, arguments })
}

/// The arguments that were given, as a shell takes them.
fn said<const N: usize>(arguments: [(&str, Option<&OsStr>); N]) -> String {
    let given = arguments.iter().filter_map(|(name, value)| Some((name, (*value)?.to_string_lossy())));
    given.map(|(name, value)| format!(" {name} {}", quoted(&value))).collect()
}

/// One word for a shell, in quotes where it needs them.
fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:@%+=,".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing is set, and there is no contexts file.
    fn nothing(name: &str) -> Option<String> {
        (name == "CONDUCTOR_CONTEXTS").then(String::new)
    }

    fn some(name: &str) -> Option<String> {
        let value = match name {
            "CONDUCTOR_SERVER" => "https://env.example",
            "CONDUCTOR_TOKEN" => "hunter2",
            "CONDUCTOR_CA_FILE" => "/ca.pem",
            _ => return nothing(name),
        };
        Some(value.to_owned())
    }

    fn token_alone(name: &str) -> Option<String> {
        if name == "CONDUCTOR_SERVER" { None } else { some(name) }
    }

    fn server(url: &str) -> Reach {
        Reach { server: Some(url.to_owned()), ..Reach::default() }
    }

    #[test]
    fn without_a_word_everything_is_on_this_machine() {
        assert!(chosen(&Reach::default(), nothing).unwrap().is_none());
        let told = needed(&Reach::default(), nothing).err().unwrap().to_string();
        assert!(told.starts_with("this is for a server; expected --server, --context, CONDUCTOR_SERVER"), "{told}");
    }

    #[test]
    fn a_flag_counts_more_than_a_variable() {
        let target = chosen(&Reach::default(), some).unwrap().unwrap();
        assert_eq!((target.server.to_string().as_str(), target.arguments.as_str()), ("https://env.example", ""));
        assert_eq!(
            (target.token.name().as_str(), target.tls.ca_file),
            ("token in the variable CONDUCTOR_TOKEN", Some("/ca.pem".into()))
        );
        let target = chosen(&server("https://flag.example"), some).unwrap().unwrap();
        assert_eq!(target.arguments, " --server https://flag.example");
        let file = Reach { token_file: Some("/token".into()), ..server("https://flag.example") };
        assert_eq!(chosen(&file, some).unwrap().unwrap().token.name(), "token in /token");
        let both = Reach { ca_file: Some("my ca's.pem".into()), ..file };
        assert_eq!(
            chosen(&both, some).unwrap().unwrap().arguments,
            r" --server https://flag.example --token-file /token --ca-file 'my ca'\''s.pem'",
            "what is printed can be pasted"
        );
        let with_variable = Reach { server: None, ..both };
        assert_eq!(
            chosen(&with_variable, some).unwrap().unwrap().arguments,
            r" --token-file /token --ca-file 'my ca'\''s.pem'"
        );
        assert!(chosen(&Reach { local: true, ..Reach::default() }, some).unwrap().is_none());
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let both = Reach { context: Some("a".to_owned()), local: true, ..server("https://a.example") };
        let lone = Reach { ca_file: Some("ca".into()), ..Reach::default() };
        let lost = Reach { token_file: Some("t".into()), local: true, ..Reach::default() };
        let foreign = Reach { token_file: Some("t".into()), context: Some("a".to_owned()), ..Reach::default() };
        let plain = Reach { ca_file: Some("ca".into()), ..server("http://localhost:1") };
        for (reach, expected) in [
            (both, "--server and --context and --local contradict each other; expected one of them"),
            (lone, "--token-file and --ca-file are for a server; expected --server, too"),
            (lost, "--token-file: --local has no server; expected it with --server alone"),
            (foreign, "--token-file: a context says by itself how it is reached; expected it with --server alone"),
            (plain, "--server: --ca-file is for TLS, which http:// does not have; expected https://"),
            (
                server("nowhere"),
                "--server: has no scheme; expected https://HOST:PORT, or http://HOST:PORT for a server without TLS",
            ),
        ] {
            assert_eq!(chosen(&reach, nothing).err().unwrap().to_string(), expected);
        }
    }

    #[test]
    fn a_token_is_never_sent_in_the_clear_to_another_machine() {
        let told = chosen(&server("http://a.example"), token_alone).err().unwrap().to_string();
        assert_eq!(
            told,
            "--server: without TLS everybody on the way could read the token in the variable CONDUCTOR_TOKEN; expected https://, or this machine itself"
        );
        assert!(chosen(&server("http://localhost:7400"), token_alone).unwrap().is_some());
        assert!(chosen(&server("http://a.example"), nothing).unwrap().is_some(), "without a token nothing is lost");
    }
}
