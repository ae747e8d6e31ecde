//! The name under which a step holds the fields it sets.
//!
//! This file decides that name and which other names are ours. It must not know objects.

use runbook_model::digest::Digest;
use runbook_model::path::StepPath;

/// What all our field managers begin with; fields that only such managers hold are taken without asking.
const OURS: &str = "runbook/";

/// The most bytes an API server takes.
const LONGEST: usize = 128;

/// `runbook/<runbook>/<step>`. It is the same in every run, so that a second run sets the same fields under the same
/// name; the whole path stands in it, so that two steps, or two items of a loop, may each hold some fields of one object.
pub(crate) fn name(runbook: &str, step: &StepPath) -> String {
    let whole = format!("{OURS}{runbook}/{step}");
    // An API server refuses names with characters that cannot be printed; paths escape the control characters.
    if whole.len() <= LONGEST {
        return whole;
    }
    let digest = &Digest::of(whole.as_bytes()).hex()[..12];
    let mut end = LONGEST - digest.len() - 1;
    while !whole.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}-{digest}", &whole[..end])
}

/// Is it one of ours?
pub(crate) fn is_ours(manager: &str) -> bool {
    manager.starts_with(OURS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_runbook_and_step() {
        let step = StepPath::root("join").item("a").child("labels");
        assert_eq!(name("member", &step), "runbook/member/join[a]/labels");
        assert!(is_ours(&name("member", &step)) && !is_ours("kubectl"));
    }

    #[test]
    fn long_names_are_cut_and_stay_different() {
        let step = |key: &str| StepPath::root("apply").item(&format!("{}{key}", "ü".repeat(80)));
        let (one, two) = (name("long", &step("1")), name("long", &step("2")));
        assert!(one.len() <= LONGEST && two.len() <= LONGEST);
        assert_ne!(one, two);
        assert_eq!(one, name("long", &step("1")));
    }
}
