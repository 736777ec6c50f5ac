//! The files `~/.aws/config` and `~/.aws/credentials`: profiles and their settings.
//!
//! It is not: what the settings mean, which is [`super::chain`].

use std::collections::BTreeMap;
use std::io;

use crate::cloud::environment::Environment;
use crate::credentials::read_bounded;

/// The profile of those who name none: the only one that may be missing.
pub(crate) const DEFAULT: &str = "default";

/// The settings of a profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Profile(BTreeMap<String, String>);

/// All of both files.
#[derive(Debug, Default)]
pub(crate) struct Profiles(BTreeMap<String, Profile>);

/// The name of the profile that counts where the configuration says `given`.
pub(crate) fn name(given: &str, environment: &Environment) -> String {
    match given {
        "" => environment
            .variable("AWS_PROFILE")
            .unwrap_or_else(|| DEFAULT.to_owned()),
        given => given.to_owned(),
    }
}

impl Profile {
    /// A setting that is not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// A setting whose name begins so.
    pub(crate) fn any(&self, prefix: &str) -> Option<&str> {
        let mut names = self.0.keys().filter(|name| name.starts_with(prefix));
        names.next().map(String::as_str)
    }
}

impl Profiles {
    /// Reads both files, as far as they are there. Where both have a setting, that of `credentials`
    /// counts.
    ///
    /// # Errors
    /// One that is there cannot be read.
    pub(crate) fn read(environment: &Environment) -> Result<Self, String> {
        let mut profiles = Self::default();
        for (variable, below_home, is_config) in [
            ("AWS_CONFIG_FILE", ".aws/config", true),
            ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", false),
        ] {
            let Some(path) = environment.file(variable, below_home) else {
                continue;
            };
            match read_bounded(&path) {
                Ok(text) => profiles.add(&text, is_config),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(format!("unable to read file {}: {error}", path.display()));
                }
            }
        }
        Ok(profiles)
    }

    /// A profile.
    pub(crate) fn get(&self, name: &str) -> Option<&Profile> {
        self.0.get(name)
    }

    /// Takes over what a file says. In `config` the sections of all but the default profile are named
    /// `profile NAME`, and there are sections of other things.
    fn add(&mut self, text: &str, is_config: bool) {
        let mut current = None;
        for line in text.lines() {
            // Settings of a setting are indented; none of them is needed.
            let is_indented = line.starts_with([' ', '\t']);
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(section) = line.strip_prefix('[') {
                let section = section.split(']').next().unwrap_or_default().trim();
                let profile = section.strip_prefix("profile").map(str::trim);
                let profile = profile.map(|name| name.trim_matches('"'));
                current = match (is_config, profile) {
                    (true, Some(name)) => Some(name),
                    (true, None) => Some(section).filter(|name| *name == DEFAULT),
                    (false, _) => Some(section),
                };
                if let Some(name) = current {
                    self.0.entry(name.to_owned()).or_default();
                }
                continue;
            }
            let (Some(name), Some((key, value))) = (current, line.split_once('=')) else {
                continue;
            };
            if !is_indented && let Some(profile) = self.0.get_mut(name) {
                let key = key.trim().to_ascii_lowercase();
                profile.0.insert(key, value.trim().to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_are_one() {
        let mut profiles = Profiles::default();
        profiles.add(
            "# a comment\n[default]\nregion = eu-west-1\naws_access_key_id=OLD\n\
             [profile prod]\nROLE_ARN = arn:a=b\ns3 =\n  max_concurrent_requests = 20\n\
             [sso-session mine]\nsso_region = us-east-1\n[broken\nregion = x\n",
            true,
        );
        profiles.add(
            "[default]\naws_access_key_id = AKID\n; another\naws_secret_access_key = a/b+c=\n\
             nonsense\n[profile]\nregion = z\n",
            false,
        );
        let default = profiles.get("default").unwrap();
        for (name, value) in [
            ("region", Some("eu-west-1")),
            ("aws_access_key_id", Some("AKID")),
            ("aws_secret_access_key", Some("a/b+c=")),
            ("nonsense", None),
        ] {
            assert_eq!(default.get(name), value, "{name}");
        }
        let prod = profiles.get("prod").unwrap();
        assert_eq!(prod.get("role_arn"), Some("arn:a=b"));
        assert_eq!(prod.get("s3"), None);
        assert_eq!(prod.any("s"), Some("s3"));
        assert_eq!(prod.get("max_concurrent_requests"), None);
        // Sections of other things are no profiles.
        let names: Vec<_> = profiles.0.keys().collect();
        assert_eq!(names, ["default", "prod", "profile"]);
    }
}
