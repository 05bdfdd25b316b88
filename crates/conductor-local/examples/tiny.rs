//! A tiny application to supervise: it answers every request with its version and its process, on the ports it is given.
//!
//! `tiny VERSION PORT…`; the version `broken` ends at once, `deaf` never listens, `stubborn` does not end by SIGTERM,
//! and one that ends in `slow` takes its time for each answer, before it and in its middle. None of them answers what it had
//! heard when SIGTERM came.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::time::Duration;

use nix::sys::signal::{SigHandler, Signal, signal};
use socket2::{Domain, Socket, Type};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let version = arguments.next().unwrap_or_default();
    match version.as_str() {
        "broken" => {
            eprintln!("the configuration is missing");
            return ExitCode::FAILURE;
        }
        "deaf" => std::thread::sleep(Duration::from_secs(600)),
        "stubborn" => ignore_terminate(),
        _ => {}
    }
    let servers: Vec<_> = arguments
        .filter_map(|port| port.parse().ok())
        .map(|port: u16| {
            let version = version.clone();
            std::thread::spawn(move || serve(port, &version))
        })
        .collect();
    for server in servers {
        if !matches!(server.join(), Ok(Ok(()))) {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

#[allow(unsafe_code, reason = "signal handlers are set through the operating system")]
fn ignore_terminate() {
    // SAFETY: ignoring a signal runs no code in its handler.
    let _ = unsafe { signal(Signal::SIGTERM, SigHandler::SigIgn) };
}

fn serve(port: u16, version: &str) -> std::io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], port)).into())?;
    socket.listen(64)?;
    for stream in TcpListener::from(socket).incoming() {
        let mut stream = stream?;
        let mut request = [0_u8; 512];
        let text = format!("{version} {}", std::process::id());
        let time = Duration::from_millis(if version.ends_with("slow") { 50 } else { 0 });
        // A client that went away must not end the application.
        let _ = stream.read(&mut request).and_then(|_| {
            std::thread::sleep(time);
            stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n")?;
            std::thread::sleep(time);
            stream.write_all(text.as_bytes())
        });
    }
    Ok(())
}
