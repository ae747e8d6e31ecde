//! One call on its way.
//!
//! This file decides how a call of the engine becomes a call of a kind, and that none of them hangs for ever. It must not
//! judge what comes back.

use futures::future::{AbortHandle, Abortable, BoxFuture, FutureExt};
use runbook_engine::command::{Call, Purpose};
use runbook_engine::input::Input;
use runbook_model::answer::Progress;
use runbook_model::connection::Connection;
use runbook_model::duration::Duration;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::id::RunId;
use runbook_steps::contract::{Invocation, StepKind};
use runbook_steps::ports::Outside;
use tracing::Instrument;

/// How much longer than its limit a call may take before it counts as hanging. Kinds and ports keep the limit by
/// themselves and know better what became of the request.
const GRACE: std::time::Duration = std::time::Duration::from_secs(5);

/// How long somebody may take to say who they are.
const IDENTIFY_LIMIT: Duration = Duration::from_secs(55);

/// What comes back from outside; nothing if it was given up.
pub(crate) type Flight<'a> = BoxFuture<'a, Option<Input>>;

/// Makes a call. The handle gives it up.
pub(crate) fn invoke<'a>(
    run: &RunId,
    call: Call,
    kind: Option<&'a dyn StepKind>,
    outside: &'a dyn Outside,
) -> (Flight<'a>, AbortHandle) {
    let (handle, registration) = AbortHandle::new_pair();
    let step = call.step.clone();
    let span = tracing::debug_span!("call", %step, kind = call.kind, purpose = name(&call.purpose));
    let run = run.clone();
    let made = async move {
        let outcome = match kind {
            Some(kind) => answer(run, call, kind, outside).await,
            None => Err(Failure::new(FailureClass::Invalid, format!("there is no kind `{}` to call", call.kind))
                .help("use the version of runbook that made the plan")),
        };
        match &outcome {
            Ok(_) => tracing::debug!("answered"),
            Err(failure) => tracing::debug!(class = %failure.class, in_doubt = failure.in_doubt, "failed: {failure}"),
        }
        Input::Answered { step, outcome }
    };
    let flight = Abortable::new(made.instrument(span), registration).map(Result::ok).boxed();
    (flight, handle)
}

async fn answer(run: RunId, call: Call, kind: &dyn StepKind, outside: &dyn Outside) -> Result<Progress, Failure> {
    let limit = call.limit;
    let (ticket, look) = match call.purpose {
        Purpose::Poll { ticket } => (Some(ticket), None),
        Purpose::Look(look) => (None, Some(look)),
        Purpose::Act | Purpose::Probe | Purpose::Verify | Purpose::Reread { .. } => (None, None),
    };
    let invocation = Invocation {
        run,
        runbook: call.runbook,
        path: call.step,
        arguments: call.arguments,
        connection: call.connection,
        connections: call.connections,
        token: call.token,
        limit,
        look,
    };
    let asked = match &ticket {
        Some(ticket) => kind.poll(&invocation, ticket, outside),
        None => kind.start(&invocation, outside),
    };
    let bound = std::time::Duration::from(limit) + GRACE;
    tokio::time::timeout(bound, asked).await.unwrap_or_else(|_| {
        // Whatever it was doing may have happened.
        Err(Failure::new(FailureClass::Timeout, format!("`{}` gave no answer within {limit}", call.kind)).doubtful())
    })
}

/// Asks who is at the other end of a connection.
pub(crate) fn identify(connection: Connection, outside: &dyn Outside) -> Flight<'_> {
    let label = connection.label();
    let span = tracing::debug_span!("identify", connection = label);
    async move {
        let asked = tokio::time::timeout(IDENTIFY_LIMIT.into(), outside.identify(&connection));
        let outcome = asked.await.unwrap_or_else(|_| {
            let message = format!("nobody at `{label}` said who they are within {IDENTIFY_LIMIT}");
            Err(Failure::new(FailureClass::Unavailable, message))
        });
        Some(Input::Identified { connection, outcome })
    }
    .instrument(span)
    .boxed()
}

fn name(purpose: &Purpose) -> &'static str {
    match purpose {
        Purpose::Act => "act",
        Purpose::Poll { .. } => "poll",
        Purpose::Probe => "probe",
        Purpose::Verify => "verify",
        Purpose::Look(_) => "look",
        Purpose::Reread { .. } => "reread",
    }
}
