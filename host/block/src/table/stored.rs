//! Reads pages without the Parquet reader, where they are as our writer makes them.

use std::ops::Range;

use super::Table;
use crate::Fault;
use crate::column_page::StoredColumn;
use crate::page::Page;

impl Table {
    /// Reads pages of one row group without the Parquet reader; `None` where they are not as our
    /// writer makes them, or where their columns have no pages of just these rows, which is so
    /// where cells are so large that pages end earlier.
    pub(super) async fn read_stored<P: Page>(
        &self,
        wanted: &[Range<usize>],
    ) -> Result<Option<Vec<P>>, Fault> {
        let (Some(stored), Some(first)) = (P::STORED, wanted.first()) else {
            return Ok(None);
        };
        let footer = self.footer().await?;
        // Where a damaged file says that there are no rows, no row group has the first of them.
        if wanted.iter().any(Range::is_empty) {
            return Ok(None);
        }
        if wanted.last().is_none_or(|last| last.end > footer.rows()) {
            return Ok(None);
        }
        let group = footer.group(first.start);
        self.load(footer, group..group + 1).await?;
        let metadata = &footer.metadata;
        let schema = metadata.file_metadata().schema_descr();
        let start = footer.starts[group];
        let within = (group, footer.starts[group + 1] - start);
        let mut leaves = Vec::with_capacity(stored.columns.len());
        let mut places = Vec::with_capacity(stored.columns.len() * (wanted.len() + 1));
        for (name, content) in stored.columns {
            let is_it = |leaf: &usize| schema.column(*leaf).path().parts() == *name;
            let Some(leaf) = (0..schema.num_columns()).find(is_it) else {
                return Ok(None);
            };
            let column = metadata.row_group(group).column(leaf);
            let dictionary = footer.indexes.dictionary(column, group, leaf);
            leaves.push((leaf, *content, dictionary.is_some()));
            places.extend(dictionary);
            for page in wanted {
                let rows = page.start - start..page.end - start;
                let Some(place) = footer.indexes.page_of_rows(within, leaf, &rows) else {
                    return Ok(None);
                };
                places.push(place);
            }
        }
        let bytes = self.file.read(&places).await?;
        let mut bytes = bytes.iter();
        let (mut columns, mut pages) = (Vec::with_capacity(leaves.len()), Vec::new());
        for (leaf, content, has_dictionary) in leaves {
            let dictionary = if has_dictionary { bytes.next() } else { None };
            pages.push(bytes.as_slice());
            bytes.by_ref().take(wanted.len()).for_each(drop);
            let compression = metadata.row_group(group).column(leaf).compression();
            let column = schema.column(leaf);
            match StoredColumn::new(&column, compression, content, dictionary)? {
                Some(column) => columns.push(column),
                None => return Ok(None),
            }
        }
        let mut read = Vec::with_capacity(wanted.len());
        for (at, rows) in wanted.iter().enumerate() {
            let mut found = Vec::with_capacity(columns.len());
            for (column, pages) in columns.iter().zip(&pages) {
                let page = pages.get(at).ok_or_else(|| Fault::format("no bytes"))?;
                match column.page(page, rows.len())? {
                    Some(page) => found.push(page),
                    None => return Ok(None),
                }
            }
            read.push((stored.decode)(found)?);
        }
        Ok(Some(read))
    }
}
