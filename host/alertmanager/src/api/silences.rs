//! Silences in the API.

use std::cmp::Reverse;

use narthex_model::Matcher;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ApiFault, FaultKind, time};
use crate::manager::Alertmanager;
use crate::matchers::MatcherFields;
use crate::silences::{Silence, SilenceError, SilenceState};
use crate::timestamp;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Posted {
    id: Option<String>,
    matchers: Option<Vec<PostedMatcher>>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    created_by: Option<String>,
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostedMatcher {
    is_equal: Option<bool>,
    is_regex: Option<bool>,
    name: Option<String>,
    value: Option<String>,
}

impl Alertmanager {
    /// `GET /silences`
    ///
    /// # Errors
    /// A filter cannot be read.
    pub fn silences(&self, filters: &[String]) -> Result<Value, ApiFault> {
        let filters = self.filters(filters)?;
        let now_ms = self.now_ms();
        let mut found = self.with_state(|state| {
            let all = state.pipeline.silences.all();
            let found = all.filter(|silence| has_all(silence, &filters)).cloned();
            found.collect::<Vec<_>>()
        });
        // Of those that mute the next to expire, of those to come the next to begin, of those that
        // are over the last one.
        found.sort_by_cached_key(|silence| {
            let state = silence.state(now_ms);
            match state {
                SilenceState::Active => (state, silence.ends_at_ms, Reverse(0)),
                SilenceState::Pending => (state, silence.starts_at_ms, Reverse(0)),
                SilenceState::Expired => (state, 0, Reverse(silence.ends_at_ms)),
            }
        });
        Ok(found.iter().map(|silence| show(silence, now_ms)).collect())
    }

    /// `GET /silence/{id}`
    ///
    /// # Errors
    /// There is none, or the name is no UUID.
    pub fn silence(&self, id: &str) -> Result<Value, ApiFault> {
        check_id(id)?;
        let now_ms = self.now_ms();
        let found = self.with_state(|state| {
            let found = state.pipeline.silences.get(id);
            found.map(|silence| show(silence, now_ms))
        });
        found.ok_or_else(|| refused(&SilenceError::NotFound))
    }

    /// `POST /silences`: makes one or changes one, and gives its name once it is on the disk.
    /// Waits for the disk.
    ///
    /// # Errors
    /// The body cannot be read, says what cannot be, or the disk fails.
    pub fn post_silence(&self, body: &[u8]) -> Result<Value, ApiFault> {
        let posted: Posted = serde_json::from_slice(body).map_err(|error| {
            let text = format!("parsing silence body from \"\" failed, because {error}");
            ApiFault::unreadable(text)
        })?;
        let silence = silence(posted)?;
        let now_ms = self.now_ms();
        if silence.starts_at_ms >= silence.ends_at_ms {
            let text = "Failed to create silence: start time must be before end time";
            return Err(ApiFault::bad_request(text));
        }
        if silence.ends_at_ms < now_ms {
            let text = "Failed to create silence: end time can't be in the past";
            return Err(ApiFault::bad_request(text));
        }
        let id = self.change_silences(|silences| silences.set(silence, now_ms))?;
        Ok(json!({"silenceID": id}))
    }

    /// `DELETE /silence/{id}`: ends it now. Waits for the disk.
    ///
    /// # Errors
    /// There is none, or the disk fails.
    pub fn expire_silence(&self, id: &str) -> Result<(), ApiFault> {
        check_id(id)?;
        let now_ms = self.now_ms();
        self.change_silences(|silences| silences.expire(id, now_ms))
    }

    /// Changes silences and writes them down. Where that fails the change is taken back.
    fn change_silences<T>(
        &self,
        change: impl FnOnce(&mut crate::silences::Silences) -> Result<T, SilenceError>,
    ) -> Result<T, ApiFault> {
        let turn = self.silences_turn.lock();
        let _turn = turn.unwrap_or_else(std::sync::PoisonError::into_inner);
        let (before, changed, new) = self.with_state(|state| {
            let silences = &mut state.pipeline.silences;
            let before = silences.clone();
            let changed = change(silences);
            let new = silences.changed_since(&before);
            (before, changed, new)
        });
        let changed = changed.map_err(|error| refused(&error))?;
        if let Err(error) = self.write_silences() {
            self.with_state(|state| state.pipeline.silences = before);
            let text = format!("the silence cannot be written to disk: {error}");
            return Err(ApiFault::new(FaultKind::Internal, text));
        }
        self.tell_peers_of_silences(&new);
        Ok(changed)
    }
}

fn refused(error: &SilenceError) -> ApiFault {
    let kind = match error {
        SilenceError::NotFound => FaultKind::NotFound,
        SilenceError::Invalid(_) | SilenceError::TooMany { .. } | SilenceError::TooLarge { .. } => {
            FaultKind::BadRequest
        }
    };
    ApiFault::new(kind, error.to_string())
}

/// Whether a silence has each of these matchers, letter for letter.
fn has_all(silence: &Silence, filters: &[Matcher]) -> bool {
    let has = |filter: &Matcher| silence.matchers.contains(&MatcherFields::of(filter));
    filters.iter().all(has)
}

fn check_id(id: &str) -> Result<(), ApiFault> {
    let is_place_of_dash = |at: usize| [8, 13, 18, 23].contains(&at);
    let is_uuid = id.len() == 36
        && id.bytes().enumerate().all(|(at, byte)| match byte {
            b'-' => is_place_of_dash(at),
            byte => byte.is_ascii_hexdigit() && !is_place_of_dash(at),
        });
    match is_uuid {
        true => Ok(()),
        false => Err(ApiFault::invalid_type(format!(
            "silenceID in path must be of type uuid: {id:?}"
        ))),
    }
}

fn silence(posted: Posted) -> Result<Silence, ApiFault> {
    let missing = |name: &'static str| move || ApiFault::required(name);
    let matchers = posted.matchers.filter(|matchers| !matchers.is_empty());
    let matchers = matchers.ok_or_else(missing("matchers"))?;
    let matchers = matchers.into_iter().enumerate().map(|(at, matcher)| {
        let missing = |name| ApiFault::required(&format!("matchers.{at}.{name}"));
        Ok::<_, ApiFault>(MatcherFields {
            is_equal: matcher.is_equal.unwrap_or(true),
            is_regex: matcher.is_regex.ok_or_else(|| missing("isRegex"))?,
            name: matcher.name.ok_or_else(|| missing("name"))?,
            value: matcher.value.ok_or_else(|| missing("value"))?,
        })
    });
    let starts = time("silence", posted.starts_at.as_deref())?;
    let ends = time("silence", posted.ends_at.as_deref())?;
    Ok(Silence {
        id: posted.id.unwrap_or_default(),
        comment: posted.comment.ok_or_else(missing("comment"))?,
        created_by: posted.created_by.ok_or_else(missing("createdBy"))?,
        ends_at_ms: ends.ok_or_else(missing("endsAt"))?,
        matchers: matchers.collect::<Result<Vec<_>, ApiFault>>()?,
        starts_at_ms: starts.ok_or_else(missing("startsAt"))?,
        updated_at_ms: 0,
    })
}

fn show(silence: &Silence, now_ms: i64) -> Value {
    json!({
        "id": silence.id,
        "status": {"state": silence.state(now_ms).as_str()},
        "updatedAt": timestamp::format_api(silence.updated_at_ms),
        "comment": silence.comment,
        "createdBy": silence.created_by,
        "endsAt": timestamp::format_api(silence.ends_at_ms),
        "matchers": silence.matchers,
        "startsAt": timestamp::format_api(silence.starts_at_ms),
    })
}
