//! Contexts files: what is read of them, what is refused, and what choosing a context changes.

use super::*;

const GOOD: &str = r#"# Ours.
current: staging   # for now
contexts:
  - name: staging
    server: https://staging.example.org:7400
    caFile: ca.pem
    clientCertificate: tls.crt
    clientKey: /etc/tls.key
    tokenFile: token
  - name: here
    server: http://127.0.0.1:7400
    exec: { command: ./login, args: [--realm, x], env: { A: b } }
"#;

fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("contexts.yaml");
    std::fs::write(&file, text).unwrap();
    (folder, file)
}

fn refused(text: &str) -> String {
    let (folder, file) = written(text);
    let error = Contexts::read(&file).err().unwrap().to_string();
    error.replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn a_file_gives_contexts_with_paths_from_its_folder() {
    let (folder, file) = written(GOOD);
    let contexts = Contexts::read(&file).unwrap();
    let names: Vec<&str> = contexts.all.iter().map(|context| context.name.as_str()).collect();
    assert_eq!(names, ["staging", "here"]);
    let current = contexts.current().unwrap();
    assert_eq!(
        (current.name.as_str(), current.server.to_string().as_str()),
        ("staging", "https://staging.example.org:7400")
    );
    let in_folder = |name: &str| folder.path().join(name);
    assert_eq!(current.tls.ca_file, Some(in_folder("ca.pem")));
    assert_eq!(current.tls.identity, Some((in_folder("tls.crt"), PathBuf::from("/etc/tls.key"))));
    assert_eq!(current.token.name(), format!("token in {}", in_folder("token").display()));
    let here = contexts.named("here").unwrap().token.name();
    assert_eq!(here, format!("token of {}", in_folder("./login").display()));
}

#[test]
fn everything_that_is_wrong_is_told_with_its_place_and_what_would_be_right() {
    let text = "current: prod
contexts:
  - { name: a b, server: conductor:7400 }
  - { name: x, server: \"http://a.example:1\", tokenEnv: T, exec: { command: c } }
  - { name: x, server: \"http://127.0.0.1:1\", caFile: ca.pem, clientKey: key }
";
    let expected = [
        "contexts.yaml:1:10: current: \"prod\" is not a context; expected one of x",
        "contexts.yaml:3:13: contexts[0].name: \"a b\" is no name; expected letters, digits, -, _ and .",
        "contexts.yaml:3:26: contexts[0].server: has no scheme; expected https://HOST:PORT, or http://HOST:PORT for a server without TLS",
        "contexts.yaml:4:5: contexts[1]: has tokenEnv and exec; expected at most one of tokenFile, tokenEnv and exec",
        "contexts.yaml:4:24: contexts[1].server: without TLS everybody on the way could read the token; expected https://, or this machine itself",
        "contexts.yaml:5:5: contexts[2]: has one of clientCertificate and clientKey; expected both of them, or neither",
        "contexts.yaml:5:13: contexts[2].name: \"x\" is the name of another context, too; expected a name of its own",
        "contexts.yaml:5:24: contexts[2].server: caFile, clientCertificate and clientKey are for TLS, which http:// does not have; expected https://",
    ];
    assert_eq!(refused(text).lines().collect::<Vec<_>>(), expected);
    let unknown = refused("contexts: [{ name: a, server: \"https://a.example\", token: hunter2 }]\n");
    assert!(unknown.contains("unknown field `token`, expected one of name, server, caFile"), "{unknown}");
    assert!(!unknown.contains("hunter2"), "{unknown}");
    assert_eq!(
        refused("current: a\n"),
        "contexts.yaml:1:10: current: \"a\" is not a context; expected none, since there are no contexts"
    );
}

#[test]
fn an_unknown_name_is_told_with_those_that_there_are() {
    let (_folder, file) = written(GOOD);
    let contexts = Contexts::read(&file).unwrap();
    let told = contexts.named("prod").err().unwrap().to_string();
    assert_eq!(told, format!("{}: \"prod\" is not a context; expected one of staging, here", file.display()));
    let told = Contexts::default().named("prod").err().unwrap().to_string();
    assert_eq!(told, "\"prod\" is not a context: there is no contexts file; expected CONDUCTOR_CONTEXTS");
}

#[test]
fn choosing_changes_one_line_and_nothing_else() {
    let (_folder, file) = written(GOOD);
    Contexts::read(&file).unwrap().choose("here").unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text, GOOD.replace("current: staging   # for now", "current: \"here\""));
    let contexts = Contexts::read(&file).unwrap();
    assert_eq!(contexts.current().unwrap().name, "here");
    assert_eq!(contexts.choose("prod").unwrap_err().code, crate::exit::BAD_INPUT);

    let without = GOOD.replace("current: staging   # for now\n", "");
    std::fs::write(&file, &without).unwrap();
    assert!(Contexts::read(&file).unwrap().current().is_none());
    Contexts::read(&file).unwrap().choose("staging").unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text, without.replace("# Ours.\n", "# Ours.\ncurrent: \"staging\"\n"));
}

#[test]
fn a_file_that_cannot_be_changed_by_a_line_stays_as_it_is() {
    let text = r#"{ "current": "a", "contexts": [{ "name": "a", "server": "https://a.example" }] }"#;
    let (folder, file) = written(text);
    let told = Contexts::read(&file).unwrap().choose("a").err();
    let told = told.unwrap().to_string();
    assert!(told.ends_with("`current` does not stand on a line of its own; expected `current: \"a\"`"), "{told}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
}
