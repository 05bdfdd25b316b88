//! A front of Locust's web interface that can be stuck: it goes on answering, and what it answers is always the same.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// The front. It ends when it is dropped.
#[derive(Debug)]
pub struct StuckFront {
    address: SocketAddr,
    shared: Arc<Shared>,
    taking: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    behind: String,
    /// The path of which the same is answered; without its query.
    stuck_at: &'static str,
    is_stuck: AtomicBool,
    over: AtomicBool,
    /// What each path was answered with at last.
    answers: Mutex<HashMap<String, Vec<u8>>>,
}

impl StuckFront {
    /// One before this address, which may be stuck at this path, and is not yet.
    pub(super) fn before(behind: String, stuck_at: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (is_stuck, over, answers) = (AtomicBool::new(false), AtomicBool::new(false), Mutex::default());
        let shared = Arc::new(Shared { behind, stuck_at, is_stuck, over, answers });
        let taken = Arc::clone(&shared);
        let taking = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if taken.over.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(stream), shared) = (stream, Arc::clone(&taken)) else { continue };
                // A connection that breaks is seen by its client.
                std::thread::spawn(move || shared.pass(stream));
            }
        });
        Self { address, shared, taking: Some(taking) }
    }

    /// Where it listens.
    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Answers the same from now on, or what is so again.
    pub fn stick(&self, stuck: bool) {
        self.shared.is_stuck.store(stuck, Ordering::Relaxed);
    }
}

impl Drop for StuckFront {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        let _ = self.taking.take().map(JoinHandle::join);
    }
}

impl Shared {
    /// Passes one request on and its answer back; the connection ends with it.
    fn pass(&self, mut client: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(client.try_clone().ok()?);
        let (mut head, mut length) = (String::new(), 0);
        for line in (&mut reader).lines() {
            let line = line.ok()?;
            let (name, value) = line.split_once(": ").unwrap_or((&line, ""));
            match name.to_lowercase().as_str() {
                "" => break,
                "connection" => continue,
                "content-length" => length = value.parse().ok()?,
                _ => {}
            }
            head.push_str(&line);
            head.push_str("\r\n");
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let path = head.split(' ').nth(1)?.split('?').next()?.to_owned();
        let answer = self.answer(&path, &head, &body)?;
        client.write_all(&answer).ok()?;
        client.shutdown(Shutdown::Write).ok()
    }

    fn answer(&self, path: &str, head: &str, body: &[u8]) -> Option<Vec<u8>> {
        if path == self.stuck_at
            && self.is_stuck.load(Ordering::Relaxed)
            && let Some(same) = self.answers.lock().unwrap().get(path)
        {
            return Some(same.clone());
        }
        let mut server = TcpStream::connect(&self.behind).ok()?;
        write!(server, "{head}Connection: close\r\n\r\n").ok()?;
        server.write_all(body).ok()?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).ok()?;
        self.answers.lock().unwrap().insert(path.to_owned(), answer.clone());
        Some(answer)
    }
}
