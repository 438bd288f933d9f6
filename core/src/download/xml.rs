//! As much XML as an error of the object store needs: one level of elements that hold text.

use alloc::string::String;

/// Returns the text of the first element of this name; an empty one is none.
pub(super) fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once("<Error>")?;
    let text = rest.split('<').find_map(|tag| tag.strip_prefix(name)?.strip_prefix('>'))?;
    let text = unescaped(text.trim());
    (!text.is_empty()).then_some(text)
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        match after.split_once(';').and_then(|(name, rest)| Some((character(name)?, rest))) {
            Some((character, after)) => {
                plain.push(character);
                rest = after;
            }
            None => {
                plain.push('&');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn character(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_and_read() {
        let xml = "<?xml version='1.0' encoding='utf-8' ?>\n<Error>\n\t<Code>Access&#68;enied\
            </Code>\n\t<Message>a &lt;b&gt; &amp;amp; &unknown; &#x5bfc; &</Message>\n<Empty/>\
            <Resource></Resource></Error>";
        let read = |name| element(xml, name);
        assert_eq!(read("Code").as_deref(), Some("AccessDenied"));
        assert_eq!(read("Message").as_deref(), Some("a <b> &amp; &unknown; \u{5bfc} &"));
        assert_eq!(read("Resource"), None);
        assert_eq!(read("Co"), None);
        assert_eq!(read("RequestId"), None);
        assert_eq!(element("<html><Code>x</Code></html>", "Code"), None);
        assert_eq!(element("<Error><Code>cut", "Code").as_deref(), Some("cut"));
    }
}
