//! A server of the other scheme: told by what it answers to the first words of HTTP/2, since the errors of a connection that
//! was not begun as the server wants it say nothing of that.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::server_url::ServerUrl;

/// What a client of HTTP/2 says first, with the shortest settings that there are.
const BEGIN: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
/// A frame of HTTP/2 begins with so many bytes.
const HEAD: usize = 9;
/// How long it may take to find out. Whoever says nothing by then is left as somebody who could not be reached.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is wrong with the scheme of a server that could not be reached, where it is that.
pub(super) async fn mistaken(server: &ServerUrl) -> Option<String> {
    let begin = tokio::time::timeout(PATIENCE, first_words(server)).await.ok()??;
    let (is_tls, text) = (server.is_encrypted(), server.to_string());
    let rest = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
    match spoken(&begin)? {
        Spoken::Plain if is_tls => Some(format!("the server at {rest} does not speak TLS; use http://{rest}")),
        Spoken::Tls if !is_tls => Some(format!("the server at {rest} speaks TLS; use https://{rest}")),
        Spoken::Plain | Spoken::Tls => None,
    }
}

/// What somebody speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spoken {
    Plain,
    Tls,
}

/// What somebody speaks who answers so to HTTP/2 without TLS; `None` where that could be anything.
fn spoken(answer: &[u8; HEAD]) -> Option<Spoken> {
    match answer {
        // An alert of TLS, of whatever version: 21, 3, …
        [21, 3, ..] => Some(Spoken::Tls),
        // HTTP/2 begins with settings, a frame of type 4 of the whole connection.
        [_, _, _, 4, _, 0, 0, 0, 0] | [b'H', b'T', b'T', b'P', b'/', ..] => Some(Spoken::Plain),
        _ => None,
    }
}

async fn first_words(server: &ServerUrl) -> Option<[u8; HEAD]> {
    let mut stream = TcpStream::connect(server.endpoint()?).await.ok()?;
    stream.write_all(BEGIN).await.ok()?;
    let mut answer = [0; HEAD];
    let mut read = 0;
    // An alert of TLS is shorter than a frame, and all that comes.
    while read < HEAD {
        match stream.read(&mut answer[read..]).await {
            Ok(0) | Err(_) => break,
            Ok(more) => read += more,
        }
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// What is told of a server that answers so and closes, at an address of each scheme.
    async fn told(answer: &'static [u8]) -> [Option<String>; 2] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.read_exact(&mut [0; BEGIN.len()]).await.unwrap();
                stream.write_all(answer).await.unwrap();
            }
        });
        let ask = async |scheme: &str| mistaken(&ServerUrl::read(&format!("{scheme}://{address}")).unwrap()).await;
        let answers = [ask("http").await, ask("https").await];
        serving.await.unwrap();
        answers.map(|told| told.map(|text| text.replace(&address.to_string(), "HERE")))
    }

    #[tokio::test]
    async fn a_server_of_the_other_scheme_is_known_by_its_first_words() {
        let speaks = Some("the server at HERE speaks TLS; use https://HERE".to_owned());
        let does_not = Some("the server at HERE does not speak TLS; use http://HERE".to_owned());
        assert_eq!(told(b"\x15\x03\x03\x00\x02\x02\x16").await, [speaks, None]);
        assert_eq!(told(b"\x00\x00\x18\x04\x00\x00\x00\x00\x00and more").await, [None, does_not.clone()]);
        assert_eq!(told(b"HTTP/1.1 400 Bad Request\r\n\r\n").await, [None, does_not]);
        assert_eq!(told(b"220 mail.example ESMTP").await, [None, None]);
        assert_eq!(told(b"").await, [None, None]);
    }

    #[tokio::test]
    async fn nobody_who_listens_is_no_other_scheme() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        for scheme in ["http", "https"] {
            assert_eq!(mistaken(&ServerUrl::read(&format!("{scheme}://{address}")).unwrap()).await, None);
        }
    }
}
