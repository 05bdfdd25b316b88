//! Ports of loopback.

use std::net::{Ipv4Addr, TcpListener};

use crate::error::Error;

/// Listens on a port that the kernel gives, without blocking whoever accepts, and says which it is.
///
/// # Errors
/// When there is none.
pub fn listen() -> Result<(TcpListener, u16), Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::Port)?;
    listener.set_nonblocking(true).map_err(Error::Port)?;
    let port = listener.local_addr().map_err(Error::Port)?.port();
    Ok((listener, port))
}
