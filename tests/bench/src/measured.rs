//! A number that was measured, what it should be, and what it must not exceed.
//!
//! This file decides how rounds become one number, and how numbers are shown and judged. It must not know what they are of.

use std::fmt::Write as _;

/// Rounds of every measurement; the median of so many bears two that somebody else on the machine disturbed.
pub(crate) const ROUNDS: usize = 5;

/// A number, smaller is better.
#[derive(Debug)]
pub(crate) struct Measured {
    /// What was measured.
    pub(crate) what: String,
    /// Behind the number.
    pub(crate) unit: &'static str,
    /// What it is.
    pub(crate) reached: f64,
    /// What it should be at most.
    pub(crate) aim: Option<f64>,
    /// Above this the command fails.
    pub(crate) limit: Option<f64>,
    /// What it was made of.
    pub(crate) detail: String,
}

impl Measured {
    /// A sentence, if it is worse than it may be.
    pub(crate) fn beyond(&self) -> Option<String> {
        let limit = self.limit.filter(|limit| self.reached > *limit)?;
        let (reached, limit) = (self.number(self.reached), self.number(limit));
        Some(format!("{}: {reached}, and at most {limit} is allowed ({})", self.what, self.detail))
    }

    /// Two significant digits are more than such measurements repeat.
    fn number(&self, number: f64) -> String {
        let decimals = if number >= 10.0 {
            0
        } else if number >= 1.0 {
            1
        } else {
            2
        };
        format!("{number:.decimals$} {}", self.unit).replace(" ×", "×")
    }
}

/// The numbers in Markdown.
pub(crate) fn table(all: &[Measured]) -> String {
    let mut table = String::from(
        "| What | Aim, at most | Fails above | Reached | Medians of five rounds |\n| --- | --- | --- | --- | --- |",
    );
    for it in all {
        let wanted = |number: Option<f64>| number.map_or(String::new(), |number| it.number(number));
        let (aim, limit, reached) = (wanted(it.aim), wanted(it.limit), it.number(it.reached));
        let _infallible = write!(table, "\n| {} | {aim} | {limit} | {reached} | {} |", it.what, it.detail);
    }
    table
}

/// The one in the middle.
pub(crate) fn median(rounds: &[f64]) -> f64 {
    let mut sorted = rounds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(reached: f64) -> Measured {
        let (aim, limit) = (Some(1.3), Some(2.0));
        Measured { what: "steps".into(), unit: "×", reached, aim, limit, detail: "20 ms, 10 ms".into() }
    }

    #[test]
    fn what_is_beyond_its_limit_is_told() {
        assert_eq!(ratio(2.0).beyond(), None);
        let told = ratio(2.1).beyond().unwrap();
        assert_eq!(told, "steps: 2.1×, and at most 2.0× is allowed (20 ms, 10 ms)");
        assert_eq!(Measured { limit: None, ..ratio(9.0) }.beyond(), None);
    }

    #[test]
    fn a_table_shows_as_many_digits_as_mean_something() {
        let long = Measured { unit: "ms", reached: 71.34, aim: None, limit: None, ..ratio(0.0) };
        let table = table(&[ratio(0.666), long]);
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(rows, ["| steps | 1.3× | 2.0× | 0.67× | 20 ms, 10 ms |", "| steps |  |  | 71 ms | 20 ms, 10 ms |"]);
    }

    #[test]
    fn two_bad_rounds_change_nothing() {
        assert!((median(&[3.0, 900.0, 1.0, 2.0, 800.0]) - 3.0).abs() < f64::EPSILON);
    }
}
