//! Contexts, tokens, plugins and certificates at a server that wants them, over real TLS.

use conductor_access::{AccessSettings, ClientCertificates, TlsSettings, TokenSettings};
use conductor_core::units::Span;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use serde_json::{Value, json};

use crate::bed::{Answer, Bed, Running, answer, path};

/// A server with TLS that wants a token or a certificate, and the files for both.
struct Guarded {
    bed: Bed,
    /// Of an operator and of a viewer.
    tokens: [String; 2],
}

impl Guarded {
    async fn start() -> Self {
        let mut bed = Bed::stopped();
        let mut tokens = Vec::new();
        let mut lines = String::new();
        for (name, role) in [("ci", "operator@model"), ("wall", "viewer")] {
            let made = answer(bed.command(&["token", name, role, "--output", "json"])).await.good();
            let made: Value = serde_json::from_str(&made).unwrap();
            tokens.push(made["token"].as_str().unwrap().to_owned());
            lines += &format!("{}\n", made["line"].as_str().unwrap());
        }
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let issue = |host: &str| {
            let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
            let key = KeyPair::generate().unwrap();
            (params.signed_by(&key, &authority).unwrap().pem(), key.serialize_pem())
        };
        let ca = bed.file("ca.pem", &authority.pem());
        let (certificate, key) = issue("127.0.0.1");
        let (cron, cron_key) = issue("cron.example.org");
        bed.file("cron.pem", &cron);
        bed.file("cron.key", &cron_key);
        let tls = TlsSettings {
            certificate: bed.file("server.pem", &certificate),
            key: bed.file("server.key", &key),
            client_ca: Some(ca),
            client_certificates: ClientCertificates::Optional,
        };
        let access = AccessSettings {
            tokens: Some(TokenSettings { file: bed.file("tokens", &lines) }),
            certificates: vec![
                serde_json::from_value(json!({ "name": "dns:cron.example.org", "roles": ["viewer"] })).unwrap(),
            ],
            look_again: Some(Span::seconds(1)),
            ..AccessSettings::default()
        };
        bed.serve(access, Some(tls)).await;
        let tokens = tokens.try_into().unwrap();
        Self { bed, tokens }
    }

    fn server(&self) -> String {
        format!("https://{}", self.bed.address)
    }

    /// Writes a contexts file of one context with those credentials.
    fn context(&self, credentials: &str) {
        let server = self.server();
        let text = format!("contexts:\n  - {{ name: main, server: \"{server}\", caFile: ca.pem, {credentials} }}\n");
        self.bed.file("contexts.yaml", &text);
    }

