//! The section `storage` of the config.
//!
//! It is not: what the command line says, or what holds where neither says anything.

use narthex_model::{ByteSize, PromDuration};
use serde::{Deserialize, Serialize};

use crate::stale::check_share;
use crate::{Retention, TsdbError};

/// `storage`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StorageConfig {
    /// `storage.tsdb`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tsdb: Option<TsdbConfig>,
    /// `storage.exemplars`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exemplars: Option<ExemplarsConfig>,
}

/// `storage.exemplars`
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExemplarsConfig {
    /// How many exemplars are kept, of all series together, where `--enable-feature` has
    /// `exemplar-storage`; 0 or less keeps none.
    pub max_exemplars: i64,
}

impl Default for ExemplarsConfig {
    fn default() -> Self {
        Self {
            max_exemplars: i64::try_from(crate::EXEMPLARS_MAX).unwrap_or(i64::MAX),
        }
    }
}

/// `storage.tsdb`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TsdbConfig {
    /// `storage.tsdb.out_of_order_time_window`: how much older than the newest sample one may be
    /// that comes out of order. None is taken where it is not said, or zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_of_order_time_window: Option<PromDuration>,
    /// `storage.tsdb.stale_series_compaction_threshold`: series that have ended leave memory early
    /// once they are so large a part of all, from 0 to 1. They do not where it is not said, or
    /// zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale_series_compaction_threshold: Option<f64>,
    /// `storage.tsdb.chunk_encoding`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunk_encoding: Option<ChunkEncodingConfig>,
    /// `storage.tsdb.retention`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionConfig>,
}

/// `storage.tsdb.chunk_encoding`: how Prometheus writes chunks. It is read and has no effect; samples
/// are written in a form of our own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChunkEncodingConfig {
    /// Of numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floats: Option<FloatChunkEncoding>,
}

/// The encodings that Prometheus has for chunks of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FloatChunkEncoding {
    /// The one that it always had.
    Xor,
    /// The one that knows start timestamps.
    Xor2,
}

/// `storage.tsdb.retention`. What it does not say is left to the command line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionConfig {
    /// As [`Retention::time`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<PromDuration>,
    /// As [`Retention::size`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<ByteSize>,
    /// As [`Retention::percentage`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentage: Option<f64>,
}

impl StorageConfig {
    /// What is kept: what the config says of it, and where it says nothing, or zero, the limits of
    /// the command line, which are zero where they were not given.
    pub fn retention(&self, time: PromDuration, size: ByteSize) -> Retention {
        let said = self.tsdb.as_ref().and_then(|tsdb| tsdb.retention);
        let said = said.unwrap_or_default();
        Retention::new(
            said.time.filter(|time| !time.is_zero()).unwrap_or(time),
            said.size.filter(|size| size.as_bytes() > 0).unwrap_or(size),
            said.percentage.unwrap_or_default(),
        )
    }

    /// How much older than the newest sample one may be that comes out of order.
    pub fn out_of_order_window(&self) -> PromDuration {
        let said = self.tsdb.as_ref();
        said.and_then(|tsdb| tsdb.out_of_order_time_window)
            .unwrap_or_default()
    }

    /// The part of all series that has to have ended for these to leave memory early; 0 for never.
    pub fn stale_series_threshold(&self) -> f64 {
        let said = self.tsdb.as_ref();
        said.and_then(|tsdb| tsdb.stale_series_compaction_threshold)
            .unwrap_or_default()
    }

    /// How many exemplars are kept where any are.
    pub fn exemplars_max(&self) -> usize {
        let config = self.exemplars.unwrap_or_default();
        usize::try_from(config.max_exemplars).unwrap_or_default()
    }

    /// Whether the store can follow it.
    ///
    /// # Errors
    /// It cannot; the error says which value is out of its bounds.
    pub fn check(&self) -> Result<(), TsdbError> {
        check_share(self.stale_series_threshold())?;
        self.retention(PromDuration::default(), ByteSize::default())
            .check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_config_counts_before_the_command_line_limit_by_limit() {
        let of = |time: u64, size, percentage| StorageConfig {
            tsdb: Some(TsdbConfig {
                retention: Some(RetentionConfig {
                    time: Some(PromDuration::from_secs(time * 3_600)),
                    size: Some(ByteSize::from_bytes(size)),
                    percentage: Some(percentage),
                }),
                ..TsdbConfig::default()
            }),
            ..StorageConfig::default()
        };
        let shown = |config: &StorageConfig, time: u64, size| {
            let time = PromDuration::from_secs(time * 3_600);
            let retention = config.retention(time, ByteSize::from_bytes(size));
            retention.to_string()
        };
        for (config, time, size, expected) in [
            (StorageConfig::default(), 0, 0, "15d"),
            (StorageConfig::default(), 48, 0, "2d"),
            (of(24, 0, 0.0), 48, 1 << 30, "1d or 1GiB"),
            (of(0, 1 << 20, 0.0), 48, 1 << 30, "2d or 1MiB"),
            (of(0, 0, 80.0), 0, 0, "80%"),
        ] {
            assert_eq!(shown(&config, time, size), expected);
        }
        let stale = |share| StorageConfig {
            tsdb: Some(TsdbConfig {
                stale_series_compaction_threshold: Some(share),
                ..TsdbConfig::default()
            }),
            ..StorageConfig::default()
        };
        for (share, is_sound) in [
            (0.0, true),
            (0.5, true),
            (1.0, true),
            (1.5, false),
            (-0.1, false),
        ] {
            assert_eq!(stale(share).check().is_ok(), is_sound, "{share}");
        }
        let error = of(0, 0, 101.0).check().unwrap_err();
        assert!(error.to_string().contains("101 %"), "{error}");
    }
}
