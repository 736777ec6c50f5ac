//! Remote write and remote read, both ways: samples that other servers push to this one, and
//! those that this one pushes to others; what applications push as OTLP; and [`Fanout`], the store
//! here together with others that are read from.
//!
//! The messages are decoded and encoded by hand: a request has hundreds of thousands of labels,
//! and a decoder that makes a text of each costs more than all the rest. They are looked at where
//! they lie in the body; of a series that was seen before only a hash is made.
//!
//! It is not: an HTTP server. Who has one hands over headers and bodies, and turns a
//! [`Refusal`] into a status.

mod config;
mod fanout;
mod metadata;
mod otlp;
mod read;
mod read_client;
mod receiver;
mod sender;
mod snappy;
mod turns;
mod wire;

pub use config::{MetadataConfig, QueueConfig, RemoteWriteConfig, check};
pub use fanout::{Fanout, LocalStart, PreparedReads};
pub use metadata::ReceivedMetadata;
pub use otlp::{
    OTLP_BYTES_MAX, OtlpAccepted, OtlpConfig, OtlpDelta, OtlpForm, OtlpOptions, OtlpReceiver,
    OtlpRefusal, TranslationStrategy,
};
pub use read::{ReadAnswer, ReadOptions, Reader};
pub use read_client::{RemoteReadConfig, RemoteReadOptions, SAMPLED_BYTES_MAX};
pub use receiver::{
    Encoding, MessageKind, Receiver, ReceiverOptions, Refusal, RefusalKind, UnknownMessage, Written,
};
pub use sender::{
    Answer, Exchange, HttpExchange, LogSource, MetadataSource, MetricKind, MetricMetadata, Post,
    PreparedSenders, PushedSample, WriteManager, WriteOptions, metadata_body, request_body,
};
pub use snappy::{COMPRESSED_BYTES_MAX, DECODED_BYTES_MAX};
