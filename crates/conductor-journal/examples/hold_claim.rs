//! Claims an environment and waits to be killed: `hold_claim STATE_DIR ENVIRONMENT`. Prints `held` once it has it.

use conductor_core::ports::RunStore;
use conductor_journal::SqliteStore;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, state_dir, environment] = arguments.as_slice() else {
        return Err("usage: hold_claim STATE_DIR ENVIRONMENT".into());
    };
    let store = SqliteStore::open(state_dir.as_ref()).await?;
    let _claim = store.claim(environment).await?;
    println!("held");
    std::io::stdin().lines().for_each(drop);
    Ok(())
}
