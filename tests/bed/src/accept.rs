//! Taking connections for as long as somebody serves.

use std::convert::Infallible;

use tokio::net::{TcpListener, TcpStream};

use crate::wait::LOOK_EVERY;

/// Hands out connections as they come, until it is dropped.
pub async fn accept(listener: &TcpListener, mut serve: impl FnMut(TcpStream)) -> Infallible {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => serve(stream),
            // There are too many open files, for example: others may be closed meanwhile.
            Err(_) => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}
