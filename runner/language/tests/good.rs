//! Every good runbook of `fixtures/runbooks/good` is free of errors, and becomes the plan of its snapshot.

#![expect(clippy::disallowed_methods, reason = "tests read fixtures")]

mod support;

use std::path::Path;

use indexmap::IndexMap;
use runbook_language::{Held, Offers, Origin, check, plan, render};
use runbook_model::plan::Plan;

fn good(path: &Path) -> datatest_stable::Result<()> {
    let folder = path.parent().ok_or("has a folder")?.to_owned();
    let name = path.file_name().and_then(|name| name.to_str()).ok_or("has a name")?;
    let kinds = runbook_steps::kinds();
    let checked = check(&support::Disk { folder }, name, &kinds);
    let told = render::text(&checked.diagnostics, &checked.sources, render::Style::default());
    assert_eq!(told, "", "nothing is wrong with it");

    let mut offers = Offers::new();
    for (name, declaration) in checked.inputs() {
        if declaration.is_required() {
            offers.text(name, "given", Origin::CommandLine);
        }
    }
    let fitted = offers.fit(&checked.inputs());
    assert_eq!(fitted.diagnostics, []);
    let planned = plan(&checked, &fitted.values).map_err(|refused| format!("{refused:?}"))?;

    // What a journal keeps makes the same plan: from the plan itself, and from the bytes of the package.
    let frozen = serde_json::to_string_pretty(&planned)?;
    let thawed: Plan = serde_json::from_str(&frozen)?;
    assert_eq!(thawed.digest(), planned.digest());
    let again = check(&Held(checked.package.clone()), name, &kinds);
    let again = plan(&again, &fitted.values).map_err(|refused| format!("{refused:?}"))?;
    assert_eq!(serde_json::to_string_pretty(&again)?, frozen);
    let package: IndexMap<&String, usize> = checked.package.iter().map(|(path, text)| (path, text.len())).collect();

    insta::with_settings!({snapshot_path => "plans", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!(name.trim_end_matches(".yaml"), format!("{package:?}\n{frozen}"));
    });
    Ok(())
}

datatest_stable::harness! {
    { test = good, root = "../../fixtures/runbooks/good", pattern = r"^[a-z-]+\.yaml$" },
}
