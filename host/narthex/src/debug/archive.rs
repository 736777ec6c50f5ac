//! Files in one file: tar's format of POSIX (ustar), packed with gzip.

use std::io::{self, Write as _};

use anyhow::{Context as _, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;

/// Headers and contents fill blocks of so many bytes.
const BLOCK_BYTES: usize = 512;

/// A name may have so many bytes, one behind them being empty.
const NAME_BYTES_MAX: usize = 99;

/// Where in a header its checksum stands.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// An archive that grows in memory.
#[derive(Debug, Default)]
pub(super) struct Archive(Vec<u8>);

impl Archive {
    /// Whether nothing was added.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a file.
    ///
    /// # Errors
    /// Its name is too long, or it has more than 8 GiB.
    pub(super) fn add(&mut self, name: &str, content: &[u8]) -> anyhow::Result<()> {
        ensure!(name.len() <= NAME_BYTES_MAX, "{name}: the name is too long");
        let size = format!("{:011o}\0", content.len());
        ensure!(size.len() == 12, "{name}: the file is too large");
        let mut header = [0_u8; BLOCK_BYTES];
        for (at, field) in [
            (0, name),
            // Who may read and write, whose it is, and when it was changed: at no time.
            (100, "0000666\0"),
            (108, "0000000\0"),
            (116, "0000000\0"),
            (124, size.as_str()),
            (136, "00000000000\0"),
            // The checksum counts as blanks while it is made.
            (CHECKSUM.start, "        "),
            (156, "0"),
            (257, "ustar\x0000"),
        ] {
            let place = header.get_mut(at..at + field.len());
            place
                .context("a field behind the header")?
                .copy_from_slice(field.as_bytes());
        }
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend(header);
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(BLOCK_BYTES), 0);
        Ok(())
    }

    /// The whole of it: two empty blocks are its end.
    ///
    /// # Errors
    /// None that memory has.
    pub(super) fn packed(mut self) -> io::Result<Vec<u8>> {
        self.0.extend([0_u8; 2 * BLOCK_BYTES]);
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(&self.0)?;
        packed.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tar_reads_what_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = Archive::default();
        assert!(archive.is_empty());
        archive.add("a.txt", b"one").unwrap();
        archive.add("b.pb", &[7; 1000]).unwrap();
        assert!(archive.add(&"n".repeat(100), b"").is_err());
        let file = folder.path().join("a.tar.gz");
        std::fs::write(&file, archive.packed().unwrap()).unwrap();
        let listed = std::process::Command::new("tar")
            .arg("xzvf")
            .arg(&file)
            .arg("-C")
            .arg(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&listed.stderr);
        assert!(listed.status.success(), "{said}");
        assert_eq!(String::from_utf8_lossy(&listed.stdout), "a.txt\nb.pb\n");
        let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
        assert_eq!(read("a.txt"), b"one");
        assert_eq!(read("b.pb"), [7; 1000]);
    }
}
