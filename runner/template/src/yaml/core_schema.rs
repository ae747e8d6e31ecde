//! Which plain scalars are null, booleans or numbers.
//!
//! This file decides by YAML 1.2's core schema, with three departures that keep what was typed: digits behind a leading
//! zero (`0644`, account ids), whole numbers beyond 64 bits, infinities and not-a-number stay text. It must not know
//! where a scalar stands.

use runbook_model::value::Value;
use serde_json::Number;

/// The value of a plain scalar; `None` if it is text.
#[must_use]
pub fn resolved(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Value::Null),
        "true" | "True" | "TRUE" => return Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Value::Bool(false)),
        _ => {}
    }
    let first = *text.as_bytes().first()?;
    if !(first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.')) {
        return None;
    }
    number(text).map(Value::Number)
}

fn number(text: &str) -> Option<Number> {
    if let Some(digits) = text.strip_prefix("0x") {
        return based(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return based(digits, 8);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let whole = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    if whole > 1 && unsigned.starts_with('0') {
        return None;
    }
    if whole == unsigned.len() && whole > 0 {
        let text = text.strip_prefix('+').unwrap_or(text);
        return text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from)).ok();
    }
    if is_decimal(unsigned, whole) { Number::from_f64(text.parse().ok()?) } else { None }
}

fn based(digits: &str, radix: u32) -> Option<Number> {
    let valid = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    valid.then(|| u64::from_str_radix(digits, radix).ok()).flatten().map(Number::from)
}

/// `[0-9]*(\.[0-9]*)?([eE][-+]?[0-9]+)?` with at least one digit before the exponent.
fn is_decimal(unsigned: &str, whole: usize) -> bool {
    let mut rest = &unsigned[whole..];
    let mut digits = whole;
    if let Some(behind) = rest.strip_prefix('.') {
        let fraction = behind.bytes().take_while(u8::is_ascii_digit).count();
        digits += fraction;
        rest = &behind[fraction..];
    }
    if digits == 0 {
        return false;
    }
    match rest.strip_prefix(['e', 'E']) {
        None => rest.is_empty(),
        Some(exponent) => {
            let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            !exponent.is_empty() && exponent.bytes().all(|b| b.is_ascii_digit())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_typed_is_kept() {
        for (text, value) in [
            ("1", json!(1)),
            ("-17", json!(-17)),
            ("+4", json!(4)),
            ("0", json!(0)),
            ("1.30", json!(1.3)),
            (".5", json!(0.5)),
            ("1e3", json!(1000.0)),
            ("0x1F", json!(31)),
            ("0o14", json!(12)),
            ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
            ("true", json!(true)),
            ("~", json!(null)),
            ("", json!(null)),
        ] {
            assert_eq!(resolved(text), Some(Value::from(value)), "{text}");
        }
        for text in [
            "012345678901",
            "0644",
            "00",
            "-01",
            "no",
            "yes",
            "on",
            "off",
            "y",
            "1_000",
            "1:30",
            "0x",
            "0xZZ",
            ".",
            "-",
            "+",
            "e3",
            "1e",
            "1e+",
            ".inf",
            "-.INF",
            ".nan",
            "1.2.3",
            "99999999999999999999",
            "nan",
            "inf",
            "1e999",
            "tRUE",
        ] {
            assert_eq!(resolved(text), None, "{text}");
        }
    }
}
