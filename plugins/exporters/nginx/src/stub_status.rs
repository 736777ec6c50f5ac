//! The page of the module `stub_status`.

use narthex_sdk::{Batch, Error};

/// Its numbers.
#[derive(Debug, PartialEq, Eq)]
struct Page {
    active: u64,
    accepted: u64,
    handled: u64,
    requests: u64,
    reading: u64,
    writing: u64,
    waiting: u64,
}

impl Page {
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let active = lines.next()?.strip_prefix("Active connections:")?;
        // `server accepts handled requests`; Tengine adds `request_time`, and a fourth number.
        let mut header = lines.next()?.split_whitespace();
        if !header
            .by_ref()
            .take(4)
            .eq(["server", "accepts", "handled", "requests"])
        {
            return None;
        }
        let mut totals = lines.next()?.split_whitespace().map(str::parse);
        let mut total = || totals.next()?.ok();
        let (accepted, handled, requests) = (total()?, total()?, total()?);
        let states: Vec<&str> = lines.next()?.split_whitespace().collect();
        let [
            "Reading:",
            reading,
            "Writing:",
            writing,
            "Waiting:",
            waiting,
        ] = states[..]
        else {
            return None;
        };
        Some(Self {
            active: active.trim().parse().ok()?,
            accepted,
            handled,
            requests,
            reading: reading.parse().ok()?,
            writing: writing.parse().ok()?,
            waiting: waiting.parse().ok()?,
        })
    }
}

/// Writes the families of the page.
pub(crate) fn write(text: &str, batch: &mut Batch) -> Result<(), Error> {
    let page = Page::parse(text).ok_or_else(|| {
        let line = text.lines().next().unwrap_or_default();
        Error::Protocol(format!(
            "not a page of stub_status: it begins with {line:?}"
        ))
    })?;
    for (name, help, value) in [
        (
            "nginx_connections_accepted",
            "Client connections that were accepted.",
            page.accepted,
        ),
        (
            "nginx_connections_handled",
            "Client connections that were handled: fewer than accepted where a limit was reached.",
            page.handled,
        ),
        (
            "nginx_http_requests_total",
            "Client requests.",
            page.requests,
        ),
    ] {
        batch.counter(name, help).sample(&[], value as f64);
    }
    for (name, help, value) in [
        (
            "nginx_connections_active",
            "Client connections that are open, waiting ones included.",
            page.active,
        ),
        (
            "nginx_connections_reading",
            "Connections whose request's header is being read.",
            page.reading,
        ),
        (
            "nginx_connections_writing",
            "Connections whose response is being written.",
            page.writing,
        ),
        (
            "nginx_connections_waiting",
            "Connections that wait for their next request.",
            page.waiting,
        ),
    ] {
        batch.gauge(name, help).sample(&[], value as f64);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "Active connections: 291 \nserver accepts handled requests\n \
                        16630948 16630947 31070465 \nReading: 6 Writing: 179 Waiting: 106 \n";

    #[test]
    fn a_page() {
        let page = Page::parse(PAGE).unwrap();
        let expected = Page {
            active: 291,
            accepted: 16_630_948,
            handled: 16_630_947,
            requests: 31_070_465,
            reading: 6,
            writing: 179,
            waiting: 106,
        };
        assert_eq!(page, expected);
        let tengine = PAGE
            .replace("requests\n", "requests request_time\n")
            .replace("31070465", "31070465 1234");
        assert_eq!(Page::parse(&tengine), Some(expected));
    }

    #[test]
    fn what_is_no_page_says_how_it_begins() {
        for broken in [
            "<html>\n<head>".to_owned(),
            String::new(),
            PAGE.replace("291", "many"),
            PAGE.replace("Writing", "Written"),
            PAGE.replace("16630947 31070465", "16630947"),
        ] {
            let error = write(&broken, &mut Batch::new()).unwrap_err();
            let first = format!("{:?}", broken.lines().next().unwrap_or_default());
            assert!(
                matches!(&error, Error::Protocol(text) if text.ends_with(&first)),
                "{error:?}"
            );
        }
    }
}
