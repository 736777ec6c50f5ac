//! The records that lead to targets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use narthex_sdk::Error;
use narthex_sdk::dns::{CLASS_IN, Query, Record};

/// How long an answer may be over UDP, which the server is told.
pub(crate) const DATAGRAM_BYTES: u16 = 4096;

/// What is asked for, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    A = 1,
    Ns = 2,
    Mx = 15,
    Aaaa = 28,
    Srv = 33,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Data {
    Address(IpAddr),
    /// With its last dot, as the other names.
    Service {
        host: String,
        port: u16,
    },
    Mail(String),
    Server(String),
    /// A CNAME on the way to the others, for instance.
    Other,
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) rcode: u8,
    /// There is more, and TCP has it.
    pub(crate) is_truncated: bool,
    pub(crate) records: Vec<Data>,
}

impl Kind {
    /// By its name, whatever its case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "A" => Some(Self::A),
            "AAAA" => Some(Self::Aaaa),
            "MX" => Some(Self::Mx),
            "NS" => Some(Self::Ns),
            "SRV" => Some(Self::Srv),
            _ => None,
        }
    }
}

/// A query for a name. None: that is no name.
pub(crate) fn query(id: u16, name: &str, kind: Kind) -> Option<Query> {
    let query = Query::new(id, name, kind as u16, CLASS_IN)?;
    Some(query.recursive().with_datagram_bytes(DATAGRAM_BYTES))
}

/// Reads the answer to a query. None: it answers something else.
///
/// # Errors
/// It is no message.
pub(crate) fn answer(query: &Query, bytes: &[u8]) -> Result<Option<Answer>, Error> {
    let Some(answer) = query.answer(bytes)? else {
        return Ok(None);
    };
    let read = answer.answers.iter().map(|record| {
        let text = "a record that is shorter than its type demands";
        data(record).ok_or_else(|| Error::Protocol(text.to_owned()))
    });
    Ok(Some(Answer {
        rcode: answer.rcode,
        is_truncated: answer.is_truncated,
        // The rest of what is cut off comes with all of it.
        records: match answer.is_truncated {
            true => Vec::new(),
            false => read.collect::<Result<_, _>>()?,
        },
    }))
}

fn data(record: &Record<'_>) -> Option<Data> {
    let mut fields = record.fields();
    Some(match (record.class, record.kind) {
        (CLASS_IN, 1) => {
            Data::Address(Ipv4Addr::from(<[u8; 4]>::try_from(record.data).ok()?).into())
        }
        (CLASS_IN, 28) => {
            Data::Address(Ipv6Addr::from(<[u8; 16]>::try_from(record.data).ok()?).into())
        }
        (CLASS_IN, 2) => Data::Server(fields.name()?),
        (CLASS_IN, 15) => {
            fields.short()?;
            Data::Mail(fields.name()?)
        }
        (CLASS_IN, 33) => {
            // Priority and weight.
            fields.long()?;
            let port = fields.short()?;
            let host = fields.name()?;
            Data::Service { host, port }
        }
        _ => Data::Other,
    })
}
