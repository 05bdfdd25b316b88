//! `shop init`: a folder with everything a load test of the shop needs, on ports that are free now.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use crate::database::seed;

/// The files of the folder, with their placeholders. A line that begins with `+` is for a shop whose payments have a mock.
const FILES: [(&str, &str); 4] = [
    ("environment.yaml", include_str!("../template/environment.yaml")),
    ("loadtest.yaml", include_str!("../template/loadtest.yaml")),
    ("release-manifest.yaml", include_str!("../template/release-manifest.yaml")),
    ("locustfile.py", include_str!("../template/locustfile.py")),
];

/// The files that router and mock are started with: those that are shipped.
const MOCK_FILES: [(&str, &str); 2] = [
    ("payments.eskip", include_str!("../../../deploy/skipper/payments.eskip")),
    ("payments-simulation.json", include_str!("../../../deploy/skipper/payments-simulation.json")),
];

/// What the folder is made for.
#[derive(Args)]
pub(crate) struct Settings {
    /// The folder; it is made, and must not hold a shop yet.
    folder: PathBuf,
    /// The program that starts Locust.
    #[arg(long, default_value = "locust")]
    locust: String,
    /// The program that starts Skipper, by which the shop then pays.
    #[arg(long, requires = "mock")]
    router: Option<String>,
    /// The program that starts Hoverfly, which then takes the payments of load tests.
    #[arg(long, requires = "router")]
    mock: Option<String>,
    /// Scales what each replica can do: 0.5 takes half as many orders a second.
    #[arg(long, default_value_t = 1.0)]
    capacity: f64,
}

/// Makes the folder and says where it is.
pub(crate) async fn run(settings: Settings) -> anyhow::Result<()> {
    let folder = &settings.folder;
    fs::create_dir_all(folder).with_context(|| format!("could not make the folder {}", folder.display()))?;
    let shop = std::env::current_exe().context("could not find out where this program is")?;
    let ports = free_ports()?.map(|port| port.to_string());
    let [shop_port, payments_port, locust_port, mock_port, mock_admin_port, router_port, router_metrics_port] = ports;
    let chain = settings.router.as_deref().zip(settings.mock.as_deref());
    let (router, mock) = chain.unwrap_or_default();
    let values = [
        ("@SHOP@", quoted(&shop)?),
        ("@LOCUST@", quoted(Path::new(&settings.locust))?),
        ("@ROUTER@", quoted(Path::new(router))?),
        ("@MOCK@", quoted(Path::new(mock))?),
        ("@PAYING_PORT@", if chain.is_some() { router_port.clone() } else { payments_port.clone() }),
        ("@SHOP_PORT@", shop_port.clone()),
        ("@PAYMENTS_PORT@", payments_port.clone()),
        ("@LOCUST_PORT@", locust_port.clone()),
        ("@MOCK_PORT@", mock_port.clone()),
        ("@MOCK_ADMIN_PORT@", mock_admin_port),
        ("@ROUTER_PORT@", router_port),
        ("@ROUTER_METRICS_PORT@", router_metrics_port),
        ("@CAPACITY@", settings.capacity.to_string()),
    ];
    for (name, template) in FILES {
        write(folder, name, &filled(&lines(template, chain.is_some()), &values))?;
    }
    if chain.is_some() {
        let backends = [("http://hoverfly:8500", mock_port), ("http://payments:8600", payments_port)];
        let backends = backends.map(|(name, port)| (name, format!("http://127.0.0.1:{port}")));
        for (name, shipped) in MOCK_FILES {
            write(folder, name, &filled(shipped, &backends))?;
        }
    }
    seed::fill(&folder.join("shop.db")).await?;
    let shown = folder.display();
    println!("a shop is in {shown}: shop on port {shop_port}, Locust on port {locust_port}");
    println!("next: conductor locust-plugin > {shown}/conductor_locust.py");
    println!("      conductor local up {shown}/environment.yaml");
    println!("      conductor run {shown}/loadtest.yaml");
    Ok(())
}

/// Writes a file that is not there yet.
fn write(folder: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let path = folder.join(name);
    anyhow::ensure!(!path.exists(), "{} is there already; expected a folder without a shop", path.display());
    fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))
}

/// The lines of a template, of which those with a `+` are there with a mock only.
fn lines(template: &str, with_mock: bool) -> String {
    template
        .split_inclusive('\n')
        .filter_map(|line| line.strip_prefix('+').map_or(Some(line), |line| with_mock.then_some(line)))
        .collect()
}

fn filled(template: &str, values: &[(&str, String)]) -> String {
    values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// A path as YAML and JSON read it, whatever is in it.
fn quoted(path: &Path) -> anyhow::Result<String> {
    let text = path.to_str().with_context(|| format!("{} is not text in UTF-8", path.display()))?;
    Ok(serde_json::to_string(text)?)
}

/// Ports that were free a moment ago; all are held until the last is known, so that they differ.
fn free_ports<const PORTS: usize>() -> anyhow::Result<[u16; PORTS]> {
    let bind = |()| TcpListener::bind(("127.0.0.1", 0)).context("could not find a free port");
    let held = [(); PORTS].into_iter().map(bind).collect::<anyhow::Result<Vec<_>>>()?;
    let mut ports = [0; PORTS];
    for (port, listener) in ports.iter_mut().zip(&held) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(folder: PathBuf) -> Settings {
        Settings { folder, locust: "a \"locust\"".to_owned(), router: None, mock: None, capacity: 0.5 }
    }

    #[tokio::test]
    async fn a_folder_is_complete_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let make = || settings(folder.path().join("my shop"));
        run(make()).await.unwrap();
        let environment = fs::read_to_string(folder.path().join("my shop/environment.yaml")).unwrap();
        assert!(!environment.contains('@'), "a placeholder is left in {environment}");
        assert!(environment.contains(r#"["a \"locust\"", -f"#), "{environment}");
        assert!(environment.contains(r#"--capacity, "0.5","#), "{environment}");
        assert!(!environment.contains("mock"), "nobody asked for one: {environment}");
        assert!(folder.path().join("my shop/shop.db").exists());
        assert!(!folder.path().join("my shop/payments.eskip").exists());
        let error = run(make()).await.unwrap_err().to_string();
        assert!(error.ends_with("environment.yaml is there already; expected a folder without a shop"), "{error}");
    }

    #[tokio::test]
    async fn with_a_mock_the_shop_pays_by_way_of_the_router() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let router = Some("/tools/a skipper".to_owned());
        run(Settings { router, mock: Some("hoverfly".to_owned()), ..settings(folder.path().to_owned()) })
            .await
            .unwrap();
        let environment = file("environment.yaml");
        assert!(!environment.contains('@') && !environment.contains("\n+"), "{environment}");
        assert!(environment.contains(r#"["/tools/a skipper", -routes-file"#), "{environment}");
        let between = |from: &str, to: &str| {
            let rest = environment.split_once(from).unwrap_or_else(|| panic!("no {from} in {environment}")).1;
            rest.split_once(to).unwrap().0.to_owned()
        };
        let pays = between("--payments, \"http://", "\"");
        assert_eq!(between("url: http://", "/payments"), pays, "the probe goes where the shop pays");
        let routes = file("payments.eskip");
        let backend = |port: &str| format!("-> \"http://127.0.0.1:{port}\";");
        assert!(routes.contains(&backend(&between("-pp, \"", "\""))), "{routes}");
        let provider = between("payments, --port, \"{port}\"]\n        port: { number: ", " }");
        assert!(routes.contains(&backend(&provider)), "{routes}");
        assert!(file("payments-simulation.json").contains("X-Mocked-By"));
    }
}
