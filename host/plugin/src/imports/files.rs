//! `narthex:plugin/files`.

use std::io;
use std::path::{Path, PathBuf};

use tokio::fs;
use tokio::io::AsyncReadExt;
use wasmtime::Result;

use crate::bindings::narthex::plugin::files;
use crate::bindings::narthex::plugin::types::Error;
use crate::host::Host;
use crate::limits::FILE_BYTES_MAX;

impl files::Host for Host {
    async fn read(&mut self, path: String) -> Result<Result<Vec<u8>, Error>> {
        Ok(self.read_file(Path::new(&path)).await)
    }
}

impl Host {
    async fn read_file(&mut self, path: &Path) -> Result<Vec<u8>, Error> {
        let unavailable = |error: io::Error| {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            Error::Unavailable(format!("{}: {}", path.display(), text.to_lowercase()))
        };
        let capabilities = self.capabilities.clone();
        let roots = capabilities.file_roots();
        let lexical = capabilities.lexical_file(path);
        // Symbolic links are followed first, and it counts where they lead: `/proc/net` is one.
        let real = match (fs::canonicalize(path).await, lexical) {
            (Ok(real), _) if is_below(roots, &real).await => real,
            // What lies outside is denied whether it exists or not.
            (_, Err(denied)) => return Err(self.refuse(denied)),
            (Ok(real), Ok(())) => {
                let what = format!("{} (which leads to {})", path.display(), real.display());
                return Err(self.refuse(capabilities.denied("files", &what, false)));
            }
            (Err(error), Ok(())) => return Err(unavailable(error)),
        };
        // A pipe or a device could block for ever or have no end.
        let metadata = fs::metadata(&real).await.map_err(unavailable)?;
        if !metadata.is_file() {
            let text = format!("{}: not a regular file", path.display());
            return Err(Error::Unavailable(text));
        }
        let file = fs::File::open(&real).await.map_err(unavailable)?;
        let mut bytes = Vec::new();
        let mut bounded = file.take(FILE_BYTES_MAX + 1);
        bounded.read_to_end(&mut bytes).await.map_err(unavailable)?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            let text = format!("{}: larger than {FILE_BYTES_MAX} bytes", path.display());
            return Err(Error::Unavailable(text));
        }
        Ok(bytes)
    }
}

async fn is_below(roots: &[PathBuf], real: &Path) -> bool {
    for root in roots {
        // A root that does not exist grants nothing.
        if let Ok(root) = fs::canonicalize(root).await
            && real.starts_with(root)
        {
            return true;
        }
    }
    false
}
