//! What the beds use of the world outside: programs, and one HTTP request.

use std::path::{Path, PathBuf};

/// A program of this workspace, built beside the tests.
pub fn program(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let file = tests.ancestors().nth(2).map(|folder| folder.join(name)).unwrap();
    assert!(
        file.exists(),
        "{} is missing: cargo build -p conductor -p conductord -p shop, or cargo verify",
        file.display()
    );
    file
}

/// The program that starts Locust.
pub(crate) fn locust() -> PathBuf {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/locust/bin/locust");
    let file = std::env::var_os("CONDUCTOR_LOCUST").map_or(installed, PathBuf::from);
    assert!(file.exists(), "{} is missing: cargo verify installs Locust", file.display());
    file
}

/// A program that a variable names.
pub(crate) fn tool(variable: &str) -> PathBuf {
    let file = std::env::var_os(variable).map(PathBuf::from).unwrap_or_default();
    assert!(file.exists(), "{variable} names no program: cargo verify builds it, and cargo xtask environment shows it");
    file
}

/// The program that calls servers over gRPC.
pub(crate) fn grpcurl() -> PathBuf {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/grpcurl/grpcurl");
    let file = std::env::var_os("CONDUCTOR_GRPCURL").map_or(installed, PathBuf::from);
    assert!(file.exists(), "{} is missing: cargo verify builds grpcurl", file.display());
    file
}

/// One HTTP request to an address such as `127.0.0.1:9464`, without more of a client than it needs: what it is answered with.
pub fn answer(address: &str, path: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}
