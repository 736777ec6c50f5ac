use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use narthex_recorded::{Case, cases, deliver};
use narthex_sdk::fake::Host;

use super::*;

const RECORDED: &str = include_str!("../tests/recorded.json");

/// What a mail server answers, one write after the other.
fn server(extensions: &'static str) -> impl FnMut(&[u8]) -> Vec<u8> {
    move |written| {
        let line = String::from_utf8_lossy(written);
        let verb = line.split([' ', '\r']).next().unwrap_or_default();
        let encoded = |text: &str| format!("334 {}\r\n", STANDARD.encode(text));
        let reply = match verb {
            "EHLO" => {
                let lines = extensions.split(';').map(|name| format!("250-{name}\r\n"));
                format!(
                    "250-mail.example\r\n{}250 HELP\r\n",
                    lines.collect::<String>()
                )
            }
            "STARTTLS" => "220 go on\r\n".to_owned(),
            "AUTH" if line.starts_with("AUTH LOGIN") => encoded("Username:"),
            "AUTH" if line.starts_with("AUTH CRAM") => encoded("<1.2@mail>"),
            "AUTH" => "235 welcome\r\n".to_owned(),
            "MAIL" | "RCPT" => "250 OK\r\n".to_owned(),
            "DATA" => "354 end it with a dot\r\n".to_owned(),
            "QUIT" => "221 bye\r\n".to_owned(),
            user if user == STANDARD.encode("user") => encoded("Password:"),
            _ if line.ends_with("\r\n.\r\n") => "250 OK\r\n".to_owned(),
            _ => "235 welcome\r\n".to_owned(),
        };
        reply.into_bytes()
    }
}

const EXTENSIONS: &str = "SIZE 33554432;8BITMIME;STARTTLS;AUTH CRAM-MD5 PLAIN";

fn host(case: &Case, extensions: &'static str) -> Host {
    let host = case.host().at(1_767_323_045_678);
    let host = host.dialogue("mail:25", "220-mail\r\n220 at your service\r\n");
    host.answers("mail:25", server(extensions))
}

/// A case whose server is the test's.
fn case(name: &str) -> Case {
    let mut cases = cases(RECORDED).into_iter();
    let mut case = cases.find(|case| case.name == name).unwrap();
    case.entry["smarthost"] = "mail:25".into();
    case
}

/// What the client said, and the letter as the other side has it.
fn said() -> (Vec<String>, String) {
    let written = String::from_utf8(Host::written()).unwrap();
    let (before, rest) = written.split_once("DATA\r\n").unwrap();
    let (letter, after) = rest.split_once("\r\n.\r\n").unwrap();
    assert_eq!(after, "QUIT\r\n");
    let letter = format!("{letter}\r\n").replace("\r\n..", "\r\n.");
    (before.lines().map(str::to_owned).collect(), letter)
}

/// The headers in order, without what differs from letter to letter, and the parts.
fn comparable(letter: &str, has_id: bool) -> (Vec<String>, String) {
    let (head, body) = letter.split_once("\r\n\r\n").unwrap();
    let (_, rest) = head.split_once("boundary=").unwrap();
    let boundary = rest.lines().next().unwrap();
    assert_eq!(boundary.len(), 60, "{boundary}");
    let head = head.replace(boundary, "BOUNDARY");
    let mut lines: Vec<String> = head.lines().map(str::to_owned).collect();
    lines.retain(|line| {
        !line.starts_with("Date: ") && (has_id || !line.starts_with("Message-Id: "))
    });
    lines.sort();
    (lines, body.replace(boundary, "BOUNDARY"))
}

