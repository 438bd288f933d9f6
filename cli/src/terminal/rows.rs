use tcss_export::text::printable;

/// Lines up labelled values, without control characters.
pub(crate) fn rows(indent: &str, rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(label, _)| label.len()).max().unwrap_or_default();
    let line =
        |(label, value): &(&str, String)| format!("{indent}{label:width$}  {}\n", printable(value));
    rows.iter().map(line).collect()
}
