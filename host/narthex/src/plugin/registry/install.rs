//! `narthex plugin install`

use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use narthex_registry::{GrantList, Trust, Update, template};
use serde_json::{Value, json};

use super::place::Place;
use super::source::Source;
use crate::plugin::output::Output;

/// Install a plugin, or another version of it, into the plugin directory. A running server puts it
/// to work within a second.
#[derive(Debug, Clone, Args)]
pub(crate) struct Install {
    /// NAME[:TAG], HOST/PATH/NAME[:TAG], oci:DIR[:TAG] or embedded:NAME. Without a tag the newest
    /// version.
    #[arg(value_name = "PLUGIN")]
    source: Source,

    #[command(flatten)]
    place: Place,

    /// Agree to what it asks for.
    #[arg(long)]
    yes: bool,

    /// Go back to an older version.
    #[arg(long)]
    allow_downgrade: bool,

    /// How to print what was done.
    #[arg(long, short, value_enum, default_value = "text")]
    output: Output,
}

impl Install {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let settings = self.place.settings()?;
        let directory = settings.directory()?;
        let fetched = self.source.fetch(&settings).await?;
        let trust = self.source.check(&fetched, || settings.policy())?;
        let update = directory.update(&fetched)?;
        let name = &fetched.package.manifest.name;
        if update.is_installed {
            let text = format!("{name} {} is installed already", update.to);
            self.print(name, &update, &trust, false, [text]);
            return Ok(ExitCode::SUCCESS);
        }
        if update.is_downgrade() && !self.allow_downgrade {
            bail!(
                "{name} {} is at work, and {} is not newer: say --allow-downgrade, or \
                 `narthex plugin rollback {name}` for the version before",
                update.from.as_deref().unwrap_or(""),
                update.to
            );
        }
        let needed = needs_grant(&update.beyond);
        if !needed.is_empty() && !self.agreed(name, &update, &needed)? {
            bail!("{name} {} is not installed", update.to);
        }
        directory.install(&fetched)?;
        let mut lines = vec![match &update.from {
            Some(from) => format!("{name} {} is installed, in place of {from}", update.to),
            None => format!("{name} {} is installed", update.to),
        }];
        lines.push(match &trust {
            Trust::Signed { key } => format!("signed by {key}"),
            Trust::Unsigned => "not signed".to_owned(),
        });
        if !needed.is_empty() {
            let whole = needs_grant(&fetched.package.manifest.request);
            lines.push(format!(
                "To grant what it asks for:\n{}",
                snippet(name, &whole)
            ));
        }
        self.print(name, &update, &trust, true, lines);
        Ok(ExitCode::SUCCESS)
    }

    fn print(
        &self,
        name: &str,
        update: &Update,
        trust: &Trust,
        is_changed: bool,
        lines: impl IntoIterator<Item = String>,
    ) {
        let value = json!({
            "name": name,
            "from": update.from,
            "to": update.to,
            "changed": is_changed,
            "asks": update.beyond,
            "signed_by": signed_by(trust),
        });
        self.output.print(&value, lines);
    }

    /// Shows what is asked for beyond what the version at work does, and asks where someone can
    /// answer.
    fn agreed(&self, name: &str, update: &Update, needed: &GrantList) -> anyhow::Result<bool> {
        let mut out = std::io::stderr();
        match &update.from {
            Some(from) => writeln!(out, "{name} {} asks for more than {from}:", update.to)?,
            None => writeln!(out, "{name} {} asks for:", update.to)?,
        }
        writeln!(out, "{}", snippet(name, needed))?;
        if self.yes {
            return Ok(true);
        }
        if !std::io::stdin().is_terminal() {
            bail!("{name} {} is not installed: say --yes to agree", update.to);
        }
        write!(out, "Install it? [y/N] ")?;
        out.flush()?;
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }
}

/// The key's file, for programs.
pub(crate) fn signed_by(trust: &Trust) -> Value {
    match trust {
        Trust::Signed { key } => json!(key),
        Trust::Unsigned => Value::Null,
    }
}

/// What of a request the operator has to grant: what names the target or the job's configuration
/// is granted by having been written there.
pub(crate) fn needs_grant(request: &GrantList) -> GrantList {
    let mut needed = request.clone();
    for list in [
        &mut needed.tcp,
        &mut needed.http,
        &mut needed.udp,
        &mut needed.icmp,
        &mut needed.names,
        &mut needed.secrets,
        &mut needed.tls,
    ] {
        list.retain(|text| !text.contains("${target.") && !template::names_config(text));
    }
    needed
}

/// What to paste into the config.
pub(crate) fn snippet(name: &str, grants: &GrantList) -> String {
    let Ok(Value::Object(fields)) = serde_json::to_value(grants) else {
        return String::new();
    };
    let mut text = format!("plugins:\n  grants:\n    {name}:");
    for (field, value) in fields {
        text.push_str(&format!("\n      {field}: {value}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_to_be_granted_is_a_section_to_paste() {
        let request = GrantList {
            tcp: vec!["${target.host}:${target.port}".into(), "db:5432".into()],
            secrets: vec!["${config.secret}".into()],
            files: vec!["/proc".into()],
            state: true,
            ..GrantList::default()
        };
        let needed = needs_grant(&request);
        let text = snippet("redis", &needed);
        assert_eq!(
            text,
            "plugins:\n  grants:\n    redis:\n      files: [\"/proc\"]\n      tcp: [\"db:5432\"]\n      \
             state: true"
        );
        let yaml: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
        let read: GrantList =
            serde_yaml::from_value(yaml["plugins"]["grants"]["redis"].clone()).unwrap();
        assert_eq!(read, needed);
    }
}
