//! What comes over a connection: the bytes of messages are counted as they travel, and a message that would take
//! too much memory is not unpacked.

use bytes::Buf as _;
use prometheus_client::metrics::counter::Counter;
use prost::Message;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder};
use tonic_prost::ProstCodec;

use super::unpacked::{self, Shape, Unpacked};

/// A message has so many bytes before it: whether it is compressed, and how long it is.
const HEADER_BYTES: u64 = 5;

/// The codec of messages, which counts the answers.
#[derive(Debug)]
pub(super) struct Counted<Q, A> {
    codec: ProstCodec<Q, A>,
    received: Counter,
}

impl<Q, A> Counted<Q, A> {
    pub(super) fn new(received: Counter) -> Self {
        Self {
            codec: ProstCodec::default(),
            received,
        }
    }
}

impl<Q, A> Codec for Counted<Q, A>
where
    Q: Message + Send + 'static,
    A: Message + Default + Unpacked + Send + 'static,
{
    type Encode = Q;
    type Decode = A;
    type Encoder = <ProstCodec<Q, A> as Codec>::Encoder;
    type Decoder = Counting<<ProstCodec<Q, A> as Codec>::Decoder>;

    fn encoder(&mut self) -> Self::Encoder {
        self.codec.encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        Counting {
            decoder: self.codec.decoder(),
            shape: A::SHAPE,
            received: self.received.clone(),
        }
    }
}

/// A decoder of messages, which counts them and looks at them first.
#[derive(Debug)]
pub(super) struct Counting<D> {
    decoder: D,
    shape: &'static Shape,
    received: Counter,
}

impl<D: Decoder<Error = Status>> Decoder for Counting<D> {
    type Item = D::Item;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Status> {
        let bytes = u64::try_from(message.remaining()).unwrap_or(u64::MAX);
        self.received.inc_by(bytes.saturating_add(HEADER_BYTES));
        // All of it is in one piece.
        unpacked::check(message.chunk(), self.shape)?;
        self.decoder.decode(message)
    }

    fn buffer_settings(&self) -> BufferSettings {
        self.decoder.buffer_settings()
    }
}
