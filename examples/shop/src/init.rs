//! `shop init`: a folder with everything a load test of the shop needs, on ports that are free now.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use crate::database::seed;

/// The files of the folder, with their placeholders.
const FILES: [(&str, &str); 4] = [
    ("environment.yaml", include_str!("../template/environment.yaml")),
    ("loadtest.yaml", include_str!("../template/loadtest.yaml")),
    ("release-manifest.yaml", include_str!("../template/release-manifest.yaml")),
    ("locustfile.py", include_str!("../template/locustfile.py")),
];

/// What the folder is made for.
#[derive(Args)]
pub(crate) struct Settings {
    /// The folder; it is made, and must not hold a shop yet.
    folder: PathBuf,
    /// The program that starts Locust.
    #[arg(long, default_value = "locust")]
    locust: String,
    /// Scales what each replica can do: 0.5 takes half as many orders a second.
    #[arg(long, default_value_t = 1.0)]
    capacity: f64,
}

/// Makes the folder and says where it is.
pub(crate) async fn run(settings: Settings) -> anyhow::Result<()> {
    let folder = &settings.folder;
    fs::create_dir_all(folder).with_context(|| format!("could not make the folder {}", folder.display()))?;
    let shop = std::env::current_exe().context("could not find out where this program is")?;
    let [shop_port, payments_port, locust_port] = free_ports()?.map(|port| port.to_string());
    let values = [
        ("@SHOP@", quoted(&shop)?),
        ("@LOCUST@", quoted(Path::new(&settings.locust))?),
        ("@SHOP_PORT@", shop_port.clone()),
        ("@PAYMENTS_PORT@", payments_port),
        ("@LOCUST_PORT@", locust_port.clone()),
        ("@CAPACITY@", settings.capacity.to_string()),
    ];
    for (name, template) in FILES {
        let path = folder.join(name);
        anyhow::ensure!(!path.exists(), "{} is there already; expected a folder without a shop", path.display());
        fs::write(&path, filled(template, &values)).with_context(|| format!("could not write {}", path.display()))?;
    }
    seed::fill(&folder.join("shop.db")).await?;
    let shown = folder.display();
    println!("a shop is in {shown}: shop on port {shop_port}, Locust on port {locust_port}");
    println!("next: conductor locust-plugin > {shown}/conductor_locust.py");
    println!("      conductor local up {shown}/environment.yaml");
    println!("      conductor run {shown}/loadtest.yaml");
    Ok(())
}

fn filled(template: &str, values: &[(&str, String)]) -> String {
    values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// A path as YAML and JSON read it, whatever is in it.
fn quoted(path: &Path) -> anyhow::Result<String> {
    let text = path.to_str().with_context(|| format!("{} is not text in UTF-8", path.display()))?;
    Ok(serde_json::to_string(text)?)
}

/// Three ports that were free a moment ago; all are held until the last is known, so that they differ.
fn free_ports() -> anyhow::Result<[u16; 3]> {
    let bind = || TcpListener::bind(("127.0.0.1", 0)).context("could not find a free port");
    let held = [bind()?, bind()?, bind()?];
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(&held) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_is_complete_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let make =
            || Settings { folder: folder.path().join("my shop"), locust: "a \"locust\"".to_owned(), capacity: 0.5 };
        run(make()).await.unwrap();
        let environment = fs::read_to_string(folder.path().join("my shop/environment.yaml")).unwrap();
        assert!(!environment.contains('@'), "a placeholder is left in {environment}");
        assert!(environment.contains(r#"["a \"locust\"", -f"#), "{environment}");
        assert!(environment.contains(r#"--capacity, "0.5","#), "{environment}");
        assert!(folder.path().join("my shop/shop.db").exists());
        let error = run(make()).await.unwrap_err().to_string();
        assert!(error.ends_with("environment.yaml is there already; expected a folder without a shop"), "{error}");
    }
}
