//! One query of DNS and what its answer holds.

pub(crate) mod records;

use std::time::Duration;

use narthex_sdk::dns::Query;
use narthex_sdk::tcp::Connection;
use narthex_sdk::udp::Socket;
use narthex_sdk::{Batch, Error, clock};

use crate::address::{Address, Preference, split};
use crate::config::{self, Records, Transport};
use crate::expression::fault;
use crate::failure::Failure;
use crate::tls;
use records::{Answer, answer, number_of_class, number_of_rcode, number_of_type};

/// So many datagrams that answer something else are passed over.
const STRANGERS_MAX: u32 = 8;

/// The longest datagram there is.
const DATAGRAM_BYTES_MAX: u32 = 65_535;

/// The type of a zone's own record.
const SOA: u16 = 6;

/// The prober.
pub(crate) struct Prober {
    config: config::Dns,
    preference: Preference,
    kind: u16,
    class: u16,
    rcodes: Vec<u8>,
}

/// What a probe finds.
#[derive(Default)]
struct Seen {
    resolve: Duration,
    connect: Duration,
    request: Duration,
    answer: Option<Answer>,
    tls: Option<tls::Seen>,
}

impl Prober {
    pub(crate) fn new(config: config::Dns) -> Result<Self, Error> {
        if config.query_name.is_empty() {
            return Err(fault("dns: query_name is missing"));
        }
        if config.dns_over_tls && config.transport_protocol == Transport::Udp {
            let text = "dns: dns_over_tls needs transport_protocol: tcp";
            return Err(fault(text));
        }
        let unknown = |what: &str, name: &str| fault(format!("dns: {what} {name:?} is unknown"));
        let kind = &config.query_type;
        let class = &config.query_class;
        let rcodes = config.valid_rcodes.iter().map(|name| {
            let number = number_of_rcode(name);
            number.ok_or_else(|| unknown("rcode", name))
        });
        let prober = Self {
            preference: Preference {
                protocol: config.preferred_ip_protocol,
                fallback: config.ip_protocol_fallback,
            },
            kind: number_of_type(kind).ok_or_else(|| unknown("query_type", kind))?,
            class: number_of_class(class).ok_or_else(|| unknown("query_class", class))?,
            rcodes: rcodes.collect::<Result<_, _>>()?,
            config,
        };
        // A name that cannot be asked for is found now.
        prober.query(0)?;
        Ok(prober)
    }

    fn query(&self, id: u16) -> Result<Query, Error> {
        let name = &self.config.query_name;
        let query = Query::new(id, name, self.kind, self.class);
        let query = query.map(|query| match self.config.recursion_desired {
            true => query.recursive(),
            false => query,
        });
        query.ok_or_else(|| fault(format!("dns: query_name {name:?} is no name")))
    }

    pub(crate) fn probe(
        &self,
        target: &str,
        address: &mut Address,
        batch: &mut Batch,
    ) -> Result<(), Failure> {
        let mut seen = Seen::default();
        let result = self.run(target, address, &mut seen);
        self.write(&seen, batch);
        result
    }

    fn run(&self, target: &str, address: &mut Address, seen: &mut Seen) -> Result<(), Failure> {
        let (host, port) = split(target)?;
        let port = match port {
            0 if self.config.dns_over_tls => 853,
            0 => 53,
            port => port,
        };
        seen.resolve = address.find(host, self.preference)?;
        let query = self.query(rand::random())?;
        let result = match self.config.transport_protocol {
            Transport::Udp => over_udp(host, port, &query, seen),
            Transport::Tcp => self.over_tcp(host, port, &query, address, seen),
        };
        let answer = seen.answer.insert(result?);
        if !self.rcodes.contains(&answer.rcode) {
            return Err(Failure::Check(format!("the rcode is {}", answer.rcode)));
        }
        let config = &self.config;
        for (section, records, rules) in [
            ("answer", &answer.answers, &config.validate_answer_rrs),
            (
                "authority",
                &answer.authorities,
                &config.validate_authority_rrs,
            ),
            (
                "additional",
                &answer.additionals,
                &config.validate_additional_rrs,
            ),
        ] {
            check(records, rules).map_err(|text| Failure::Check(format!("{section}: {text}")))?;
        }
        Ok(())
    }

