//! Messages as gRPC puts them into a body: a flag, the length, the message.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tonic::Status;

/// What stands before a message.
const HEAD: usize = 5;

/// One message in its frame.
pub(super) fn framed(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(HEAD + message.len());
    frame.put_u8(0);
    // A request is far shorter than 4 GiB: its length has a limit.
    frame.put_u32(message.len() as u32);
    frame.put_slice(message);
    frame.freeze()
}

/// Messages out of a body that comes in pieces.
#[derive(Default)]
pub(super) struct Frames {
    unread: BytesMut,
}

impl Frames {
    /// Adds a piece.
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.unread.extend_from_slice(piece);
    }

    /// The next message, if it is there as a whole.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, Status> {
        let Some((head, rest)) = self.unread.split_at_checked(HEAD) else { return Ok(None) };
        let (flag, length) = (head[0], (&head[1..]).get_u32() as usize);
        if flag != 0 {
            return Err(Status::internal("the service has answered in a compressed form that was not asked for"));
        }
        if rest.len() < length {
            return Ok(None);
        }
        self.unread.advance(HEAD);
        Ok(Some(self.unread.split_to(length).freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_as_they_went_in_wherever_the_body_is_cut() {
        let messages: [&[u8]; 3] = [b"", b"one", &[7; 300]];
        let body: Vec<u8> = messages.iter().flat_map(|message| framed(message)).collect();
        for size in [1, 2, 5, 7, body.len()] {
            let (mut frames, mut found) = (Frames::default(), Vec::new());
            for piece in body.chunks(size) {
                frames.push(piece);
                while let Some(message) = frames.next().unwrap() {
                    found.push(message);
                }
            }
            assert_eq!(found, messages, "in pieces of {size}");
        }
    }

    #[test]
    fn a_compressed_message_is_refused() {
        let mut frames = Frames::default();
        frames.push(&[1, 0, 0, 0, 0]);
        assert!(frames.next().unwrap_err().message().contains("compressed"));
    }
}
