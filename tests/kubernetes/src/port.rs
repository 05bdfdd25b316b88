//! A port of loopback that the kernel gave and nobody else can get, until the program it is for listens on it.

use std::net::{Ipv4Addr, SocketAddr};

use conductor_bed::Error;
use socket2::{Domain, Socket, Type};

/// A port that is held by a socket which never listens.
#[derive(Debug)]
pub(crate) struct Reserved {
    /// Keeps the port from everybody who does not ask to share it.
    _socket: Socket,
    pub(crate) number: u16,
}

/// Reserves a port. A program that sets SO_REUSEPORT, too, can listen on it meanwhile; the kernel gives it to no other.
pub(crate) fn reserve() -> Result<Reserved, Error> {
    let socket = || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_reuse_port(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let number = socket.local_addr()?.as_socket().map_or(0, |address| address.port());
        Ok(Reserved { _socket: socket, number })
    };
    socket().map_err(Error::Port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserved_port_is_given_to_nobody_else() {
        let held: Vec<Reserved> = (0..200).map(|_| reserve().unwrap()).collect();
        let mut numbers: Vec<u16> = held.iter().map(|port| port.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 200);
        assert!(std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, held[0].number)).is_err());
    }
}
