//! The server as a container of the image runs it: on a root file system that cannot be written to and has nothing but the program
//! and its files, as a user without any rights.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::PathBuf;
use std::process::{Command, Stdio};

use conductor_tests::{Bed, Server, Shop};
use nix::unistd::geteuid;
use serde_json::json;

/// Makes the root of the image's last stage in a mount namespace of its own, and runs the program there. What is mounted goes with
/// the namespace, and that with the program. There are no libraries in it: the program has to be static. As in a container, names
/// of this machine stand in a file.
const IN_A_CONTAINER: &str = r#"
root=$1 programs=$2 files=$3
mount -t tmpfs -o size=1g,mode=0755 root "$root"
cd "$root"
mkdir -p usr/local/bin etc/conductor/environments var/lib/conductor tmp proc
cp "$programs/conductor" "$programs/conductord" usr/local/bin/
cp "$files/server.yaml" etc/conductor/
cp "$files/environment.yaml" etc/conductor/environments/shop-local.yaml
echo 127.0.0.1 here.example > etc/hosts
mount -t proc proc proc
for folder in var/lib/conductor tmp; do mount -t tmpfs -o uid=65532,gid=65532,mode=0700 volume $folder; done
mount -o remount,ro "$root"
cd /
chroot "$root" /usr/local/bin/conductor --version > "$files/version"
exec setpriv --no-new-privs chroot --userspec=65532:65532 --groups=65532 "$root" \
  /usr/local/bin/conductord --settings /etc/conductor/server.yaml --state-dir /var/lib/conductor
"#;

/// A line of what the kernel tells of a process.
fn status(server: &Server, name: &str) -> String {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
#[ignore = "needs to be root: cargo verify --full"]
fn a_server_needs_no_rights_no_other_program_and_no_place_to_write_but_its_volumes() {
    if !geteuid().is_root() {
        println!("NOT checked: a root file system is mounted by root alone");
        return;
    }
    let programs = PathBuf::from(std::env::var_os("CONDUCTOR_IMAGE").unwrap_or_default());
    assert!(
        programs.join("conductord").is_file(),
        "CONDUCTOR_IMAGE has no conductord: cargo verify --full builds it, and so does cargo xtask image"
    );
    let bed = Bed::new(Shop::default());
    let head = "apiVersion: loadtest-conductor.dev/v1alpha1\nkind: Server\nspec:";
    let listen = "  listen: here.example:0\n  telemetry: { metrics: { address: 127.0.0.1:0 } }";
    bed.write("server.yaml", &format!("{head}\n{listen}\n  environments: [environments/shop-local.yaml]\n"));
    let root = bed.path("root");
    std::fs::create_dir(&root).unwrap();
    let mut command = Command::new("unshare");
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.args(["--mount", "--propagation", "private", "sh", "-euc", IN_A_CONTAINER, "sh", &root]);
    command.arg(programs).arg(bed.path("")).stdin(Stdio::null());
    let server = Server::listening(command);
    server.wait_until_ready();
    let version = std::fs::read_to_string(bed.path("version")).unwrap();
    assert!(version.starts_with("conductor "), "{version}");
    assert_eq!(status(&server, "Uid:"), "65532 65532 65532 65532");
    assert_eq!((status(&server, "Groups:"), status(&server, "NoNewPrivs:")), ("65532".to_owned(), "1".to_owned()));
    for capabilities in ["CapEff:", "CapPrm:"] {
        assert_eq!(status(&server, capabilities).trim_matches('0'), "", "{capabilities}");
    }
    let root = format!("/proc/{}/root", server.process());
    let denied = std::fs::write(format!("{root}/etc/file"), "").unwrap_err();
    assert_eq!(denied.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
    assert!(std::fs::metadata(format!("{root}/var/lib/conductor/journal.db")).is_ok(), "its journal is in its volume");
    assert_eq!(server.call("ListLoadTests", &json!({})).json(), json!({}));
    assert!(server.probe("/metrics").contains("process_resident_memory_bytes"));
    let ended = server.terminate();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(std::fs::read_dir(bed.path("root")).unwrap().count(), 0, "what was mounted is still there");
}
