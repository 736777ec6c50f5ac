//! Remote write and remote read, both ways: samples that other servers push to this one, and
//! those that this one pushes to others; and what applications push as OTLP.
//!
//! The messages are decoded and encoded by hand: a request has hundreds of thousands of labels,
//! and a decoder that makes a text of each costs more than all the rest. They are looked at where
//! they lie in the body; of a series that was seen before only a hash is made.
//!
//! It is not: an HTTP server. Who has one hands over headers and bodies, and turns a
//! [`Refusal`] into a status.

mod config;
mod otlp;
mod read;
mod receiver;
mod sender;
mod snappy;
mod wire;

pub use config::{MetadataConfig, NotSupported, QueueConfig, RemoteWriteConfig, check};
pub use otlp::{
    OTLP_BYTES_MAX, OtlpAccepted, OtlpConfig, OtlpForm, OtlpOptions, OtlpReceiver, OtlpRefusal,
    TranslationStrategy,
};
pub use read::{ReadAnswer, ReadOptions, Reader};
pub use receiver::{
    Encoding, MessageKind, Receiver, ReceiverOptions, Refusal, RefusalKind, UnknownMessage, Written,
};
pub use sender::{
    Answer, Exchange, HttpExchange, LogSource, MetadataSource, MetricKind, MetricMetadata, Post,
    PreparedSenders, WriteManager, WriteOptions,
};
pub use snappy::{COMPRESSED_BYTES_MAX, DECODED_BYTES_MAX};
