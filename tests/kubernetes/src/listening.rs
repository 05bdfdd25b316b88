//! Where a process listens, as Linux tells it in `/proc`. Elsewhere nothing is told.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// What Linux says of a process that has just ended.
const ESRCH: i32 = 3;
const EINVAL: i32 = 22;
/// The state of a socket that listens.
const LISTENS: &str = "0A";

/// The addresses beyond loopback that a process listens on.
pub(crate) fn beyond_loopback(process: u32) -> io::Result<Vec<SocketAddr>> {
    let mut found = addresses(process)?;
    found.retain(|address| !address.ip().to_canonical().is_loopback());
    Ok(found)
}

fn addresses(process: u32) -> io::Result<Vec<SocketAddr>> {
    let process = Path::new("/proc").join(process.to_string());
    let sockets = sockets(&process)?;
    let mut found = Vec::new();
    for table in ["net/tcp", "net/tcp6"] {
        let text = or_none(fs::read_to_string(process.join(table)))?.unwrap_or_default();
        found.extend(text.lines().filter_map(|line| listener(line, &sockets)));
    }
    Ok(found)
}

/// The numbers of the sockets that a process has open; none when it has ended.
fn sockets(process: &Path) -> io::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for file in or_none(fs::read_dir(process.join("fd")))?.into_iter().flatten() {
        // It may have been closed by now.
        let Some(target) = or_none(fs::read_link(file?.path()))? else { continue };
        let target = target.to_string_lossy();
        let number = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
        found.extend(number.map(str::to_owned));
    }
    Ok(found)
}

fn or_none<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error)
            if error.kind() == io::ErrorKind::NotFound || matches!(error.raw_os_error(), Some(ESRCH | EINVAL)) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The address in a line of a table of sockets, where one of these listens there.
fn listener(line: &str, sockets: &BTreeSet<String>) -> Option<SocketAddr> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (address, state, number) = (*words.get(1)?, *words.get(3)?, *words.get(9)?);
    if state != LISTENS || !sockets.contains(number) {
        return None;
    }
    let (ip, port) = address.split_once(':')?;
    Some(SocketAddr::new(self::ip(ip)?, u16::from_str_radix(port, 16).ok()?))
}

/// Groups of four bytes, each as this machine writes a number.
fn ip(text: &str) -> Option<IpAddr> {
    let group = |at: usize| {
        let number = u32::from_str_radix(text.get(at..at + 8)?, 16).ok()?;
        Some(number.to_ne_bytes())
    };
    match text.len() {
        8 => Some(Ipv4Addr::from(group(0)?).into()),
        32 => {
            let groups = [group(0)?, group(8)?, group(16)?, group(24)?].concat();
            Some(Ipv6Addr::from(<[u8; 16]>::try_from(groups).ok()?).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn every_socket_on_which_a_process_listens_is_found() {
        let here = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = here.local_addr().unwrap();
        let found = || addresses(std::process::id()).unwrap();
        assert!(found().contains(&address), "{:?}", found());
        drop(here);
        assert!(!found().contains(&address));
        assert_eq!(addresses(u32::MAX).unwrap(), []);
    }

    #[test]
    fn of_a_table_only_own_sockets_count_that_listen() {
        let line = |address: &str, state: &str, number: &str| {
            format!(
                "   0: {address} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 {number} 1 0"
            )
        };
        let own = BTreeSet::from(["7".to_owned()]);
        let zeros = "0".repeat(32);
        for (line, expected) in [
            (line("0100007F:1F90", "0A", "7"), Some("127.0.0.1:8080")),
            (line("00000000:1F90", "0A", "7"), Some("0.0.0.0:8080")),
            (line(&format!("{zeros}:0050"), "0A", "7"), Some("[::]:80")),
            (line("00000000000000000000000001000000:0050", "0A", "7"), Some("[::1]:80")),
            (line("00000000:1F90", "01", "7"), None),
            (line("00000000:1F90", "0A", "8"), None),
            ("  sl  local_address rem_address   st".to_owned(), None),
        ] {
            assert_eq!(listener(&line, &own), expected.map(|address| address.parse().unwrap()), "{line}");
        }
    }
}
