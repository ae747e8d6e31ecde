//! The runbooks that kinds stand for: each is as sound as an author's, and uses all the templates it brings.

use indexmap::IndexMap;
use runbook_language::{Held, check, plan, render};
use runbook_model::kind::{Kind, Kinds as _};

#[test]
fn every_runbook_of_a_kind_is_sound() {
    let kinds = runbook_steps::kinds();
    for name in kinds.names() {
        let Some(expansion) = kinds.get(name).and_then(Kind::expansion) else { continue };
        let given = match name {
            "karmada-init" => "endpoint: karmada.example.com",
            "karmada-join" | "karmada-register" | "karmada-unjoin" | "karmada-unregister" => {
                "name: one, karmada: {karmada: {eks: host}}"
            }
            "karmada-deinit" => "delete-data: true",
            other => panic!("say here what `{other}` has to be given"),
        };
        let text = format!(
            "apiVersion: runbook/v1\nname: a\nversion: 0.1.0\nsteps:\n  - {{id: a, connection: {{eks: c}}, {name}: {{{given}}}}}\n"
        );
        let package = Held(IndexMap::from_iter([("a.yaml".to_owned(), text)]));
        let checked = check(&package, "a.yaml", &kinds);
        let told = render::text(&checked.diagnostics, &checked.sources, render::Style::default());
        assert_eq!(told, "", "{name}");
        let plan = plan(&checked, &IndexMap::new()).unwrap_or_else(|_| panic!("`{name}` has no plan"));
        for (path, _) in expansion.templates {
            assert!(plan.templates.contains_key(*path), "`{name}` brings `{path}`, which nothing renders");
        }
    }
}
