use indicatif::HumanCount;

/// Words how much is there: `1,000 of 4,000 bytes (25 %)`.
pub(crate) fn amount(bytes: u64, total: Option<u64>) -> String {
    match total {
        Some(total) => {
            let percent = share(bytes, total, 100);
            format!("{} of {} bytes ({percent} %)", HumanCount(bytes), HumanCount(total))
        }
        None => format!("{} bytes", HumanCount(bytes)),
    }
}

/// Returns how many of so many parts of the whole are there.
pub(crate) fn share(bytes: u64, total: u64, parts: u64) -> u128 {
    u128::from(bytes) * u128::from(parts) / u128::from(total.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_has_a_share_if_the_whole_is_known() {
        assert_eq!(amount(1_000, Some(4_001)), "1,000 of 4,001 bytes (24 %)");
        assert_eq!(amount(0, Some(0)), "0 of 0 bytes (0 %)");
        assert_eq!(amount(12_345, None), "12,345 bytes");
        assert_eq!(amount(u64::MAX, Some(u64::MAX)).rsplit(' ').nth(1), Some("(100"));
    }
}
