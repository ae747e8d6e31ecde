//! Percent-encoding of URLs and forms, and back.
//!
//! This file decides which bytes stay as they are. It must not know what is encoded.

/// The text with all but letters, digits, `-_.~` and the bytes of `keep` as `%XX`.
#[must_use]
pub(crate) fn encode(text: &str, keep: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || keep.as_bytes().contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for digit in [byte >> 4, byte & 15] {
                encoded.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
    encoded
}

/// The text with every `%XX` undone; `None` if that is not UTF-8 or a `%` stands alone.
#[must_use]
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_comes_back() {
        let text = "a b/ü?&=+~%";
        assert_eq!(encode(text, ""), "a%20b%2F%C3%BC%3F%26%3D%2B~%25");
        assert_eq!(encode(text, "/"), "a%20b/%C3%BC%3F%26%3D%2B~%25");
        assert_eq!(decode(&encode(text, "")).as_deref(), Some(text));
        assert_eq!(decode("%7"), None);
        assert_eq!(decode("%zz"), None);
        assert_eq!(decode("%ff"), None);
    }
}
