//! Where the application's files are found.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::asset::{ASSET_BYTES_MAX, Asset, content_type, is_plain, unpack};
use crate::page::Page;

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The page that everything begins with.
const INDEX: &str = "index.html";

/// The application's files. A file `x.gz` is the file `x`, compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Application {
    /// Those that the binary carries; none, where it was built without them.
    Embedded,
    /// Those of a folder, read anew each time, for whoever works on them.
    Folder(PathBuf),
}

impl Application {
    /// That of a folder, or without one that of the binary.
    pub fn new(folder: Option<&Path>) -> Self {
        folder.map_or(Self::Embedded, |folder| Self::Folder(folder.to_owned()))
    }

    /// The file of that name below `assets/`; `None` where there is none. Whoever does not take
    /// gzip gets it unpacked. It may read a file, so it may block.
    ///
    /// # Errors
    /// The file is there and cannot be read, or is larger than [`ASSET_BYTES_MAX`].
    pub fn asset(&self, name: &str, takes_gzip: bool) -> io::Result<Option<Asset>> {
        if !is_plain(name) {
            return Ok(None);
        }
        self.file(&format!("assets/{name}"), takes_gzip)
    }

    /// The first page, filled in; `None` where there is no application. It may read a file, so
    /// it may block.
    ///
    /// # Errors
    /// The file is there and cannot be read, or is not text.
    pub fn page(&self, page: &Page) -> io::Result<Option<String>> {
        let Some(asset) = self.file(INDEX, false)? else {
            return Ok(None);
        };
        let template = std::str::from_utf8(&asset.content)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        Ok(Some(page.fill(template)))
    }

    fn file(&self, name: &str, takes_gzip: bool) -> io::Result<Option<Asset>> {
        let content_type = content_type(name);
        if let Some(packed) = self.read(&format!("{name}.gz"))? {
            let content = if takes_gzip {
                packed
            } else {
                Cow::Owned(unpack(&packed)?)
            };
            return Ok(Some(Asset {
                content,
                is_gzip: takes_gzip,
                content_type,
            }));
        }
        let content = self.read(name)?;
        Ok(content.map(|content| Asset {
            content,
            is_gzip: false,
            content_type,
        }))
    }

    fn read(&self, name: &str) -> io::Result<Option<Cow<'static, [u8]>>> {
        match self {
            Self::Embedded => Ok(FILES
                .binary_search_by(|(found, _)| (*found).cmp(name))
                .ok()
                .and_then(|place| FILES.get(place))
                .map(|(_, content)| Cow::Borrowed(*content))),
            Self::Folder(folder) => Ok(read_file(&folder.join(name))?.map(Cow::Owned)),
        }
    }
}

/// A whole file within the bound; `None` where there is none.
fn read_file(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut content = Vec::new();
    file.take(ASSET_BYTES_MAX + 1).read_to_end(&mut content)?;
    if content.len() as u64 > ASSET_BYTES_MAX {
        return Err(too_large());
    }
    Ok(Some(content))
}

pub(crate) fn too_large() -> io::Error {
    io::Error::other(format!("it is larger than {ASSET_BYTES_MAX} bytes"))
}
