//! Files, secrets and state of the fake host.

use std::collections::BTreeMap;

use crate::files::Capacity;

#[derive(Debug, Default)]
pub(super) struct Storage {
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) links: BTreeMap<String, String>,
    pub(super) file_systems: BTreeMap<String, Capacity>,
    pub(super) secrets: BTreeMap<String, String>,
    pub(super) state: BTreeMap<String, Vec<u8>>,
}

pub(crate) mod files {
    //! As the import `files`.

    use std::collections::BTreeSet;

    use crate::Error;
    use crate::fake::with;
    use crate::files::Capacity;

    fn missing(path: &str) -> Error {
        Error::Unavailable(format!("{path}: no such file"))
    }

    pub(crate) fn read(path: &str) -> Result<Vec<u8>, Error> {
        let content = with(|host| host.storage.files.get(path).cloned());
        content.ok_or_else(|| missing(path))
    }

    pub(crate) fn entries(path: &str) -> Result<Vec<String>, Error> {
        let prefix = format!("{}/", path.trim_end_matches('/'));
        let names: BTreeSet<String> = with(|host| {
            let paths = host.storage.files.keys().chain(host.storage.links.keys());
            let below = paths.filter_map(|path| path.strip_prefix(&prefix));
            let first = below.filter_map(|rest| rest.split('/').next());
            first.map(str::to_owned).collect()
        });
        match names.is_empty() {
            true => Err(missing(path)),
            false => Ok(names.into_iter().collect()),
        }
    }

    pub(crate) fn link(path: &str) -> Result<String, Error> {
        let target = with(|host| host.storage.links.get(path).cloned());
        target.ok_or_else(|| missing(path))
    }

    pub(crate) fn file_system(path: &str) -> Result<Capacity, Error> {
        with(|host| {
            let mounted = host.storage.file_systems.iter().rev();
            let holds = |at: &str| {
                path.strip_prefix(at.trim_end_matches('/'))
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            let found = mounted.into_iter().find(|(at, _)| holds(at));
            found
                .map(|(_, capacity)| *capacity)
                .ok_or_else(|| missing(path))
        })
    }
}

pub(crate) mod secrets {
    //! As the import `secrets`.

    use crate::Error;
    use crate::fake::with;

    #[derive(Debug)]
    pub(crate) struct Secret(pub(in crate::fake) String);

    impl Secret {
        #[expect(clippy::unnecessary_wraps, reason = "as the import has it")]
        pub(crate) fn reveal(&self) -> Result<String, Error> {
            Ok(self.0.clone())
        }
    }

    pub(crate) fn get(name: &str) -> Result<Secret, Error> {
        let text = with(|host| host.storage.secrets.get(name).cloned());
        let denied = || Error::Denied(format!("secret {name} is not there"));
        text.map(Secret).ok_or_else(denied)
    }
}

pub(crate) mod state {
    //! As the import `state`.

    use crate::Error;
    use crate::fake::with;

    #[expect(clippy::unnecessary_wraps, reason = "as the import has it")]
    pub(crate) fn get(key: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(with(|host| host.storage.state.get(key).cloned()))
    }

    #[expect(clippy::unnecessary_wraps, reason = "as the import has it")]
    pub(crate) fn set(key: &str, value: &[u8]) -> Result<(), Error> {
        with(|host| match value {
            [] => host.storage.state.remove(key),
            _ => host.storage.state.insert(key.to_owned(), value.to_vec()),
        });
        Ok(())
    }
}
