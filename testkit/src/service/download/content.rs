use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::PathBuf;

use bytes::Bytes;
use crc::{CRC_64_XZ, Crc, Table};

use crate::service::pieces::Pieces;

/// Computed with another crate than the client's, so that the two never share a bug.
static CRC: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_XZ);

const BLOCK: usize = 1_000_003;
/// What is read at once for the checksum.
const PIECE: u64 = 256 * 1024;

/// Where a file comes from, before anything is known of it.
#[derive(Clone)]
pub(super) enum Source {
    Content(Content),
    Path(PathBuf),
}

/// The bytes of a file, wherever they are.
#[derive(Clone)]
pub(super) enum Content {
    Bytes(Bytes),
    File(PathBuf, u64),
    /// A block that repeats up to a length.
    Block(Bytes, u64),
}

impl Source {
    /// Looks at the file.
    pub(super) fn content(self) -> io::Result<Content> {
        match self {
            Self::Content(content) => Ok(content),
            Self::Path(path) => {
                let metadata = path.metadata()?;
                if metadata.is_file() {
                    Ok(Content::File(path, metadata.len()))
                } else {
                    Err(io::Error::new(io::ErrorKind::InvalidInput, "expected a regular file"))
                }
            }
        }
    }
}

impl Content {
    pub(super) fn made_up(length: u64) -> Self {
        let mut state = 0_u64;
        let mut byte = || {
            // Knuth's MMIX generator; its high bits are the good ones.
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        Self::Block((0..BLOCK).map(|_| byte()).collect(), length)
    }

    pub(super) const fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(_, length) | Self::Block(_, length) => *length,
        }
    }

    /// Opens it at a place that is not behind its end.
    pub(super) fn open(&self, first: u64) -> io::Result<Pieces> {
        Ok(match self {
            Self::Bytes(bytes) => {
                let first = usize::try_from(first).unwrap_or(usize::MAX);
                Pieces::Bytes(bytes.slice(first.min(bytes.len())..))
            }
            Self::File(path, _) => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(first))?;
                Pieces::File(file)
            }
            Self::Block(block, _) => {
                let at = first % block.len() as u64;
                // The remainder is smaller than the block.
                Pieces::Block(block.clone(), usize::try_from(at).unwrap_or_default())
            }
        })
    }

    pub(super) fn crc64(&self) -> io::Result<u64> {
        let mut digest = CRC.digest();
        let mut pieces = self.open(0)?;
        let mut left = self.length();
        while left > 0 {
            let piece = pieces.next(left.min(PIECE))?;
            digest.update(&piece);
            left -= piece.len() as u64;
        }
        Ok(digest.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The check value of CRC-64/XZ, as the documentation of the storage names it.
    #[test]
    fn d7_the_checksum_is_the_documented_one() {
        let content = Content::Bytes(Bytes::from_static(b"123456789"));
        assert_eq!(content.crc64().expect("bytes"), 11_051_210_869_376_104_954);
    }

    #[test]
    fn a_made_up_file_goes_on_behind_its_block() {
        let content = Content::made_up(3_000_000);
        let mut first = content.open(1_000_000).expect("a block");
        assert_eq!(first.next(10).expect("the end of the block").len(), 3);
        let start = content.open(0).expect("a block").next(10).expect("bytes");
        assert_eq!(first.next(10).expect("the block again"), start);
    }
}
