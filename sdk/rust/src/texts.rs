//! Texts of a receiver's configuration, expanded as Go's templates with the notification that is
//! under way: the operator's template files and the default ones of Alertmanager are known to them.
//!
//! It is not: [`crate::text`], which reads what exporters answer. Outside of
//! [`crate::Receiver::notify`] there is no notification, and expanding is an error.

use crate::{Error, gate};

/// The text as Go's `text/template` makes it.
///
/// # Errors
/// [`Error::Config`], where it is no template or fails.
pub fn expand(template: &str) -> Result<String, Error> {
    gate::texts::expand(template)
}

/// The text as Go's `html/template` makes it: what comes from labels and annotations is escaped.
///
/// # Errors
/// As [`expand`].
pub fn expand_html(template: &str) -> Result<String, Error> {
    gate::texts::expand_html(template)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Host;

    #[test]
    fn texts_are_what_the_host_makes_of_them() {
        Host::new()
            .texts(|template, is_html| match (template, is_html) {
                ("{{ .Status }}", false) => Ok("firing".to_owned()),
                ("{{ .Status }}", true) => Ok("<b>firing</b>".to_owned()),
                _ => Err(Error::Config(format!("no template: {template}"))),
            })
            .install();
        assert_eq!(expand("{{ .Status }}").unwrap(), "firing");
        assert_eq!(expand_html("{{ .Status }}").unwrap(), "<b>firing</b>");
        assert!(matches!(expand("{{"), Err(Error::Config(_))));
    }

    #[test]
    fn a_host_without_templates_hands_plain_texts_back() {
        Host::new().install();
        assert_eq!(expand("plain").unwrap(), "plain");
        assert!(matches!(expand("{{ .Status }}"), Err(Error::Internal(_))));
    }
}