    /// Asks with that contexts file.
    async fn ask(&self, arguments: &[&str]) -> Answer {
        let mut command = self.bed.command(arguments);
        command.env("CONDUCTOR_CONTEXTS", self.bed.folder.path().join("contexts.yaml"));
        answer(command).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_becomes_the_current_one_and_verbs_go_to_its_server() {
    let guarded = Guarded::start().await;
    guarded.bed.file("ci", &guarded.tokens[0]);
    guarded.context("tokenFile: ci");
    assert!(!guarded.bed.folder.path().join("state").exists());
    assert_eq!(guarded.ask(&["list", "--context", "main"]).await.good(), "no runs\n");
    assert!(!guarded.bed.folder.path().join("state").exists(), "this machine was not asked");

    assert_eq!(guarded.ask(&["context", "list"]).await.good(), format!("  main  {}\n", guarded.server()));
    let told = guarded.ask(&["context", "show"]).await.bad(2);
    assert!(told.contains("there is no current context; expected the name of one"), "{told}");
    assert_eq!(guarded.ask(&["context", "use", "main"]).await.good(), "main is the current context\n");
    assert_eq!(guarded.ask(&["context", "list"]).await.good(), format!("* main  {}\n", guarded.server()));
    let shown = guarded.ask(&["context", "show"]).await.good();
    let token = path(&guarded.bed.folder.path().join("ci"));
    assert!(shown.contains(&format!("credentials  token in {token}\n")), "{shown}");
    assert!(!shown.contains(&guarded.tokens[0]), "{shown}");
    let json: Value =
        serde_json::from_str(&guarded.ask(&["context", "list", "--output", "json"]).await.good()).unwrap();
    assert_eq!((json[0]["name"].as_str(), json[0]["current"].as_bool()), (Some("main"), Some(true)));

    let file = guarded.bed.load_test("40m");
    let run = guarded.ask(&["start", &file]).await.good();
    assert!(guarded.ask(&["list"]).await.good().starts_with(run.trim()));
    assert_eq!(guarded.ask(&["list", "--local"]).await.good(), "no runs\n");
    guarded.ask(&["stop"]).await.good();
    let told = guarded.ask(&["list", "--context", "other"]).await.bad(2);
    assert!(told.ends_with("\"other\" is not a context; expected one of main\n"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_known_or_may_not_do_it_is_told_so_with_an_exit_code_of_its_own() {
    let guarded = Guarded::start().await;
    let (server, ca) = (guarded.server(), path(&guarded.bed.folder.path().join("ca.pem")));
    let with_token = |token: &str, arguments: &[&str]| {
        let mut command = guarded.bed.command(arguments);
        command.args(["--server", &server, "--ca-file", &ca]).env("CONDUCTOR_TOKEN", token);
        answer(command)
    };
    let [operator, viewer] = &guarded.tokens;
    assert_eq!(with_token(operator, &["list"]).await.good(), "no runs\n");
    let told = with_token("ltc_guessed", &["list"]).await.bad(7);
    assert!(told.starts_with("error: no valid credentials") && !told.contains("ltc_guessed"), "{told}");
    let told = with_token("", &["list"]).await.bad(7);
    assert!(told.starts_with("error: no valid credentials"), "{told}");
    assert_eq!(with_token(viewer, &["list"]).await.good(), "no runs\n");
    let file = guarded.bed.load_test("3m");
    let told = with_token(viewer, &["start", &file]).await.bad(7);
    assert!(told.contains("this needs the role operator in environment \"model\""), "{told}");

    let stranger = answer(guarded.bed.command(&["list", "--server", &server])).await.bad(6);
    assert!(stranger.starts_with(&format!("error: could not reach {server}: ")), "{stranger}");
    assert!(stranger.contains("certificate"), "its certificate is of no known authority: {stranger}");
    let help = answer({
        let mut command = guarded.bed.command(&["list", "--help"]);
        command.env("CONDUCTOR_TOKEN", operator);
        command
    });
    assert!(!help.await.good().contains(operator));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_is_asked_once_more_when_the_server_does_not_take_its_token() {
    let guarded = Guarded::start().await;
    let asked = guarded.bed.folder.path().join("asked");
    let script = format!(
        "echo asked >> '{0}'\nif [ $(wc -l < '{0}') = 1 ]; then echo stale; else echo '{1}'; fi\n",
        asked.display(),
        guarded.tokens[1]
    );
    guarded.bed.file("login.sh", &script);
    let login = path(&guarded.bed.folder.path().join("login.sh"));
    guarded.context(&format!("exec: {{ command: sh, args: [\"{login}\"] }}"));
    assert_eq!(guarded.ask(&["list", "--context", "main"]).await.good(), "no runs\n");
    assert_eq!(std::fs::read_to_string(&asked).unwrap().lines().count(), 2);

    guarded.bed.file("login.sh", "echo \"it is $PWD\" >&2; exit 3\n");
    let told = guarded.ask(&["list", "--context", "main"]).await.bad(7);
    let failed = format!("error: no token for {}: sh gave no token: exit status: 3\n", guarded.server());
    assert!(told.contains("it is ") && told.ends_with(&failed), "what it says itself is for its user: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_outlasts_its_watchers_token_is_watched_on_with_the_next_one() {
    let guarded = Guarded::start().await;
    guarded.bed.file("token", &guarded.tokens[0]);
    guarded.context("exec: { command: cat, args: [TOKEN] }");
    let contexts = guarded.bed.folder.path().join("contexts.yaml");
    let token = path(&guarded.bed.folder.path().join("token"));
    std::fs::write(&contexts, std::fs::read_to_string(&contexts).unwrap().replace("TOKEN", &token)).unwrap();
    let file = guarded.bed.load_test("15m");
    let mut command = guarded.bed.command(&["start", "--wait", &file, "--context", "main"]);
    command.env("CONDUCTOR_CONTEXTS", &contexts);
    let mut running = Running::start(command);
    running.until("GENERATE_LOAD").await;
    let lines = std::fs::read_to_string(guarded.bed.folder.path().join("tokens")).unwrap();
    guarded.bed.file("tokens", lines.lines().nth(1).unwrap());
    guarded.bed.file("token", &guarded.tokens[1]);
    let (code, told) = running.end().await;
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("CLEAN_UP"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_is_enough_where_the_server_knows_it() {
    let guarded = Guarded::start().await;
    guarded.context("clientCertificate: cron.pem, clientKey: cron.key");
    assert_eq!(guarded.ask(&["list", "--context", "main"]).await.good(), "no runs\n");
    let shown = guarded.ask(&["context", "show", "main"]).await.good();
    assert!(shown.contains("credentials  no token, certificate in ") && shown.contains("cron.pem\n"), "{shown}");
    guarded.bed.file("cron.key", "hello");
    let told = guarded.ask(&["list", "--context", "main"]).await.bad(2);
    assert!(told.starts_with(&format!("error: TLS to {} cannot be begun: ", guarded.server())), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_the_other_scheme_is_told_as_that_and_at_once() {
    let mut plain = Bed::stopped();
    plain.serve(AccessSettings { off: true, ..AccessSettings::default() }, None).await;
    let address = plain.address;
    let told = answer(plain.command(&["list", "--server", &format!("https://{address}")])).await.bad(2);
    assert_eq!(told, format!("error: the server at {address} does not speak TLS; use http://{address}\n"));

    let guarded = Guarded::start().await;
    let address = guarded.bed.address;
    let told = answer(guarded.bed.command(&["list", "--server", &format!("http://{address}")])).await.bad(2);
    assert_eq!(told, format!("error: the server at {address} speaks TLS; use https://{address}\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_to_show_a_run_can_be_pasted() {
    let guarded = Guarded::start().await;
    let token = path(&guarded.bed.file("the token", &guarded.tokens[0]));
    let (server, ca) = (guarded.server(), path(&guarded.bed.folder.path().join("ca.pem")));
    let file = guarded.bed.load_test("40m");
    let arguments = ["start", &file, "--server", &server, "--ca-file", &ca, "--token-file", &token];
    let told = answer(guarded.bed.command(&arguments)).await;
    let run = told.out.trim().to_owned();
    assert_eq!(
        told.err,
        format!("conductor --server {server} --token-file '{token}' --ca-file {ca} watch {run} shows it\n")
    );
    let pasted = format!("{} get {run}", told.err.split(" watch ").next().unwrap());
    let shell = guarded.bed.shell(&pasted.replacen("conductor", "\"$CONDUCTOR\"", 1));
    assert!(answer(shell).await.good().contains(&run));
}
