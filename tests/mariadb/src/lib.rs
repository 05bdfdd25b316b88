//! Real MariaDB servers, for tests.
//!
//! ```no_run
//! use conductor_mariadb_bed::{Mariadb, MariadbSettings};
//!
//! # async fn test() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Mariadb::start(MariadbSettings::default()).await?;
//! server.run("CREATE DATABASE shop").await?;
//! let mut connection = server.connect("shop").await?;
//! // Programs under test come through a front, which can fail.
//! let front = server.front().await?;
//! front.cut();
//! # Ok(())
//! # }
//! ```
//!
//! A server listens on a socket in its folder and on no port: a [`Front`] has one of loopback, which the kernel gave. `root` needs
//! no password. Where the tests are root's, the server is `nobody`'s, unless it is installed where others cannot enter. When a server is dropped, or its process ends in whatever way, it and its folder are gone too.

mod error;
mod identity;
mod programs;
mod server;
mod template;

pub use conductor_bed::Front;
pub use error::BedError;
pub use server::{Mariadb, MariadbSettings};

/// The folder of a server. It is killed with its owner: nothing is waited for.
const FOLDERS: conductor_bed::Folders = conductor_bed::Folders { prefix: "mariadb-bed-", process: None };
