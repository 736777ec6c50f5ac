//! The message: one attachment, as the legacy fields of Slack's API have it.

use narthex_integration::{Text, truncated};
use narthex_sdk::Error;
use serde::{Deserialize, Serialize};

use crate::Config;

/// The longest title, in characters.
const TITLE_CHARACTERS_MAX: usize = 1024;

/// In which texts markup counts, where the entry does not say.
const MARKUP_IN: [&str; 3] = ["fallback", "pretext", "text"];

/// A field of the entry.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FieldConfig {
    title: Text,
    value: Text,
    short: Option<bool>,
}

/// A button of the entry.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ActionConfig {
    r#type: Text,
    text: Text,
    url: Text,
    style: Text,
    name: Text,
    value: Text,
    confirm: Option<ConfirmConfig>,
}

/// What a button asks before it does something.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ConfirmConfig {
    text: Text,
    title: Text,
    ok_text: Text,
    dismiss_text: Text,
}

/// What is posted.
#[derive(Debug, Serialize)]
pub(crate) struct Message {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) channel: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    username: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    icon_emoji: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    icon_url: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    link_names: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    text: String,
    attachments: [Attachment; 1],
}

#[derive(Debug, Serialize)]
struct Attachment {
    #[serde(skip_serializing_if = "String::is_empty")]
    title: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    title_link: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pretext: String,
    text: String,
    fallback: String,
    callback_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<Field>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    actions: Vec<Action>,
    #[serde(skip_serializing_if = "String::is_empty")]
    image_url: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    thumb_url: String,
    footer: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    color: String,
    mrkdwn_in: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Field {
    #[serde(skip_serializing_if = "String::is_empty")]
    title: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    value: String,
    short: bool,
}

#[derive(Debug, Serialize)]
struct Action {
    #[serde(skip_serializing_if = "String::is_empty")]
    r#type: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    text: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    url: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    style: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirm: Option<Confirm>,
}

#[derive(Debug, Serialize)]
struct Confirm {
    #[serde(skip_serializing_if = "String::is_empty")]
    text: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    title: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    ok_text: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    dismiss_text: String,
}

/// The message of the notification that is under way.
pub(crate) fn message(config: &Config) -> Result<Message, Error> {
    let fields = config.fields.iter();
    let fields: Result<Vec<Field>, Error> = fields
        .map(|field| expand_field(field, config.short_fields))
        .collect();
    let actions: Result<Vec<Action>, Error> = config.actions.iter().map(expand_action).collect();
    let mrkdwn_in = match config.mrkdwn_in.as_slice() {
        [] => MARKUP_IN.map(str::to_owned).to_vec(),
        named => named.to_vec(),
    };
    let attachment = Attachment {
        title: truncated(config.title.expand()?, TITLE_CHARACTERS_MAX, "title"),
        title_link: config.title_link.expand()?,
        pretext: config.pretext.expand()?,
        text: config.text.expand()?,
        fallback: config.fallback.expand()?,
        callback_id: config.callback_id.expand()?,
        fields: fields?,
        actions: actions?,
        image_url: config.image_url.expand()?,
        thumb_url: config.thumb_url.expand()?,
        footer: config.footer.expand()?,
        color: config.color.expand()?,
        mrkdwn_in,
    };
    Ok(Message {
        channel: config.channel.expand()?,
        username: config.username.expand()?,
        icon_emoji: config.icon_emoji.expand()?,
        icon_url: config.icon_url.expand()?,
        link_names: config.link_names,
        text: config.message_text.expand()?,
        attachments: [attachment],
    })
}

fn expand_field(field: &FieldConfig, is_short: bool) -> Result<Field, Error> {
    Ok(Field {
        title: field.title.expand()?,
        value: field.value.expand()?,
        short: field.short.unwrap_or(is_short),
    })
}

fn expand_action(action: &ActionConfig) -> Result<Action, Error> {
    let confirm = action.confirm.as_ref().map(|confirm| {
        Ok::<_, Error>(Confirm {
            text: confirm.text.expand()?,
            title: confirm.title.expand()?,
            ok_text: confirm.ok_text.expand()?,
            dismiss_text: confirm.dismiss_text.expand()?,
        })
    });
    Ok(Action {
        r#type: action.r#type.expand()?,
        text: action.text.expand()?,
        url: action.url.expand()?,
        style: action.style.expand()?,
        name: action.name.expand()?,
        value: action.value.expand()?,
        confirm: confirm.transpose()?,
    })
}
