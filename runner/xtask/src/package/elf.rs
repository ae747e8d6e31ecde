//! Whether a program is static, as its ELF header says.
//!
//! This file decides how that is read, for 64 bits and little-endian. It must not know where programs lie.

/// The type of the program header that names the dynamic linker.
const INTERPRETER: u32 = 3;

/// Does it ask for a dynamic linker? `None` if it is no ELF file of 64 bits, or cut off.
pub(super) fn interpreter(bytes: &[u8]) -> Option<bool> {
    if !bytes.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let number = |at: usize, length: usize| -> Option<usize> {
        let bytes = bytes.get(at..at.checked_add(length)?)?;
        let value = bytes.iter().rev().fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
        usize::try_from(value).ok()
    };
    let (table, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    let mut found = false;
    for header in 0..count {
        found |= number(table.checked_add(header * size)?, 4)? == INTERPRETER as usize;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_very_test_is_not_static_and_text_is_no_program() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(interpreter(&own), Some(cfg!(not(target_env = "musl"))));
        assert_eq!(interpreter(b"#!/bin/sh\n"), None);
        assert_eq!(interpreter(&own[..70]), None);
    }
}
