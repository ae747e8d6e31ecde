//! The outline of a plan: which bodies it has, and which step waits for which.
//!
//! This file decides how a step of a plan is addressed and what its end sets free, once per plan, so that nothing has to be
//! searched while the plan is carried out. It must not know how far a run has come.

use indexmap::IndexMap;
use runbook_model::argument::Argument;
use runbook_model::path::StepPath;
use runbook_model::plan::{Action, Body, Call, Check, OnFailure, Plan, Step, Until};
use runbook_template::syntax::{Expr, ExprKind, parse};

use crate::event::EndPart;

/// A body of the plan: the runbook itself, a nested one, the inside of a group, or the steps of `adjust`, `when-failed` or
/// `finally`. One that stands in a `for-each` is outlined once and opened per item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LayoutId(u32);

/// The outermost body.
pub(crate) const ROOT: LayoutId = LayoutId(0);

/// A plan with its bodies found.
#[derive(Debug)]
pub(crate) struct Outline {
    plan: Plan,
    layouts: Vec<Layout>,
}

/// What is known of a body before it is opened.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// The step this body stands in; `None` for the outermost.
    holder: Option<(LayoutId, u32)>,
    /// The steps, where the plan has them in no body of their own; what is around them is in their sight.
    aside: Option<Aside>,
    /// Where each id stands among the steps.
    pub(crate) index: IndexMap<String, u32>,
    /// Who waits for the end of each step.
    pub(crate) dependents: Vec<Vec<Dependent>>,
    /// The body inside each step that has one, or its `adjust`.
    pub(crate) inner: Vec<Option<LayoutId>>,
    /// What runs at the end of this runbook, in this order.
    pub(crate) ends: Vec<(EndPart, LayoutId)>,
}

/// Steps that stand aside of a runbook's own.
#[derive(Debug)]
struct Aside {
    body: Body,
    /// What stands before their ids in their paths.
    name: &'static str,
}

/// A step that waits for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dependent {
    /// Its place in the same body.
    pub(crate) index: u32,
    /// Does it read the other's outputs? Worked out only where it matters: for steps with `on-failure: continue`.
    pub(crate) mentions: bool,
}

impl Outline {
    pub(crate) fn new(plan: Plan) -> Self {
        let mut layouts = vec![Layout::default()];
        fill(&mut layouts, ROOT, &plan.body);
        Self { plan, layouts }
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) fn layout(&self, id: LayoutId) -> &Layout {
        &self.layouts[id.0 as usize]
    }

    pub(crate) fn body(&self, id: LayoutId) -> &Body {
        let layout = self.layout(id);
        if let Some(aside) = &layout.aside {
            return &aside.body;
        }
        match layout.holder {
            None => &self.plan.body,
            // A layout is made from a body that is there, and a plan never changes.
            Some((layout, index)) => self.step(layout, index).action.body().unwrap_or(&self.plan.body),
        }
    }

    /// The path of a step of a body; `around` is that of the instance the body stands in.
    pub(crate) fn path(&self, layout: LayoutId, around: Option<&StepPath>, id: &str) -> StepPath {
        let below =
            |around: Option<&StepPath>, id: &str| around.map_or_else(|| StepPath::root(id), |path| path.child(id));
        match &self.layout(layout).aside {
            Some(aside) => below(Some(&below(around, aside.name)), id),
            None => below(around, id),
        }
    }

    /// Does the plan have a step of that path, whatever its keys?
    pub(crate) fn knows(&self, path: &StepPath) -> bool {
        let mut layout = Some(ROOT);
        for segment in path.segments() {
            let Some(at) = layout else { return false };
            let aside = |id: LayoutId| self.layout(id).aside.as_ref().is_some_and(|aside| aside.name == segment.id);
            layout = match self.layout(at).index.get(&segment.id) {
                Some(index) => self.layout(at).inner[*index as usize],
                // The name of steps that stand aside is a part of their paths.
                None if aside(at) => Some(at),
                None => match self.layout(at).ends.iter().find(|(_, end)| aside(*end)) {
                    Some((_, end)) => Some(*end),
                    None => return false,
                },
            };
        }
        true
    }

