//! The codes of complaints: one table, so that none is given twice and each has its page in `docs/diagnostics`.
//!
//! This file decides which codes exist and what each is called. It must not know when a complaint is raised: that is
//! the business of the crate that raises it. A code is never reused for something else.
//!
//! | codes | about |
//! | --- | --- |
//! | `RB01xx` | text and YAML |
//! | `RB02xx` | structure |
//! | `RB03xx` | names and references |
//! | `RB04xx` | expressions and templates |
//! | `RB05xx` | inputs |
//! | `RB0600`–`RB0639` | AWS calls |
//! | `RB0640`–`RB0699` | arguments of the other kinds |
//! | `RB07xx` | connections |
//! | `RB08xx` | packages and limits |
//! | `RB09xx` | refusals at run time |

/// Every code with its title, in order.
pub const ALL: &[(&str, &str)] = &[
    (AWS_SERVICE, "an AWS service that nobody knows"),
    (AWS_OPERATION, "an operation that the AWS service does not have"),
    (AWS_WAITER, "a waiter that the AWS service does not have"),
    (KIND_KEY, "a key that the step kind does not have"),
    (KIND_MISSING, "an argument that the step kind needs"),
    (KIND_VALUE, "an argument of the wrong type or with a value it cannot have"),
    (KIND_TOGETHER, "arguments that do not go together"),
    (KIND_PLACE, "a step kind in a place where it cannot stand"),
    (KIND_LATER, "something that this version does not carry out yet"),
    (MANIFEST, "an object that Kubernetes could not take"),
];

/// An AWS service that nobody knows.
pub const AWS_SERVICE: &str = "RB0600";
/// An operation that the AWS service does not have.
pub const AWS_OPERATION: &str = "RB0601";
/// A waiter that the AWS service does not have.
pub const AWS_WAITER: &str = "RB0602";
/// A key that the step kind does not have.
pub const KIND_KEY: &str = "RB0640";
/// An argument that the step kind needs.
pub const KIND_MISSING: &str = "RB0641";
/// An argument of the wrong type or with a value it cannot have.
pub const KIND_VALUE: &str = "RB0642";
/// Arguments that do not go together.
pub const KIND_TOGETHER: &str = "RB0643";
/// A step kind in a place where it cannot stand.
pub const KIND_PLACE: &str = "RB0644";
/// Something that this version does not carry out yet.
pub const KIND_LATER: &str = "RB0645";
/// An object that Kubernetes could not take.
pub const MANIFEST: &str = "RB0646";

/// The title of a code.
#[must_use]
pub fn title(code: &str) -> Option<&'static str> {
    ALL.iter().find(|(known, _)| *known == code).map(|(_, title)| *title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_in_order_and_none_is_given_twice() {
        assert!(ALL.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(ALL.iter().all(|(code, _)| code.len() == 6 && code.starts_with("RB")));
        assert_eq!(title(KIND_KEY), Some("a key that the step kind does not have"));
    }
}
