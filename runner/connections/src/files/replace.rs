//! Replacing a file whole.
//!
//! This file decides how: a new file beside the old one, flushed, then renamed over it, and the folder flushed. Extended
//! attributes are not carried over. It must not know when a file is replaced.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{Error, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use runbook_model::failure::Failure;
use runbook_model::id::RunId;

use super::{Between, beside, failure};

/// The permissions of a new file that nobody says any for.
const MODE: u32 = 0o600;

/// Puts new bytes under a path. Links are followed; folders above are made. The new file belongs to whom `model`
/// belongs, if that is there.
///
/// # Errors
/// What the system says.
pub(super) fn replace(
    path: &Path,
    content: &[u8],
    mode: Option<u32>,
    model: &Path,
    run: &RunId,
    between: Between<'_>,
) -> Result<(), Failure> {
    let refused = |error: Error| failure("write", path, &error);
    let target = followed(path);
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(refused)?;
    let draft = beside(&target, &format!("{run}.tmp"));
    between()?;
    draft_of(&draft, content, mode, model).map_err(refused)?;
    between()?;
    fs::rename(&draft, &target).map_err(refused)?;
    between()?;
    // Without this a crash of the machine could bring the old file back.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(refused)
}

fn draft_of(draft: &Path, content: &[u8], mode: Option<u32>, model: &Path) -> Result<(), Error> {
    // Nobody else may look into it while it is written.
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(draft)?;
    file.set_permissions(Permissions::from_mode(MODE))?;
    file.write_all(content)?;
    if let (Ok(model), own) = (fs::metadata(model), file.metadata()?)
        && (model.uid(), model.gid()) != (own.uid(), own.gid())
    {
        fchown(&file, Some(model.uid()), Some(model.gid()))?;
    }
    file.set_permissions(Permissions::from_mode(mode.unwrap_or(MODE)))?;
    file.sync_all()
}

/// Where a path leads: through links, also one that leads to a file not yet there.
fn followed(path: &Path) -> PathBuf {
    if let Ok(found) = fs::canonicalize(path) {
        return found;
    }
    match fs::read_link(path) {
        Ok(to) => path.parent().unwrap_or(Path::new("")).join(to),
        Err(_) => path.to_owned(),
    }
}
