//! The front of an application whose replicas have ports of their own: connections in turn to those that are ready.

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Listens on an application's port; dropping it ends that.
#[derive(Debug)]
pub(crate) struct Front {
    backends: Arc<Mutex<Vec<u16>>>,
    accepting: JoinHandle<()>,
}

impl Front {
    /// Listens on a port, without backends.
    pub(crate) async fn listen(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let backends = Arc::new(Mutex::new(Vec::new()));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&backends)));
        Ok(Self { backends, accepting })
    }

    /// Sends new connections to these ports from now on; present ones go on where they are.
    pub(crate) fn set(&self, ports: Vec<u16>) {
        *self.backends.lock().unwrap_or_else(PoisonError::into_inner) = ports;
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, backends: Arc<Mutex<Vec<u16>>>) {
    let mut turn: usize = 0;
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                turn = turn.wrapping_add(1);
                let ports = backends.lock().unwrap_or_else(PoisonError::into_inner).clone();
                tokio::spawn(forward(client, ports, turn));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

/// Forwards one connection to the backend whose turn it is, or to the next that takes it.
async fn forward(mut client: TcpStream, ports: Vec<u16>, turn: usize) {
    for try_ in 0..ports.len() {
        let port = ports[(turn + try_) % ports.len()];
        if let Ok(mut backend) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
            if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut backend).await {
                tracing::debug!(port, %error, "a connection broke");
            }
            return;
        }
    }
    // Closing the client's connection is all that can be said without knowing its protocol.
}