#[test]
fn letters_are_those_of_alertmanager() {
    let cases = cases(RECORDED);
    assert!(cases.len() >= 8);
    for mut case in cases {
        case.entry["smarthost"] = "mail:25".into();
        let extensions = match case.name.as_str() {
            "email-login" => "8BITMIME;STARTTLS;AUTH LOGIN",
            _ => EXTENSIONS,
        };
        let outcome = deliver::<Email>(&case, host(&case, extensions));
        assert!(
            matches!(outcome, Ok(Outcome::Delivered)),
            "{}: {outcome:?}",
            case.name
        );
        let (lines, letter) = said();
        let expected = &case.requests[0];
        assert_eq!(lines[0], format!("EHLO {}", expected.hello));
        assert_eq!(lines.contains(&"STARTTLS".to_owned()), expected.tls);
        let logins: Vec<&String> = lines
            .iter()
            .filter(|line| line.starts_with("AUTH "))
            .collect();
        assert_eq!(logins.len(), usize::from(expected.login.is_some()));
        if let Some(login) = &expected.login {
            assert!(
                logins[0].starts_with(&format!("AUTH {}", login[0])),
                "{logins:?}"
            );
        }
        assert!(lines.contains(&format!("MAIL FROM:<{}> BODY=8BITMIME", expected.from)));
        for to in &expected.to {
            assert!(lines.contains(&format!("RCPT TO:<{to}>")), "{lines:?}");
        }
        let has_id = case.name == "email-plain";
        assert_eq!(
            comparable(&letter, has_id),
            comparable(&expected.body, has_id),
            "{}",
            case.name
        );
    }
}

#[test]
fn a_letter_is_dated_and_named() {
    let case = case("email-default");
    assert!(deliver::<Email>(&case, host(&case, EXTENSIONS)).is_ok());
    let (_, letter) = said();
    assert!(
        letter.contains("\r\nDate: Fri, 02 Jan 2026 03:04:05 +0000\r\n"),
        "{letter}"
    );
    assert!(
        letter.contains("\r\nMessage-Id: <1767323045678."),
        "{letter}"
    );
    assert!(letter.contains("@email-default.example>\r\n"), "{letter}");
}

#[test]
fn each_login_says_what_its_mechanism_asks() {
    for (name, extensions, expected) in [
        (
            "email-plain",
            EXTENSIONS,
            vec![format!(
                "AUTH PLAIN {}",
                STANDARD.encode("ident\0user\0passw0rd")
            )],
        ),
        (
            "email-login",
            "STARTTLS;AUTH XOAUTH2 LOGIN",
            vec![
                "AUTH LOGIN".to_owned(),
                STANDARD.encode("user"),
                STANDARD.encode("passw0rd"),
            ],
        ),
        ("email-login", "STARTTLS", vec![]),
    ] {
        let case = case(name);
        assert!(deliver::<Email>(&case, host(&case, extensions)).is_ok());
        let (lines, _) = said();
        let from = lines.iter().position(|line| line == "STARTTLS").unwrap() + 2;
        let to = lines
            .iter()
            .position(|line| line.starts_with("MAIL"))
            .unwrap();
        assert_eq!(lines[from..to], expected, "{extensions}");
    }
}

#[test]
fn without_tls_no_password_goes_out() {
    for (require, extensions, expected) in [
        (true, "AUTH PLAIN", "the server has no STARTTLS"),
        (false, "AUTH PLAIN", "PLAIN would tell the password"),
        (true, "STARTTLS;AUTH GSSAPI", "the server logs in by GSSAPI"),
        (
            true,
            "STARTTLS;AUTH CRAM-MD5",
            "the server logs in by CRAM-MD5",
        ),
    ] {
        let mut case = case("email-plain");
        case.entry["require_tls"] = require.into();
        let outcome = deliver::<Email>(&case, host(&case, extensions));
        match outcome {
            Err(Error::Unavailable(text)) => assert!(text.contains(expected), "{text}"),
            other => panic!("{extensions}: {other:?}"),
        }
        let written = String::from_utf8(Host::written()).unwrap();
        assert!(!written.contains(&STANDARD.encode("ident\0user\0passw0rd")));
    }
}

