//! Samples that others write into files: a folder of texts that end in `.prom`.

use narthex_sdk::text::{self, Filter, Format};
use narthex_sdk::{Batch, Error, files, log};

/// How many files of the folder are read at most; those beyond, in the order of their names, are
/// an error.
const FILES_MAX: usize = 256;

/// Reads every file of the folder and adds its samples. One that cannot be read is left out
/// whole and told of.
pub(crate) fn collect(folder: Option<&str>, batch: &mut Batch) -> Result<(), Error> {
    let result = match folder {
        Some(folder) => read(folder, batch),
        None => Ok(()),
    };
    batch
        .gauge(
            "node_textfile_scrape_error",
            "Whether a file of samples could not be read.",
        )
        .sample(&[], f64::from(u8::from(result.is_err())));
    result
}

fn read(folder: &str, batch: &mut Batch) -> Result<(), Error> {
    let mut names = files::entries(folder)?;
    names.retain(|name| name.ends_with(".prom"));
    let mut first_error = None;
    if names.len() > FILES_MAX {
        names.truncate(FILES_MAX);
        let text = format!("{folder} has more than {FILES_MAX} files that end in .prom");
        first_error = Some(Error::Protocol(text));
    }
    for name in names {
        if let Err(error) = add(&format!("{folder}/{name}"), batch) {
            let text = error.to_string();
            log::warn("file left out", &[("file", &name), ("error", &text)]);
            first_error.get_or_insert(error);
        }
    }
    first_error.map_or(Ok(()), Err)
}

fn add(path: &str, batch: &mut Batch) -> Result<(), Error> {
    let text = files::read(path)?;
    let filter = Filter::default();
    // Once for nothing, so that half of a file is never added.
    text::parse(&text, Format::Classic, &filter, &mut Batch::new())?;
    text::parse(&text, Format::Classic, &filter, batch)?;
    Ok(())
}
