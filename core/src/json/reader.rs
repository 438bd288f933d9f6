use alloc::vec::Vec;

use super::{Json, Member, add_member};

/// Reads JSON and checks its syntax.
///
/// A method returns `None` if the next byte is not valid JSON, or if the text ends too early.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    /// The brackets that close the open arrays and objects, while `nested` skips them. Recursion
    /// could overflow the stack.
    ends: Vec<u8>,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, ends: Vec::new() }
    }

    /// Returns the offset of the next byte.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// Reads an object. `member` is called after each name and must read its value.
    pub(crate) fn members(
        &mut self,
        mut member: impl FnMut(&mut Self, Json<'a>) -> Option<()>,
    ) -> Option<()> {
        let mut is_open = self.begin(b'{')?;
        while is_open {
            let name = self.name()?;
            member(self, name)?;
            is_open = self.more(b'}')?;
        }
        Some(())
    }

    /// Reads an object, and returns the values of these names.
    pub(crate) fn values_of<const N: usize>(
        &mut self,
        names: [&str; N],
    ) -> Option<[Member<Json<'a>>; N]> {
        let mut values = [Member::Absent; N];
        self.members(|reader, name| {
            add_member(&mut values, names, name, reader.value()?);
            Some(())
        })?;
        Some(values)
    }

    /// Reads the start of an array or an object. Returns false if it is empty.
    pub(crate) fn begin(&mut self, first: u8) -> Option<bool> {
        self.skip_if(first)?;
        Some(self.skip_if(end_of(first)).is_none())
    }

    /// Reads a comma or the end of an array or an object. Returns whether it was a comma.
    pub(crate) fn more(&mut self, end: u8) -> Option<bool> {
        let more = self.skip_if(b',').is_some();
        if !more {
            self.skip_if(end)?;
        }
        Some(more)
    }

    /// Reads a name and its colon.
    #[inline]
    fn name(&mut self) -> Option<Json<'a>> {
        self.peek().filter(|first| *first == b'"')?;
        let name = self.string()?;
        self.skip_if(b':')?;
        Some(name)
    }

    /// Checks that nothing but blanks follows.
    pub(crate) fn end(&mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    /// Reads a value of any depth.
    #[inline]
    pub(crate) fn value(&mut self) -> Option<Json<'a>> {
        let first = self.peek()?;
        if first == b'"' {
            return self.string();
        }
        let start = self.at;
        match first {
            b'{' | b'[' => self.nested()?,
            _ => self.scalar()?,
        }
        self.text.get(start..self.at).map(Json::Other)
    }

    /// Returns the text that was read since this offset, without blanks at its start.
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        self.text.get(start..self.at).unwrap_or_default().trim_ascii_start()
    }

    /// Skips an array or an object of any depth.
    fn nested(&mut self) -> Option<()> {
        loop {
            if self.ends.last() == Some(&b'}') {
                self.name()?;
            }
            match self.peek()? {
                b'"' => drop(self.string()?),
                first @ (b'{' | b'[') => {
                    if self.begin(first)? {
                        self.ends.push(end_of(first));
                        continue;
                    }
                }
                _ => self.scalar()?,
            }
            loop {
                let Some(end) = self.ends.last() else { return Some(()) };
                if self.more(*end)? {
                    break;
                }
                self.ends.pop();
            }
        }
    }

    fn string(&mut self) -> Option<Json<'a>> {
        let start = self.at;
        self.at += 1;
        let rest = self.text.get(self.at..)?;
        let plain = rest.get(..plain_length(rest))?;
        self.at += plain.len();
        if self.any_of(b"\"").is_some() {
            return Some(Json::Plain(plain));
        }
        self.end_of_string()?;
        self.text.get(start..self.at).map(Json::Other)
    }

    fn end_of_string(&mut self) -> Option<()> {
        loop {
            match self.byte()? {
                b'"' => break,
                b'\\' => {
                    self.at += 1;
                    self.escape()?;
                }
                ..0x20 => return None,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(())
    }

    /// Reads what must follow a backslash.
    pub(crate) fn escape(&mut self) -> Option<()> {
        if self.byte()? != b'u' {
            return self.any_of(b"\"\\/bfnrt");
        }
        self.at += 1;
        (0..4).try_for_each(|_| self.any_of(b"0123456789abcdefABCDEF"))
    }

    fn scalar(&mut self) -> Option<()> {
        match self.byte()? {
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        word.bytes().try_for_each(|byte| self.any_of(&[byte]))
    }

    fn number(&mut self) -> Option<()> {
        let _ = self.any_of(b"-");
        if self.any_of(b"0").is_none() {
            self.digits()?;
        }
        if self.any_of(b".").is_some() {
            self.digits()?;
        }
        if self.any_of(b"eE").is_some() {
            let _ = self.any_of(b"+-");
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.byte().is_some_and(|next| next.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    /// Skips the next byte, which must be one of these.
    #[inline]
    fn any_of(&mut self, bytes: &[u8]) -> Option<()> {
        let next = self.byte()?;
        // `contains` would call a search that is made for long slices.
        bytes.iter().find(|byte| **byte == next)?;
        self.at += 1;
        Some(())
    }

    /// Skips blanks and this byte.
    fn skip_if(&mut self, byte: u8) -> Option<()> {
        self.peek().filter(|next| *next == byte)?;
        self.at += 1;
        Some(())
    }

    /// Skips blanks, and returns the next byte.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = self.byte()?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }
}

const fn end_of(first: u8) -> u8 {
    if first == b'{' { b'}' } else { b']' }
}

/// Returns how many bytes are ASCII and neither quotes, backslashes nor control characters.
fn plain_length(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let Some((word, after)) = rest.split_first_chunk() {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return bytes.len() - rest.len() + special.trailing_zeros() as usize / 8;
        }
        rest = after;
    }
    let is_plain = |byte: &&u8| matches!(byte, b' '..=0x7f) && !b"\"\\".contains(byte);
    bytes.len() - rest.len() + rest.iter().take_while(is_plain).count()
}

/// Sets the high bit of the first byte that is not plain, and of none before it. The high bits of
/// the bytes after it mean nothing.
const fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let quotes = word ^ (ONES * b'"' as u64);
    let backslashes = word ^ (ONES * b'\\' as u64);
    // A byte that is less than the subtracted one gets a high bit, and borrows from those after it.
    let less = quotes.wrapping_sub(ONES)
        | backslashes.wrapping_sub(ONES)
        | word.wrapping_sub(ONES * b' ' as u64);
    (word | less) & (ONES << 7)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;

    /// Returns the offset of what is no JSON.
    fn check(text: &[u8]) -> Result<(), usize> {
        let mut reader = Reader::new(text);
        reader.value().and_then(|_| reader.end()).ok_or_else(|| reader.at())
    }

    fn is_json(text: &str) -> bool {
        serde_json::from_str::<IgnoredAny>(text).is_ok()
    }

    /// Values of JSON, with blanks and escapes.
    #[expect(clippy::disallowed_types, reason = "the macro shares strategies in this way")]
    fn json() -> impl Strategy<Value = String> {
        let scalar = prop_oneof![
            "null|true|false",
            "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?([eE][-+]?[0-9]{1,2})?",
            "\"([ -!#-\\[\\]-~\u{7f}\u{5bfc}\u{1f600}]|\\\\([\"\\\\/bfnrt]|u[0-9a-fA-F]{4})){0,20}\"",
        ];
        let name = "\"[a-z]{0,9}\"";
        scalar.prop_recursive(6, 64, 5, move |inner| {
            let member = (name, "[ \n\r\t]{0,2}", inner.clone())
                .prop_map(|(name, blanks, value)| [name, ":".into(), blanks, value].concat());
            prop_oneof![
                prop::collection::vec(inner, 0..5).prop_map(|v| ["[", &v.join(" ,"), "]"].concat()),
                prop::collection::vec(member, 0..5)
                    .prop_map(|v| ["{", &v.join(", "), "}"].concat()),
            ]
        })
    }

    proptest! {
        #[test]
        fn json_is_read_to_its_end(text in json()) {
            prop_assert!(is_json(&text));
            prop_assert_eq!(check(text.as_bytes()), Ok(()));
        }

        #[test]
        fn cut_json_ends_too_early(text in json(), at in any::<prop::sample::Index>()) {
            prop_assume!(text.starts_with(['{', '[', '"']));
            let cut = &text.as_bytes()[..at.index(text.len())];
            prop_assert_eq!(check(cut), Err(cut.len()));
        }

        #[test]
        fn the_same_texts_are_json_as_for_serde_json(
            text in json(),
            at in any::<prop::sample::Index>(),
            other in "[\\[\\]{}\",:\\\\0-9a-fnrtu.eE+ \u{1}\u{5bfc}-]{0,2}",
            removed in 0..3_usize,
        ) {
            let mut chars: Vec<char> = text.chars().collect();
            let at = at.index(chars.len());
            chars.splice(at..(at + removed).min(text.chars().count()), other.chars());
            let text: String = chars.into_iter().collect();
            prop_assert_eq!(check(text.as_bytes()).is_ok(), is_json(&text), "{}", text);
        }
    }

    #[test]
    fn plain_text_ends_at_the_first_special_byte() {
        for byte in 0..=u8::MAX {
            let is_plain = byte.is_ascii() && byte >= b' ' && byte != b'"' && byte != b'\\';
            for at in 0..20 {
                let mut text = [b'a'; 20];
                text[at] = byte;
                let expected = if is_plain { 20 } else { at };
                assert_eq!(plain_length(&text), expected, "{byte:#x} at {at}");
            }
        }
    }

    #[test]
    fn brackets_match_at_every_depth() {
        let pairs = [("[", "]"), ("{\"a\":", "}")];
        let levels: Vec<_> = (0..300_usize).map(|n| pairs[n * n % 7 % 2]).collect();
        let begin: String = levels.iter().map(|(begin, _)| *begin).collect();
        let ends: Vec<u8> = levels.iter().rev().map(|(_, end)| end.as_bytes()[0]).collect();
        let text = [begin.as_bytes(), b"0", &ends].concat();
        assert_eq!(check(&text), Ok(()));
        for n in 0..ends.len() {
            let mut text = text.clone();
            let at = begin.len() + 1 + n;
            text[at] = if text[at] == b']' { b'}' } else { b']' };
            assert_eq!(check(&text), Err(at));
        }
    }
}
