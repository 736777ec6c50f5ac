//! How much of the outside one call of a guest may use.

use prometheus_client::metrics::counter::Counter;

use crate::limits::{
    CONNECTS_PER_CALL_MAX, DATAGRAMS_PER_CALL_MAX, HOST_CALLS_PER_CALL_MAX,
    LENT_REQUESTS_PER_CALL_MAX, LOOKUPS_PER_CALL_MAX, PINGS_PER_CALL_MAX, READ_BYTES_PER_CALL_MAX,
    STATE_WRITES_PER_CALL_MAX, TEXTS_PER_CALL_MAX,
};
use crate::metrics::{InterfaceLabels, Metrics};

/// An interface of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interface {
    Log,
    Clock,
    Secrets,
    Http,
    Tcp,
    Udp,
    Icmp,
    Names,
    Files,
    State,
    Kubernetes,
    Refreshing,
    Texts,
}

impl Interface {
    /// All of them, in the order of their values.
    const ALL: [Self; 13] = [
        Self::Log,
        Self::Clock,
        Self::Secrets,
        Self::Http,
        Self::Tcp,
        Self::Udp,
        Self::Icmp,
        Self::Names,
        Self::Files,
        Self::State,
        Self::Kubernetes,
        Self::Refreshing,
        Self::Texts,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Clock => "clock",
            Self::Secrets => "secrets",
            Self::Http => "http",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Names => "names",
            Self::Files => "files",
            Self::State => "state",
            Self::Kubernetes => "kubernetes",
            Self::Refreshing => "refreshing",
            Self::Texts => "texts",
        }
    }
}

/// Counts the calls of one plugin by interface. The counters are looked up once: some calls take
/// less time than a look-up.
#[derive(Debug)]
pub(crate) struct HostCalls([Counter; Interface::ALL.len()]);

impl HostCalls {
    pub(crate) fn of(plugin: &str, metrics: &Metrics) -> Self {
        Self(Interface::ALL.map(|interface| {
            let labels = InterfaceLabels {
                plugin: plugin.to_owned(),
                interface: interface.name(),
            };
            metrics.host_calls.get_or_create_owned(&labels)
        }))
    }

    pub(crate) fn count(&self, interface: Interface) {
        self.0[interface as usize].inc();
    }
}

/// What a call has a bounded number of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spend {
    HostCall,
    Connect,
    Lookup,
    Datagram,
    Ping,
    StateWrite,
    LentRequest,
    Text,
}

impl Spend {
    /// How many, and what they are to people.
    fn bound(self) -> (u32, &'static str) {
        match self {
            Self::HostCall => (HOST_CALLS_PER_CALL_MAX, "calls of the host"),
            Self::Connect => (
                CONNECTS_PER_CALL_MAX,
                "connections, sockets and HTTP requests",
            ),
            Self::Lookup => (LOOKUPS_PER_CALL_MAX, "look-ups of names"),
            Self::Datagram => (DATAGRAMS_PER_CALL_MAX, "datagrams"),
            Self::Ping => (PINGS_PER_CALL_MAX, "echo requests"),
            Self::StateWrite => (STATE_WRITES_PER_CALL_MAX, "writes of state"),
            Self::LentRequest => (
                LENT_REQUESTS_PER_CALL_MAX,
                "requests to what the configuration's entry names",
            ),
            Self::Text => (TEXTS_PER_CALL_MAX, "expanded texts"),
        }
    }

    /// The capability of the denial, for its metric.
    pub(crate) fn capability(self) -> &'static str {
        match self {
            Self::HostCall => "host_calls",
            Self::Connect => "connections",
            Self::Lookup => "names",
            Self::Datagram => "udp",
            Self::Ping => "icmp",
            Self::StateWrite => "state",
            Self::LentRequest => "http",
            Self::Text => "texts",
        }
    }
}

/// What one call has used.
#[derive(Debug, Clone, Default)]
pub(crate) struct Budget {
    spent: [u32; 8],
    read_bytes: u64,
}

impl Budget {
    /// Uses one more.
    ///
    /// # Errors
    /// There was none left; the text says of what.
    pub(crate) fn spend(&mut self, what: Spend) -> Result<(), String> {
        let (bound, name) = what.bound();
        let spent = &mut self.spent[what as usize];
        if *spent >= bound {
            return Err(format!("more than {bound} {name} in one call"));
        }
        *spent += 1;
        Ok(())
    }

    /// Bytes that may still be read.
    pub(crate) fn bytes_left(&self) -> u64 {
        READ_BYTES_PER_CALL_MAX.saturating_sub(self.read_bytes)
    }

    /// Bytes were read.
    ///
    /// # Errors
    /// They were too many.
    pub(crate) fn read(&mut self, bytes: usize) -> Result<(), String> {
        self.read_bytes = self.read_bytes.saturating_add(bytes as u64);
        match self.read_bytes > READ_BYTES_PER_CALL_MAX {
            true => Err(format!(
                "more than {READ_BYTES_PER_CALL_MAX} bytes read in one call"
            )),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_is_reached_and_not_passed() {
        for what in [
            Spend::HostCall,
            Spend::Connect,
            Spend::Lookup,
            Spend::Datagram,
            Spend::Ping,
            Spend::StateWrite,
            Spend::Text,
        ] {
            let mut budget = Budget::default();
            let (bound, name) = what.bound();
            for _ in 0..bound {
                budget.spend(what).unwrap();
            }
            let expected = format!("more than {bound} {name} in one call");
            assert_eq!(budget.spend(what), Err(expected));
        }
        let mut budget = Budget::default();
        let all = usize::try_from(READ_BYTES_PER_CALL_MAX).unwrap();
        budget.read(all).unwrap();
        assert_eq!(budget.bytes_left(), 0);
        assert!(budget.read(1).unwrap_err().contains("bytes read"));
    }
}
