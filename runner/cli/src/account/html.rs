//! The account as one HTML file that needs nothing else: no scripts, no fonts, no pictures from elsewhere.
//!
//! This file decides the layout: readable in light and dark and on paper. It must not decide which facts are told.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use runbook_engine::view::{RunStatus, StepStatus, StepView};
use runbook_model::value::Value;

use super::{Account, account_of, standing, titled};
use crate::document::shown;
use crate::graph::{Level, svg};
use crate::markup::escaped;
use crate::report::story::{self, span};
use crate::table::one_line;
use crate::text::printable_lines;

/// Larger pictures help nobody.
const LARGEST_PICTURE: usize = 400;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1f2328;--soft:#59636e;--line:#d1d9e0;--ground:#fff;--field:#f6f8fa;--good:#1a7f37;--bad:#d1242f;\
--doubt:#9a6700;--now:#0969da}\
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9198a1;--line:#3d444d;--ground:#0d1117;--field:#151b23;--good:#3fb950;\
--bad:#f85149;--doubt:#d29922;--now:#4493f8}}\
body{margin:0 auto;max-width:1100px;padding:24px;font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--ground)}\
h1{font-size:24px;margin:0}h2{font-size:18px;margin:32px 0 8px;border-bottom:1px solid var(--line)}\
code,pre{font:13px/1.45 ui-monospace,monospace}pre{background:var(--field);padding:10px 12px;overflow-x:auto;white-space:pre-wrap;border-radius:6px}\
table{border-collapse:collapse;width:100%}td,th{padding:3px 10px 3px 0;text-align:left;vertical-align:top;overflow-wrap:anywhere}\
th{font-weight:600;color:var(--soft)}tr{border-top:1px solid var(--line)}.facts tr,.facts{border:0;width:auto}\
.facts th{white-space:nowrap}.soft,small{color:var(--soft)}.b{font-weight:600}.good{color:var(--good)}.bad{color:var(--bad)}.doubt{color:var(--doubt)}\
.now{color:var(--now)}.n{white-space:nowrap;text-align:right}.w{width:22%;min-width:90px}\
.w+th{width:30%}@media(max-width:700px){.w{display:none}}\
.w i{display:block;height:9px;margin-top:7px;min-width:2px;background:currentColor;opacity:.75;border-radius:2px}\
figure{margin:0;overflow-x:auto}figure svg{max-width:none}\
@media print{:root{color-scheme:light;--ink:#000;--soft:#444;--line:#bbb;--ground:#fff;--field:#f3f3f3;--good:#1a7f37;--bad:#d1242f;\
--doubt:#9a6700;--now:#0969da}body{max-width:none;padding:0;font-size:11px}h2{break-after:avoid}tr,pre{break-inside:avoid}\
figure svg{max-width:100%;height:auto}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}";

/// The whole page.
pub(crate) fn page(account: &Account<'_>) -> String {
    let runbook = &account.recording.engine.state().plan().runbook;
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>{} {}</title><style>{STYLE}{}</style></head><body>\n",
        escaped(&runbook.name),
        escaped(account.recording.run.as_str()),
        svg::STYLE
    );
    head(&mut out, account);
    trouble(&mut out, account);
    changes(&mut out, account);
    ends(&mut out, account);
    let created = account.recording.created();
    values(&mut out, "Inputs", Some(&created.inputs.0));
    let ended = account.recording.engine.state().ended();
    values(&mut out, "Outputs", ended.and_then(|ended| ended.outputs.as_ref()));
    course(&mut out, account);
    picture(&mut out, account);
    steps(&mut out, account);
    out.push_str("</body></html>\n");
    out
}

