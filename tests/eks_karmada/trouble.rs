//! Trouble on the wire that a run gets over by itself.

use runbook_harness::{Fault, FaultKind};

use crate::stage::Stage;
use crate::traces::Traces;

/// The operations that make something.
const MAKING: [(&str, &str); 7] = [
    ("iam", "CreateRole"),
    ("iam", "AttachRolePolicy"),
    ("eks", "CreateCluster"),
    ("eks", "CreateAddon"),
    ("ec2", "CreateLaunchTemplate"),
    ("eks", "CreateNodegroup"),
    ("iam", "CreateOpenIDConnectProvider"),
];

/// Every sort of creating call takes effect once without anybody hearing of it.
pub(crate) fn lost_replies(stage: &Stage) {
    through(stage, &MAKING.map(|(service, operation)| Fault::of(FaultKind::DropAfter, service, operation)));
}

/// Every sort of creating call is lost once before it takes effect.
pub(crate) fn lost_requests(stage: &Stage) {
    through(stage, &MAKING.map(|(service, operation)| Fault::of(FaultKind::DropBefore, service, operation)));
}

/// Throttled twice, unavailable once, and a gateway that gives up.
pub(crate) fn refusals(stage: &Stage) {
    let throttled = |service, operation| Fault { times: Some(2), ..Fault::of(FaultKind::Throttle, service, operation) };
    let broken = |service, operation, status| Fault {
        code: Some("ServiceUnavailable".into()),
        status: Some(status),
        ..Fault::of(FaultKind::Error, service, operation)
    };
    through(
        stage,
        &[
            throttled("ec2", "DescribeVpcs"),
            throttled("iam", "CreateRole"),
            throttled("eks", "CreateCluster"),
            throttled("eks", "DescribeNodegroup"),
            throttled("ec2", "CreateLaunchTemplate"),
            broken("sts", "GetCallerIdentity", 500),
            broken("ec2", "DescribeSubnets", 503),
            broken("iam", "AttachRolePolicy", 503),
            broken("eks", "CreateAddon", 500),
            broken("eks", "CreateNodegroup", 504),
            broken("iam", "CreateOpenIDConnectProvider", 502),
        ],
    );
}

fn through(stage: &Stage, faults: &[Fault]) {
    let undisturbed = stage.undisturbed();
    let world = stage.world();
    for fault in faults {
        world.cloud.inject(fault);
    }
    let finished = world.exec();
    let spoilt = world.cloud.calls().iter().filter(|call| call.fault.is_some()).count();
    let wanted: u32 = faults.iter().map(|fault| fault.times.unwrap_or(1)).sum();
    let finished = finished.expect(0);
    assert_eq!(spoilt, wanted as usize, "not everything was spoilt\n{}", finished.report());
    Traces::of(&world).are_those_of(undisturbed);
}
