//! A record as librdkafka holds it.

use crate::change::Headers;
use rdkafka::message::{BorrowedMessage, Headers as _, Message};

/// A record's headers, which librdkafka parses only when somebody asks.
pub(super) struct MessageHeaders<'a>(pub &'a BorrowedMessage<'a>);

impl Headers for MessageHeaders<'_> {
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.0.headers()?.iter().find(|header| header.key == name).and_then(|header| header.value)
    }

    fn all(&self) -> Vec<(String, Option<Vec<u8>>)> {
        let headers = self.0.headers().into_iter().flat_map(|headers| headers.iter());
        headers.map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
    }
}
