//! Silences: matchers that mute alerts for a while.
//!
//! It is not: a writer of files. Who changes it writes down what it then is.

mod active;

use std::collections::BTreeMap;

use narthex_model::Matcher;
use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use crate::matchers::MatcherFields;

pub(crate) use active::ActiveSilences;

/// A silence as it is kept. Times are in milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// A UUID; empty for one that is new.
    pub id: String,
    /// All of them must match.
    pub matchers: Vec<MatcherFields>,
    /// From when on it mutes.
    pub starts_at_ms: i64,
    /// Until when.
    pub ends_at_ms: i64,
    /// When it was last changed.
    pub updated_at_ms: i64,
    /// By whom.
    pub created_by: String,
    /// Why.
    pub comment: String,
}

/// Where a silence stands in its life. The order is the one in which they are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SilenceState {
    /// It mutes.
    Active,
    /// It will.
    Pending,
    /// It did.
    Expired,
}

impl SilenceState {
    /// Its name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Expired => "expired",
        }
    }
}

impl Silence {
    /// Where it stands at a time.
    pub fn state(&self, now_ms: i64) -> SilenceState {
        match now_ms {
            now if now < self.starts_at_ms => SilenceState::Pending,
            now if now >= self.ends_at_ms => SilenceState::Expired,
            _ => SilenceState::Active,
        }
    }

    /// The time of a change that is made now. It is later than the one before, whose peer's clock may
    /// be ahead: else that one would be right for all peers.
    fn next_update_ms(&self, now_ms: i64) -> i64 {
        now_ms.max(self.updated_at_ms.saturating_add(1))
    }

    /// Of two versions of a silence the greater one is right.
    fn version(&self) -> (i64, i64, i64, &str, &str) {
        (
            self.updated_at_ms,
            self.ends_at_ms,
            self.starts_at_ms,
            &self.created_by,
            &self.comment,
        )
    }

    /// Whether the old one can become the new one and keep its name.
    fn can_become(&self, new: &Self, now_ms: i64) -> bool {
        if self.matchers != new.matchers {
            return false;
        }
        match self.state(now_ms) {
            SilenceState::Active => {
                self.starts_at_ms / 1000 == new.starts_at_ms / 1000 && new.ends_at_ms >= now_ms
            }
            SilenceState::Pending => new.starts_at_ms >= now_ms,
            SilenceState::Expired => false,
        }
    }
}

/// Why a silence was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SilenceError {
    /// There is none of this name.
    #[error("silence not found")]
    NotFound,
    /// It says something that cannot be.
    #[error("invalid silence: {0}")]
    Invalid(String),
    /// There are as many as may be (`--silences.max-silences`).
    #[error("exceeded maximum number of silences: {count} (limit: {max})")]
    TooMany {
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// It is larger than one may be (`--silences.max-per-silence-bytes`).
    #[error("silence exceeded maximum size: {bytes} bytes (limit: {max} bytes)")]
    TooLarge {
        /// How large it is.
        bytes: usize,
        /// How large one may be.
        max: usize,
    },
}

/// What bounds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SilenceLimits {
    /// So many may be kept, those that have expired among them; 0 is no limit.
    pub silences_max: usize,
    /// One may be so large; 0 is no limit.
    pub silence_bytes_max: usize,
    /// So long one is kept after it has expired.
    pub retention_ms: i64,
}

/// Beside the limits of the flags: that many matchers one silence may have.
pub const MATCHERS_MAX: usize = 1000;

/// A silence and its matchers, ready to match.
#[derive(Debug, Clone)]
struct Kept {
    silence: Silence,
    matchers: Vec<Matcher>,
}

/// All of them.
#[derive(Debug, Clone)]
pub(crate) struct Silences {
    limits: SilenceLimits,
    kept: BTreeMap<String, Kept>,
}

impl Silences {
    /// With what was kept before. What cannot be read of it comes back with why.
    pub(crate) fn new(limits: SilenceLimits, kept: Vec<Silence>) -> (Self, Vec<String>) {
        let mut silences = Self {
            limits,
            kept: BTreeMap::new(),
        };
        let mut faults = Vec::new();
        for silence in kept {
            match compiled(&silence) {
                Ok(matchers) => {
                    let id = silence.id.clone();
                    silences.kept.insert(id, Kept { silence, matchers });
                }
                Err(fault) => faults.push(format!("{}: {fault}", silence.id)),
            }
        }
        (silences, faults)
    }