#[test]
fn whatever_the_server_says_no_to_is_tried_again() {
    for (at, expected) in [
        ("EHLO", "HELO: 550 5.7.1 no"),
        ("STARTTLS", "STARTTLS: 550 5.7.1 no"),
        ("AUTH", "login by PLAIN: 550 5.7.1 no"),
        ("MAIL", "MAIL: 550 5.7.1 no"),
        ("RCPT", "RCPT ops@example.com: 550 5.7.1 no"),
        ("DATA", "DATA: 550 5.7.1 no"),
    ] {
        let case = case("email-plain");
        let mut good = server(EXTENSIONS);
        let answer = move |written: &[u8]| {
            let is_here = written.starts_with(at.as_bytes())
                || (at == "EHLO" && written.starts_with(b"HELO"));
            match is_here {
                true => b"550 5.7.1 no\r\n".to_vec(),
                false => good(written),
            }
        };
        let host = host(&case, EXTENSIONS).answers("mail:25", answer);
        match deliver::<Email>(&case, host) {
            Err(Error::Unavailable(text)) => assert_eq!(text, expected),
            other => panic!("{at}: {other:?}"),
        }
    }
    // One that says nothing of mail.
    let case = case("email-default");
    let host = host(&case, EXTENSIONS).dialogue("mail:25", "SSH-2.0-x\r\n");
    let outcome = deliver::<Email>(&case, host);
    assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
}

#[test]
fn at_its_own_port_tls_begins_at_once() {
    let mut case = case("email-plain");
    case.entry["smarthost"] = "mail:465".into();
    let host = case.host().dialogue("mail:465", "220 at your service\r\n");
    let host = host.answers("mail:465", server("AUTH PLAIN"));
    assert!(matches!(
        deliver::<Email>(&case, host),
        Ok(Outcome::Delivered)
    ));
    let (lines, _) = said();
    assert!(!lines.contains(&"STARTTLS".to_owned()), "{lines:?}");
}

#[test]
fn letters_of_a_group_can_be_a_thread() {
    for (by_date, expected) in [
        ("daily", "-2026-01-02@alertmanager>"),
        ("none", "-@alertmanager>"),
    ] {
        let mut case = case("email-default");
        case.entry["threading"] = serde_json::json!({"enabled": true, "thread_by_date": by_date});
        assert!(deliver::<Email>(&case, host(&case, EXTENSIONS)).is_ok());
        let (_, letter) = said();
        for header in ["References: <alert-", "In-Reply-To: <alert-"] {
            let line = letter
                .lines()
                .find(|line| line.starts_with(header))
                .unwrap();
            assert!(line.ends_with(expected), "{line}");
        }
    }
}

#[test]
fn labels_cannot_write_commands_or_headers() {
    let mut case = case("email-default");
    case.entry["to"] = "{{ \"a@b>\\r\\nRCPT TO:<c@d\" }}".into();
    let outcome = deliver::<Email>(&case, host(&case, EXTENSIONS));
    assert!(matches!(outcome, Err(Error::Config(_))), "{outcome:?}");

    case.entry["to"] = "ops@example.com".into();
    case.entry["headers"] = serde_json::json!({"X-Of": "{{ \"a\\r\\nBcc: c@d\" }}"});
    assert!(deliver::<Email>(&case, host(&case, EXTENSIONS)).is_ok());
    let (_, letter) = said();
    assert!(
        letter.lines().all(|line| !line.starts_with("Bcc")),
        "{letter}"
    );
}

#[test]
fn what_is_wrong_with_an_entry_is_told_at_once() {
    Host::new().install();
    for (field, value) in [
        ("smarthost", serde_json::json!("mail")),
        ("headers", serde_json::json!({"X: y": "z"})),
    ] {
        let mut case = case("email-default");
        case.entry[field] = value;
        assert!(matches!(Email::init(case.config()), Err(Error::Config(_))));
    }
}
