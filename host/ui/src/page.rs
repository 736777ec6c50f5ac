//! The page that everything begins with, and what a server writes into it.

/// The first part of the path of each page of the application; deeper paths belong to it.
pub const PAGES: &[&str] = &[
    "agent",
    "alert-groups",
    "alertmanager-discovery",
    "alerts",
    "config",
    "dashboards",
    "flags",
    "plugins",
    "query",
    "rules",
    "service-discovery",
    "silences",
    "status",
    "stores",
    "targets",
    "tsdb-status",
];

/// What `index.html` holds where it was not filled in yet. A page that is opened without a
/// server of ours, while somebody works on it, has these.
pub(crate) const BASE: &str = r#"<base href="./" />"#;
pub(crate) const NONCE: &str = r#"<meta name="narthex-nonce" content="" />"#;
pub(crate) const AGENT: &str = r#"<meta name="narthex-agent" content="false" />"#;
pub(crate) const ALERTMANAGER: &str = r#"<meta name="narthex-alertmanager" content="true" />"#;
pub(crate) const FLEET: &str = r#"<meta name="narthex-fleet" content="false" />"#;

/// What one answer says to the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// So many folders lie between the asked path and the prefix of all routes. The page says
    /// where it begins in relation to its own address, so it needs no prefix that a proxy in
    /// front of it may have taken away.
    pub depth: usize,
    /// Lets the styles of this answer through the content security policy: letters and digits.
    pub nonce: String,
    /// Whether the server is an agent, which answers no queries.
    pub is_agent: bool,
    /// Whether an Alertmanager runs inside.
    pub has_alertmanager: bool,
    /// Whether the server answers from others, whom it can list.
    pub has_fleet: bool,
}

impl Page {
    pub(crate) fn fill(&self, template: &str) -> String {
        let base = if self.depth == 0 {
            "./".to_owned()
        } else {
            "../".repeat(self.depth)
        };
        let meta = |name: &str, content: &str| {
            format!(r#"<meta name="narthex-{name}" content="{content}" />"#)
        };
        let agent = meta("agent", &self.is_agent.to_string());
        let alertmanager = meta("alertmanager", &self.has_alertmanager.to_string());
        let fleet = meta("fleet", &self.has_fleet.to_string());
        template
            .replacen(BASE, &format!(r#"<base href="{base}" />"#), 1)
            .replacen(NONCE, &meta("nonce", &self.nonce), 1)
            .replacen(AGENT, &agent, 1)
            .replacen(ALERTMANAGER, &alertmanager, 1)
            .replacen(FLEET, &fleet, 1)
    }
}
