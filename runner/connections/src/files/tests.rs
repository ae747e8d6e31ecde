//! x
pub(super) fn is_killed(f: &runbook_model::failure::Failure) -> bool {
    f.code.as_deref() == Some("killed")
}
