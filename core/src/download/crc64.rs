use core::fmt;

use crc64fast::Digest;

/// CRC-64/XZ, the checksum that the object store names of its objects.
///
/// Source: [CRC-64 check](https://www.tencentcloud.com/document/product/436/43317).
#[derive(Clone)]
pub(super) struct Crc64(Digest);

impl Crc64 {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    pub(super) fn value(&self) -> u64 {
        self.0.sum64()
    }
}

impl Default for Crc64 {
    fn default() -> Self {
        Self(Digest::new())
    }
}

impl fmt::Debug for Crc64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crc64({})", self.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Expected: the check value of the catalogue of CRC algorithms, as field case D7 gives it.
    #[test]
    fn d7_the_check_value() {
        let mut crc = Crc64::default();
        crc.update(b"1234");
        crc.update(b"");
        crc.update(b"56789");
        assert_eq!(crc.value(), 11_051_210_869_376_104_954);
    }
}
