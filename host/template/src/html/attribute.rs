//! What the values of attributes are, by their names.

/// What an attribute holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Plain,
    Url,
    Srcset,
    Script,
    Style,
}

/// Attributes that hold a URL.
const URLS: [&str; 16] = [
    "action",
    "archive",
    "background",
    "cite",
    "classid",
    "codebase",
    "data",
    "formaction",
    "href",
    "icon",
    "longdesc",
    "manifest",
    "poster",
    "profile",
    "src",
    "usemap",
];

/// What an attribute of that name holds.
pub(super) fn content_of(name: &str) -> Content {
    let name = name.to_ascii_lowercase();
    let name = match name.strip_prefix("data-") {
        Some(name) => name,
        None => match name.split_once(':') {
            Some(("xmlns", _)) => return Content::Url,
            Some((_, name)) => name,
            None => &name,
        },
    };
    match name {
        "style" => Content::Style,
        "srcset" => Content::Srcset,
        "xmlns" => Content::Url,
        name if name.starts_with("on") => Content::Script,
        name if URLS.contains(&name) => Content::Url,
        name if ["src", "uri", "url"].iter().any(|part| name.contains(part)) => Content::Url,
        _ => Content::Plain,
    }
}
