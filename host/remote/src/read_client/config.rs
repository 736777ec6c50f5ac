//! `remote_read` of the config, field for field as Prometheus 3.14 reads and prints it.
//!
//! It is not: a reader of YAML, or what says which fields do not fit together; the binary does.

use std::collections::BTreeMap;

use narthex_http::http_section;
use narthex_model::PromDuration;

http_section! {
    /// Another store that queries ask.
    pub struct RemoteReadConfig {
        /// Where it answers.
        #[serde(serialize_with = "narthex_http::serialize_shown_url")]
        pub url: String = String::new(),
        /// A request may take as long, its answer included.
        pub remote_timeout: PromDuration = PromDuration::from_secs(60),
        /// A frame of an answer in chunks may have so many bytes.
        pub chunked_read_limit: u64 = 50_000_000,
        /// Headers of every request.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        pub headers: BTreeMap<String, String> = BTreeMap::new(),
        /// Whether it is also asked for times that the store here has wholly.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        pub read_recent: bool = false,
        /// Its name in metrics; a hash where there is none.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub name: String = String::new(),
        /// It is asked where a selector has all these as equality matchers, and else not.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        pub required_matchers: BTreeMap<String, String> = BTreeMap::new(),
        /// Whether the external labels are added to what is asked and taken off the answer.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        pub filter_external_labels: bool = true,
    }
}