    /// All silences.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Silence> {
        self.kept.values().map(|kept| &kept.silence)
    }

    /// A silence by its name.
    pub(crate) fn get(&self, id: &str) -> Option<&Silence> {
        self.kept.get(id).map(|kept| &kept.silence)
    }

    /// Makes a silence, or changes the one of this name; what cannot be changed expires, and a new
    /// one takes its place. The name comes back.
    pub(crate) fn set(
        &mut self,
        mut silence: Silence,
        now_ms: i64,
    ) -> Result<String, SilenceError> {
        let previous = self.get(&silence.id).cloned();
        if !silence.id.is_empty() && previous.is_none() {
            return Err(SilenceError::NotFound);
        }
        silence.updated_at_ms = now_ms;
        if let Some(previous) = &previous {
            silence.updated_at_ms = previous.next_update_ms(now_ms);
        }
        let matchers = compiled(&silence).map_err(SilenceError::Invalid)?;
        let keeps_name = previous
            .as_ref()
            .is_some_and(|previous| previous.can_become(&silence, now_ms));
        if !keeps_name {
            silence.starts_at_ms = silence.starts_at_ms.max(now_ms);
        }
        if silence.ends_at_ms < silence.starts_at_ms {
            let text = "end time must not be before start time";
            return Err(SilenceError::Invalid(text.to_owned()));
        }
        self.check_limits(&silence, !keeps_name)?;
        if !keeps_name {
            if let Some(previous) = previous {
                self.expire(&previous.id, now_ms)?;
            }
            silence.id = random_uuid();
        }
        let id = silence.id.clone();
        self.kept.insert(id.clone(), Kept { silence, matchers });
        Ok(id)
    }

    fn check_limits(&self, silence: &Silence, is_new: bool) -> Result<(), SilenceError> {
        let (count, max) = (self.kept.len() + 1, self.limits.silences_max);
        if is_new && max > 0 && count > max {
            return Err(SilenceError::TooMany { count, max });
        }
        let max = self.limits.silence_bytes_max;
        let bytes = serde_json::to_vec(silence).map_or(0, |text| text.len());
        match max > 0 && bytes > max {
            true => Err(SilenceError::TooLarge { bytes, max }),
            false => Ok(()),
        }
    }

    /// Ends a silence now. One that has expired already stays as it is.
    pub(crate) fn expire(&mut self, id: &str, now_ms: i64) -> Result<(), SilenceError> {
        let kept = self.kept.get_mut(id).ok_or(SilenceError::NotFound)?;
        let silence = &mut kept.silence;
        let updated_at_ms = silence.next_update_ms(now_ms);
        match silence.state(now_ms) {
            SilenceState::Expired => return Ok(()),
            SilenceState::Active => silence.ends_at_ms = now_ms,
            SilenceState::Pending => {
                silence.starts_at_ms = now_ms;
                silence.ends_at_ms = now_ms;
            }
        }
        silence.updated_at_ms = updated_at_ms;
        Ok(())
    }

    /// Those that mute at a time, to be asked of many alerts.
    pub(crate) fn active(&self, now_ms: i64) -> ActiveSilences<'_> {
        let is_active = |kept: &&Kept| kept.silence.state(now_ms) == SilenceState::Active;
        ActiveSilences::new(self.kept.values().filter(is_active))
    }

    /// Takes what another peer knows: of each silence the newest version stays, of two that were
    /// made in the same millisecond the one whose content is greater, so that all peers agree. What
    /// was new comes back, and why others cannot be taken. Limits are those of who made a silence.
    pub(crate) fn merge(
        &mut self,
        others: Vec<Silence>,
        now_ms: i64,
    ) -> (Vec<Silence>, Vec<String>) {
        let (mut new, mut faults) = (Vec::new(), Vec::new());
        for silence in others {
            // It would be forgotten at once, and come back with the next merge.
            let kept_until_ms = silence.ends_at_ms.saturating_add(self.limits.retention_ms);
            let is_newer = self
                .get(&silence.id)
                .is_none_or(|known| silence.version() > known.version());
            if kept_until_ms <= now_ms || !is_newer {
                continue;
            }
            if silence.id.is_empty() {
                faults.push("a silence has no id".to_owned());
                continue;
            }
            match compiled(&silence) {
                Ok(matchers) => {
                    new.push(silence.clone());
                    let id = silence.id.clone();
                    self.kept.insert(id, Kept { silence, matchers });
                }
                Err(fault) => faults.push(format!("{}: {fault}", silence.id)),
            }
        }
        (new, faults)
    }

    /// The silences that are not in `before`, or are another version there.
    pub(crate) fn changed_since(&self, before: &Self) -> Vec<Silence> {
        let all = self.all();
        let changed = all.filter(|silence| before.get(&silence.id) != Some(silence));
        changed.cloned().collect()
    }

    /// Forgets what expired longer ago than the retention. Whether there was anything comes back.
    pub(crate) fn clean(&mut self, now_ms: i64) -> bool {
        let before = self.kept.len();
        let retention_ms = self.limits.retention_ms;
        self.kept
            .retain(|_, kept| kept.silence.ends_at_ms.saturating_add(retention_ms) > now_ms);
        self.kept.len() < before
    }
}

/// The matchers of a silence, checked.
fn compiled(silence: &Silence) -> Result<Vec<Matcher>, String> {
    if silence.matchers.is_empty() {
        return Err("at least one matcher required".to_owned());
    }
    if silence.matchers.len() > MATCHERS_MAX {
        return Err(format!("over {MATCHERS_MAX} matchers"));
    }
    let mut compiled = Vec::with_capacity(silence.matchers.len());
    for (at, fields) in silence.matchers.iter().enumerate() {
        if fields.name.is_empty() {
            let text = format!("invalid label matcher {at}: invalid label name \"\"");
            return Err(text);
        }
        let matcher = fields.matcher();
        compiled.push(matcher.map_err(|error| format!("invalid label matcher {at}: {error}"))?);
    }
    if compiled.iter().all(|matcher| matcher.matches("")) {
        return Err("at least one matcher must not match the empty string".to_owned());
    }
    Ok(compiled)
}

/// A UUID of version 4.
fn random_uuid() -> String {
    let mut bytes: [u8; 16] = rand::rng().random();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if [4, 6, 8, 10].contains(&at) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests;
