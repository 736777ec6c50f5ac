//! Writes one Parquet file to the object store, in parts, adding up its checksums on the way.

use std::io;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};

use crate::Fault;
use crate::meta::{CODEC, FileMeta, VERSION};
use crate::page::PAGE_ROWS;
use crate::sums::Summing;

/// Bytes that are gathered before they are sent as a part; every store takes parts of 8 MiB.
const PART_BYTES: usize = 8 << 20;

/// A page ends before its rows do when it has so many bytes: cells may be large.
const PAGE_BYTES: usize = 256 << 10;

/// How hard zstd looks. Cells take 3 % less than with its own default of 3 and are read as fast; to
/// write them takes 10 ns a sample more, and each further percent would cost twenty.
const ZSTD_LEVEL: i32 = 9;

/// What all our Parquet files have in common. Columns of integers that are packed leave zstd
/// nothing, and each compressed column costs its reader a decompressor; their layouts turn it off.
pub(crate) fn properties(block: &str) -> Result<WriterPropertiesBuilder, Fault> {
    let key_values = [
        ("narthex.version", VERSION.to_string()),
        ("narthex.codec", CODEC.to_owned()),
        ("narthex.block", block.to_owned()),
    ];
    Ok(WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_write_batch_size(64)
        .set_max_row_group_row_count(None)
        .set_created_by("narthex".to_owned())
        .set_key_value_metadata(Some(
            key_values
                .into_iter()
                .map(|(key, value)| KeyValue::new(key.to_owned(), value))
                .collect(),
        )))
}

/// One file on its way to the store.
pub(crate) struct FileWriter<'a> {
    store: &'a dyn ObjectStore,
    path: Path,
    parquet: ArrowWriter<Sink>,
    /// Rows of a page.
    page_rows: usize,
    upload: Option<Box<dyn MultipartUpload>>,
}

/// Where the Parquet writer puts its bytes.
#[derive(Debug, Default)]
struct Sink {
    bytes: Vec<u8>,
    sums: Summing,
}

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sums.update(bytes);
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> FileWriter<'a> {
    pub(crate) fn new(
        store: &'a dyn ObjectStore,
        path: Path,
        schema: SchemaRef,
        properties: WriterProperties,
    ) -> Result<Self, Fault> {
        let page_rows = properties.data_page_row_count_limit().max(1);
        // The types of Arrow follow from those of Parquet.
        let options = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_skip_arrow_metadata(true);
        Ok(Self {
            store,
            path,
            parquet: ArrowWriter::try_new_with_options(Sink::default(), schema, options)?,
            page_rows,
            upload: None,
        })
    }

    /// Appends rows to the open row group, which has whole pages so far.
    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<(), Fault> {
        // The writer looks at its limits after so many values, which in a column of lists is
        // anywhere, and at the end of what it is given.
        for start in (0..rows.num_rows()).step_by(self.page_rows) {
            let page = self.page_rows.min(rows.num_rows() - start);
            self.parquet.write(&rows.slice(start, page))?;
        }
        Ok(())
    }

    /// Ends the row group.
    pub(crate) async fn end_row_group(&mut self) -> Result<(), Fault> {
        self.parquet.flush()?;
        let bytes = &mut self.parquet.inner_mut().bytes;
        if bytes.len() >= PART_BYTES {
            let part = std::mem::take(bytes);
            self.send(part).await?;
        }
        Ok(())
    }

    /// Ends the file. After this it is on the store.
    pub(crate) async fn finish(mut self) -> Result<FileMeta, Fault> {
        self.parquet.finish()?;
        let sink = std::mem::take(self.parquet.inner_mut());
        match self.upload.is_some() {
            false => {
                let bytes = Bytes::from(sink.bytes);
                self.store.put(&self.path, bytes.into()).await?;
            }
            true => {
                self.send(sink.bytes).await?;
                if let Some(upload) = &mut self.upload {
                    upload.complete().await?;
                }
            }
        }
        Ok(sink.sums.finish())
    }

    async fn send(&mut self, bytes: Vec<u8>) -> Result<(), Fault> {
        let upload = match &mut self.upload {
            Some(upload) => upload,
            None => {
                let upload = self.store.put_multipart(&self.path).await?;
                self.upload.insert(upload)
            }
        };
        let mut bytes = Bytes::from(bytes);
        while !bytes.is_empty() {
            // Some stores want all parts but the last to have the same size.
            let part = bytes.split_to(bytes.len().min(PART_BYTES));
            upload.put_part(part.into()).await?;
        }
        Ok(())
    }
}

/// A schema of columns that may be empty where `nullable` says so.
pub(crate) fn schema(
    columns: impl IntoIterator<Item = (&'static str, arrow_schema::DataType, bool)>,
) -> SchemaRef {
    let fields: Vec<_> = columns
        .into_iter()
        .map(|(name, kind, nullable)| arrow_schema::Field::new(name, kind, nullable))
        .collect();
    Arc::new(arrow_schema::Schema::new(fields))
}

/// Milliseconds since the epoch, in a form that other readers show as points in time.
pub(crate) fn timestamp() -> arrow_schema::DataType {
    let zone = Some(Arc::from("UTC"));
    arrow_schema::DataType::Timestamp(arrow_schema::TimeUnit::Millisecond, zone)
}