    fn over_tcp(
        &self,
        host: &str,
        port: u16,
        query: &Query,
        address: &mut Address,
        seen: &mut Seen,
    ) -> Result<Answer, Failure> {
        let start = clock::monotonic();
        let mut connection = Connection::open(host, port)?;
        address.connected(&connection.peer(), self.preference)?;
        if self.config.dns_over_tls {
            let name = self.config.tls_config.server_name.as_deref();
            connection.start_tls(&self.config.tls_profile, name)?;
            seen.tls = tls::Seen::of(&connection)?;
        }
        let connected = clock::monotonic();
        seen.connect = connected.saturating_sub(start);
        let message = query.bytes();
        let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
        connection.write(&[&length.to_be_bytes()[..], message].concat())?;
        let length = connection.read_exact(2)?;
        let length = length
            .iter()
            .fold(0, |sum, byte| sum << 8 | u32::from(*byte));
        let bytes = connection.read_exact(length)?;
        seen.request = clock::monotonic().saturating_sub(connected);
        Ok(answer(query, &bytes)?
            .ok_or_else(|| Error::Protocol("an answer to another question".to_owned()))?)
    }

    fn write(&self, seen: &Seen, batch: &mut Batch) {
        let mut family = batch.gauge(
            "probe_dns_duration_seconds",
            "How long each phase of the query took.",
        );
        for (phase, taken) in [
            ("resolve", seen.resolve),
            ("connect", seen.connect),
            ("request", seen.request),
        ] {
            family.sample(&[("phase", phase)], taken.as_secs_f64());
        }
        let answer = seen.answer.as_ref();
        let count = |of: fn(&Answer) -> &[String]| answer.map_or(0.0, |a| of(a).len() as f64);
        for (name, help, value) in [
            (
                "probe_dns_answer_rrs",
                "Records in the section of answers.",
                count(|answer| &answer.answers),
            ),
            (
                "probe_dns_authority_rrs",
                "Records in the section of authorities.",
                count(|answer| &answer.authorities),
            ),
            (
                "probe_dns_additional_rrs",
                "Records in the section of additional ones.",
                count(|answer| &answer.additionals),
            ),
            (
                "probe_dns_query_succeeded",
                "Whether there was an answer at all.",
                f64::from(u8::from(answer.is_some())),
            ),
        ] {
            batch.gauge(name, help).sample(&[], value);
        }
        if self.kind == SOA
            && let Some(answer) = answer
        {
            let serial = answer.serial.map_or(0.0, f64::from);
            batch
                .gauge("probe_dns_serial", "Serial number of the zone.")
                .sample(&[], serial);
        }
        if let Some(tls) = &seen.tls {
            tls.write(batch);
        }
    }
}

fn over_udp(host: &str, port: u16, query: &Query, seen: &mut Seen) -> Result<Answer, Failure> {
    let start = clock::monotonic();
    let mut socket = Socket::connect(host, port)?;
    let connected = clock::monotonic();
    seen.connect = connected.saturating_sub(start);
    socket.send(query.bytes())?;
    for _ in 0..=STRANGERS_MAX {
        let bytes = socket.receive(DATAGRAM_BYTES_MAX)?;
        seen.request = clock::monotonic().saturating_sub(connected);
        if let Some(answer) = answer(query, &bytes)? {
            return Ok(answer);
        }
    }
    let text = format!("{STRANGERS_MAX} answers to other questions");
    Err(Error::Protocol(text).into())
}

/// Whether the records of a section are as they should be.
fn check(records: &[String], rules: &Records) -> Result<(), String> {
    let needs = [
        &rules.fail_if_not_matches_regexp,
        &rules.fail_if_none_matches_regexp,
    ];
    if records.is_empty() && needs.iter().any(|list| !list.is_empty()) {
        return Err("there are no records".to_owned());
    }
    for record in records {
        if let Some(one) = rules
            .fail_if_matches_regexp
            .iter()
            .find(|e| e.is_in(record))
        {
            return Err(format!("{record:?} matches {one}"));
        }
        let mut wanted = rules.fail_if_not_matches_regexp.iter();
        if let Some(one) = wanted.find(|e| !e.is_in(record)) {
            return Err(format!("{record:?} does not match {one}"));
        }
    }
    let all = &rules.fail_if_all_match_regexp;
    let matches_all = |record: &String| all.iter().all(|e| e.is_in(record));
    if !all.is_empty() && !records.is_empty() && records.iter().all(matches_all) {
        return Err("all records match".to_owned());
    }
    let some = &rules.fail_if_none_matches_regexp;
    let matches_some = |record: &String| some.iter().any(|e| e.is_in(record));
    if !some.is_empty() && !records.iter().any(matches_some) {
        return Err("no record matches".to_owned());
    }
    Ok(())
}
