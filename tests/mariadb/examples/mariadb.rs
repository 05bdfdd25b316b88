//! A server that stands until its input ends: to look into one by hand, and to see that nothing of it outlives its owner.

use conductor_mariadb_bed::{Mariadb, MariadbSettings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Mariadb::start(MariadbSettings::default()).await?;
    println!("{} {}", server.process(), server.folder().display());
    std::io::read_to_string(std::io::stdin())?;
    Ok(())
}
