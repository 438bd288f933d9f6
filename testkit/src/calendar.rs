//! Calendar texts of a unix time, always in UTC.

const DAY: i64 = 86_400;
/// The last second that a four-digit year can name.
const LAST: i64 = 253_402_300_799;
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Returns `YYYY-MM-DD`, the date in a credential scope.
pub(crate) fn scope_date(unix: i64) -> String {
    let (year, month, day) = civil(unix.clamp(0, LAST).div_euclid(DAY));
    format!("{year:04}-{month:02}-{day:02}")
}

/// Returns the value of a `Date` header.
pub(crate) fn http_date(unix: i64) -> String {
    let unix = unix.clamp(0, LAST);
    let (year, month, day) = civil(unix.div_euclid(DAY));
    let second = unix.rem_euclid(DAY);
    format!(
        "{}, {day:02} {} {year:04} {:02}:{:02}:{:02} GMT",
        name(&WEEKDAYS, unix.div_euclid(DAY).rem_euclid(7)),
        name(&MONTHS, month - 1),
        second / 3600,
        second / 60 % 60,
        second % 60,
    )
}

/// Returns `YYYY-MM-DD hh:mm:ss`, as lists of jobs have it.
pub(crate) fn date_time(unix: i64) -> String {
    let unix = unix.clamp(0, LAST);
    let second = unix.rem_euclid(DAY);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{} {hour:02}:{minute:02}:{second:02}", scope_date(unix))
}

fn name(names: &[&'static str], index: i64) -> &'static str {
    usize::try_from(index).ok().and_then(|index| names.get(index)).copied().unwrap_or_default()
}

/// Returns year, month and day of a number of days since 1970-01-01.
///
/// The year is taken to begin in March, so that the leap day is its last day and the months before
/// it have the regular lengths 31, 30, 31, 30, 31.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_second_of_a_leap_day_is_still_that_day() {
        assert_eq!(scope_date(1_709_251_199), "2024-02-29");
    }

    #[test]
    fn the_second_after_a_leap_day_is_the_first_of_march() {
        assert_eq!(scope_date(1_709_251_200), "2024-03-01");
    }

    #[test]
    fn the_epoch_is_a_thursday() {
        assert_eq!(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn an_http_date_names_day_and_time() {
        assert_eq!(http_date(1_700_006_990), "Wed, 15 Nov 2023 00:09:50 GMT");
    }

    #[test]
    fn a_date_time_has_date_and_time() {
        assert_eq!(date_time(1_700_006_990), "2023-11-15 00:09:50");
    }

    #[test]
    fn a_time_out_of_the_calendar_is_held_at_its_end() {
        assert_eq!(http_date(i64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn a_time_before_the_epoch_is_held_at_the_epoch() {
        assert_eq!(scope_date(i64::MIN), "1970-01-01");
    }
}
