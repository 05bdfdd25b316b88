//! A server of others beside the conductor's: it is killed when it is dropped.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use conductor_bed::{Signal, process};
use conductor_tests::until;

use crate::server::PATIENCE;

/// A program that listens on a port of loopback.
pub(crate) struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts one that writes its log there, and waits until it listens on the port.
    pub(crate) fn start(command: &mut Command, log: PathBuf, port: u16) -> Self {
        let [out, err] = {
            let file = File::create(&log).unwrap();
            [file.try_clone().unwrap(), file]
        };
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let mut program = Self { child: process::spawn(command, Signal::SIGKILL).unwrap(), log };
        until("the program listens", PATIENCE, || {
            assert_eq!(program.child.try_wait().unwrap(), None, "{}", program.log());
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        });
        program
    }

    /// What it has told so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It fails where the program has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port of loopback that nobody has.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// What a variable names that `cargo verify` sets, or its `--full`, and a subcommand of `cargo xtask` builds.
pub(crate) fn built(variable: &str, subcommand: &str) -> PathBuf {
    let path = PathBuf::from(std::env::var_os(variable).unwrap_or_default());
    assert!(
        path.exists(),
        "{variable} names nothing that is there: cargo xtask {subcommand} builds it, and cargo verify before its tests"
    );
    path
}