    pub(crate) fn step(&self, layout: LayoutId, index: u32) -> &Step {
        &self.body(layout).steps[index as usize]
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn fill(layouts: &mut Vec<Layout>, id: LayoutId, body: &Body) {
    let index: IndexMap<String, u32> =
        body.steps.iter().enumerate().map(|(at, step)| (step.id.clone(), number(at))).collect();
    let mut dependents = vec![Vec::new(); body.steps.len()];
    let mut inner = vec![None; body.steps.len()];
    for (at, step) in body.steps.iter().enumerate() {
        let mut seen = Vec::new();
        for need in &step.needs {
            let Some(&needed) = index.get(need) else { continue };
            if needed as usize == at || seen.contains(&needed) {
                continue;
            }
            seen.push(needed);
            let matters = body.steps[needed as usize].on_failure == OnFailure::Continue;
            dependents[needed as usize]
                .push(Dependent { index: number(at), mentions: matters && mentions(step, need) });
        }
        if let Some(nested) = step.action.body() {
            let nested_id = LayoutId(number(layouts.len()));
            layouts.push(Layout { holder: Some((id, number(at))), ..Layout::default() });
            fill(layouts, nested_id, nested);
            inner[at] = Some(nested_id);
        } else if !step.adjust.is_empty() {
            inner[at] = Some(fill_aside(layouts, &body.file, "adjust", &step.adjust));
        }
    }
    let parts = [(EndPart::WhenFailed, &body.when_failed), (EndPart::Finally, &body.finally)];
    let parts = parts.into_iter().filter(|(_, steps)| !steps.is_empty());
    let ends = parts.map(|(part, steps)| (part, fill_aside(layouts, &body.file, part.folder(), steps))).collect();
    let layout = &mut layouts[id.0 as usize];
    (layout.index, layout.dependents, layout.inner, layout.ends) = (index, dependents, inner, ends);
}

fn fill_aside(layouts: &mut Vec<Layout>, file: &str, name: &'static str, steps: &[Step]) -> LayoutId {
    let id = LayoutId(number(layouts.len()));
    let body = Body { file: file.to_owned(), shares_scope: true, steps: steps.to_vec(), ..Body::default() };
    layouts.push(Layout::default());
    fill(layouts, id, &body);
    layouts[id.0 as usize].aside = Some(Aside { body, name });
    id
}

/// The steps of the same body that a step needs, by place; ids of bodies around it are left out.
pub(crate) fn needs<'a>(layout: &'a Layout, step: &'a Step, at: u32) -> impl Iterator<Item = u32> + 'a {
    let mut seen = Vec::new();
    step.needs.iter().filter_map(move |need| {
        let needed = *layout.index.get(need)?;
        if needed == at || seen.contains(&needed) {
            return None;
        }
        seen.push(needed);
        Some(needed)
    })
}

/// Does a step read the outputs of the step `id`, anywhere but in its `undo`?
pub(crate) fn mentions(step: &Step, id: &str) -> bool {
    let mut found = false;
    written(step, &mut |argument| {
        argument.expressions(&mut |expression| {
            // What does not parse was refused by the checker, and fails where it is evaluated.
            found = found || parse(&expression.source).is_ok_and(|parsed| reads(&parsed.root, id));
        });
    });
    found
}

fn reads(root: &Expr, id: &str) -> bool {
    let is_steps = |expr: &Expr| matches!(&expr.kind, ExprKind::Name(name) if name == "steps");
    let mut found = false;
    match &root.kind {
        ExprKind::Member { base, name, .. } | ExprKind::Method { base, name, .. } if is_steps(base) => {
            return name == id;
        }
        ExprKind::Item { base, index } if is_steps(base) => match index.as_text() {
            Some(name) => return name == id,
            // Which step it reads is known only when it is evaluated.
            None => return true,
        },
        ExprKind::Name(name) => return name == "steps",
        _ => {}
    }
    root.children(&mut |child| found = found || reads(child, id));
    found
}

/// Everything an author wrote in a step that may hold expressions and is evaluated in the step's own scope.
fn written<'a>(step: &'a Step, visit: &mut dyn FnMut(&'a Argument)) {
    visit(&step.title);
    step.when.iter().for_each(&mut *visit);
    if let Some(each) = &step.for_each {
        visit(&each.over);
        each.key.iter().for_each(&mut *visit);
    }
    step.connection.iter().for_each(&mut *visit);
    step.timeout.iter().for_each(&mut *visit);
    step.retry.when.iter().for_each(&mut *visit);
    checks(&step.check, visit);
    step.outputs.iter().flat_map(|outputs| outputs.values()).for_each(&mut *visit);
    if let Some(probe) = &step.probe {
        call(&probe.call, visit);
        probe.present_when.iter().for_each(&mut *visit);
        checks(&probe.matches, visit);
        probe.outputs.iter().flat_map(|outputs| outputs.values()).for_each(&mut *visit);
    }
    if let Some(verify) = &step.verify {
        call(&verify.call, visit);
        checks(&verify.check, visit);
    }
    step.adjust.iter().for_each(|inner| written(inner, visit));
    match &step.action {
        Action::Call(done) => call(done, visit),
        Action::Wait(wait) => {
            call(&wait.source, visit);
            if let Until::True { that } = &wait.until {
                visit(that);
            }
            for fail in &wait.fail_when {
                visit(&fail.when);
                fail.say.iter().for_each(&mut *visit);
            }
            wait.observe.iter().chain(&wait.otherwise).chain(&wait.stable_for).for_each(&mut *visit);
            visit(&wait.every);
        }
        Action::Set { values } => values.values().for_each(visit),
        Action::Assert { checks: all } => checks(all, visit),
        Action::Approve { message } => visit(message),
        Action::Run(nested) => nested.with.values().chain(nested.with_connections.values()).for_each(visit),
        Action::Group { body } => {
            body.steps.iter().for_each(|inner| written(inner, visit));
            body.outputs.values().for_each(visit);
        }
    }
}

/// What is evaluated for a call.
pub(crate) fn call<'a>(call: &'a Call, visit: &mut dyn FnMut(&'a Argument)) {
    visit(&call.arguments);
    call.connection.iter().chain(call.connections.values()).for_each(visit);
}

/// What is evaluated for checks.
pub(crate) fn checks<'a>(checks: &'a [Check], visit: &mut dyn FnMut(&'a Argument)) {
    for check in checks {
        visit(&check.that);
        check.otherwise.iter().for_each(&mut *visit);
    }
}
