//! Starts a bed with a service in two clusters, says as JSON where it is, and keeps it until the standard input ends: to look into one by
//! hand, and for the tests that kill its owner.

use std::collections::BTreeMap;
use std::io::Read;

use conductor_ecs_bed::{BedError, EcsBed, ServiceMade, User};
use serde_json::json;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    match hold().await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn hold() -> Result<(), BedError> {
    let bed = EcsBed::start().await?;
    for (cluster, version) in [("production", "v2"), ("test", "v1")] {
        bed.make_cluster(cluster).await?;
        let image = format!("registry.example/pay:{version}");
        bed.make_service(ServiceMade::new(cluster, "pay", &image, 2).family(&format!("pay-{cluster}"))).await?;
    }
    let environment: BTreeMap<_, _> = bed.environment(User::Conductor).into_iter().collect();
    println!("{}", json!({ "endpoint": bed.endpoint(), "process": bed.process(), "environment": environment }));
    // An input that cannot be read is at its end.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    Ok(())
}