fn head(out: &mut String, account: &Account<'_>) {
    let (recording, state) = (account.recording, account.recording.engine.state());
    let runbook = &state.plan().runbook;
    let (begin, end) = account.times();
    let _infallible = write!(
        out,
        "<h1>{}</h1>\n<p class=\"soft\">{} {}</p>\n<table class=\"facts\">\n",
        escaped(&runbook.title),
        escaped(&runbook.name),
        escaped(&runbook.version)
    );
    let class = of_run(account.status);
    fact(out, "status", &format!("<span class=\"b {class}\">{}</span>", account.status.as_str()));
    fact(out, "run", &format!("<code>{}</code>", escaped(recording.run.as_str())));
    let by = story::name(&recording.created().by);
    fact(out, "made", &format!("{begin} by {}", escaped(&by)));
    fact(out, "last", &format!("{end}, after {}", span(end.since(begin))));
    for (label, identity) in state.identities() {
        fact(out, "connection", &escaped(&format!("{label}: {identity}")));
    }
    let labels: Vec<String> = state.labels().iter().map(|(key, value)| format!("{key}={value}")).collect();
    if !labels.is_empty() {
        fact(out, "labels", &escaped(&labels.join(" ")));
    }
    out.push_str("</table>\n");
    if let Some(next) = &account.next {
        let _infallible = write!(out, "<h2>How to go on</h2>\n<pre>{}</pre>\n", escaped(next));
    }
}

/// A row of the head; `html` is markup already.
fn fact(out: &mut String, name: &str, html: &str) {
    let _infallible = writeln!(out, "<tr><th>{name}<td>{html}");
}

fn trouble(out: &mut String, account: &Account<'_>) {
    let mut steps = account.trouble().peekable();
    if steps.peek().is_none() {
        return;
    }
    out.push_str("<h2>What holds it up</h2>\n");
    for step in steps.take(100) {
        let _infallible = writeln!(
            out,
            "<p><span class=\"b {}\">{}</span> <code>{}</code>{}</p>",
            of_step(step),
            step.status.as_str(),
            escaped(&step.path.to_string()),
            titled(step).map(|title| format!(" {}", escaped(title))).unwrap_or_default()
        );
        let mut words = vec![account_of(step)];
        words.extend(step.failure.iter().flat_map(story::failure_details));
        words.extend(step.observed.iter().map(|seen| format!("seen last: {seen}")));
        let lines: Vec<String> =
            words.iter().flat_map(|words| printable_lines(words)).map(|line| escaped(&line).into_owned()).collect();
        let _infallible = writeln!(out, "<pre>{}</pre>", lines.join("\n"));
    }
}

fn changes(out: &mut String, account: &Account<'_>) {
    let mut by_origin: BTreeMap<&str, Vec<&StepView>> = BTreeMap::new();
    for (step, origin) in account.changes() {
        by_origin.entry(origin).or_default().push(step);
    }
    out.push_str("<h2>What it changed</h2>\n");
    if by_origin.is_empty() {
        out.push_str("<p class=\"soft\">Nothing outside.</p>\n");
        return;
    }
    out.push_str("<table class=\"facts\">\n");
    for (origin, steps) in by_origin {
        const MOST: usize = 200;
        let mut paths: Vec<String> =
            steps.iter().take(MOST).map(|step| format!("<code>{}</code>", escaped(&step.path.to_string()))).collect();
        if steps.len() > MOST {
            paths.push(format!("and {} more", steps.len() - MOST));
        }
        let _infallible = writeln!(out, "<tr><th>{origin}<td class=\"n\">{}<td>{}", steps.len(), paths.join(", "));
    }
    out.push_str("</table>\n");
}

fn ends(out: &mut String, account: &Account<'_>) {
    if account.ends.is_empty() {
        return;
    }
    out.push_str("<h2>What ends some day</h2>\n<table class=\"facts\">\n");
    for (step, words, near) in &account.ends {
        let class = if *near { " class=\"b doubt\"" } else { "" };
        let _infallible =
            writeln!(out, "<tr><th><code>{}</code><td{class}>{}", escaped(&step.to_string()), escaped(words));
    }
    out.push_str("</table>\n");
}

fn values(out: &mut String, title: &str, map: Option<&Value>) {
    let Some(map) = map.and_then(Value::as_map).filter(|map| !map.is_empty()) else { return };
    let _infallible = write!(out, "<h2>{title}</h2>\n<table class=\"facts\">\n");
    for (key, value) in map {
        let _infallible =
            writeln!(out, "<tr><th>{}<td><code>{}</code>", escaped(key), escaped(&one_line(&shown(value))));
    }
    out.push_str("</table>\n");
}

