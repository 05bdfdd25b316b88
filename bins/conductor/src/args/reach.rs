//! Where a verb works: on this machine, or at a server.

use std::path::PathBuf;

use clap::Args;

use crate::exit::Failed;

/// Where to work. Nothing of it, no `CONDUCTOR_SERVER` and no current context: on this machine.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Reach {
    /// The server to ask, such as `https://conductor.example.org:7400`, in place of working on this machine; or
    /// CONDUCTOR_SERVER. A token goes there by TLS only, or to this machine itself. See docs/remote.md.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// The server to ask, by its name in the contexts file, in place of the current one.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Works on this machine although CONDUCTOR_SERVER or a current context names a server.
    #[arg(long, global = true)]
    pub(crate) local: bool,
    /// A file with the token for --server or CONDUCTOR_SERVER, or CONDUCTOR_TOKEN_FILE; or the token itself in
    /// CONDUCTOR_TOKEN.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Authorities of the certificate of --server beside those of this machine, a file of PEM; or CONDUCTOR_CA_FILE.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

impl Reach {
    /// Refuses a server that was named, since the verb works on this machine alone. A variable or a current context names
    /// none for it.
    pub(crate) fn refuse_servers(&self, instead: &str) -> Result<(), Failed> {
        let named = [
            ("--server", self.server.is_some()),
            ("--context", self.context.is_some()),
            ("--token-file", self.token_file.is_some()),
            ("--ca-file", self.ca_file.is_some()),
        ];
        match named.iter().find(|(_, is_given)| *is_given) {
            Some((name, _)) => Err(Failed::input(format!("{name}: this works on this machine alone; {instead}"))),
            None => Ok(()),
        }
    }
}