fn course(out: &mut String, account: &Account<'_>) {
    out.push_str("<h2>What people and processes did</h2>\n<table class=\"facts\">\n");
    for (time, words) in &account.course {
        let _infallible = writeln!(out, "<tr><td class=\"soft\">{time}<td>{}", escaped(words));
    }
    out.push_str("</table>\n");
}

fn picture(out: &mut String, account: &Account<'_>) {
    let mut level = Level::of(account.recording.engine.state().plan());
    if level.size() > LARGEST_PICTURE {
        level = level.closed();
    }
    out.push_str("<h2>The steps and what waits for what</h2>\n");
    if level.size() > LARGEST_PICTURE {
        out.push_str("<p class=\"soft\">There are too many steps for a picture.</p>\n");
        return;
    }
    // A box stands for all items of its step: the worst of them colours it.
    let mut worst: BTreeMap<String, &StepView> = BTreeMap::new();
    for step in &account.steps {
        let plain = step.path.segments().iter().map(|segment| segment.id.as_str()).collect::<Vec<_>>().join("/");
        let known = worst.entry(plain).or_insert(step);
        if urgency(step.status) > urgency(known.status) {
            *known = step;
        }
    }
    let colour = |path: &str| worst.get(path).map_or("", |step| of_step(step));
    let _infallible = writeln!(out, "<figure>{}</figure>", svg::part("The steps of the runbook", &level, &colour));
}

fn steps(out: &mut String, account: &Account<'_>) {
    out.push_str(
        "<h2>Every step</h2>\n<table>\n<tr><th>step<th>how it stands<th class=\"n\">took<th class=\"w\">when<th>what it gave\n",
    );
    for step in &account.steps {
        let title = titled(step).filter(|_| !account.is_long());
        let title = title.map(|title| format!("<br><small>{}</small>", escaped(title))).unwrap_or_default();
        let took = match (step.started_at, step.finished_at) {
            (Some(start), Some(end)) => span(end.since(start)),
            _ => String::new(),
        };
        let bar = account.part(step).map_or_else(String::new, |(from, to)| {
            format!("<i style=\"margin-left:{:.1}%;width:{:.1}%\"></i>", from * 100.0, (to - from) * 100.0)
        });
        let class = of_step(step);
        let _infallible = writeln!(
            out,
            "<tr><td><code>{}</code>{title}<td class={class}>{}<td class=n>{took}<td class=\"w {class}\">{bar}<td>{}",
            escaped(&step.path.to_string()),
            escaped(&standing(step)),
            escaped(&account.answer(step))
        );
    }
    out.push_str("</table>\n");
}

fn of_run(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Succeeded => "good",
        RunStatus::Failed => "bad",
        RunStatus::Parked | RunStatus::TimedOut => "doubt",
        RunStatus::Running => "now",
        RunStatus::Interrupted | RunStatus::Cancelled | RunStatus::Undone => "soft",
    }
}

/// The class of a step; `good` and the like colour it in the picture as well.
fn of_step(step: &StepView) -> &'static str {
    match step.status {
        StepStatus::Succeeded => "good",
        StepStatus::Failed => "bad",
        StepStatus::Parked | StepStatus::InDoubt => "doubt",
        StepStatus::Running | StepStatus::Waiting => "now",
        StepStatus::Skipped => "skip",
        StepStatus::Pending | StepStatus::Blocked | StepStatus::Cancelled | StepStatus::Undone => "soft",
    }
}

fn urgency(status: StepStatus) -> u8 {
    match status {
        StepStatus::Failed => 6,
        StepStatus::InDoubt | StepStatus::Parked => 5,
        StepStatus::Running | StepStatus::Waiting => 4,
        StepStatus::Blocked | StepStatus::Cancelled | StepStatus::Undone => 3,
        StepStatus::Succeeded => 2,
        StepStatus::Pending => 1,
        StepStatus::Skipped => 0,
    }
}
