//! What an answer looks like before it is there.
//!
//! This file decides the shape of answers for the checker; it agrees with what [`crate::decode`] yields. It must not
//! decode anything.

use std::sync::Arc;

use runbook_model::shape::{Member as ShapeMember, Shape, Structure};

use crate::definition::{JsonText, Kind};
use crate::member::Member;
use crate::operation::Operation;
use crate::service::Service;

/// The shape of an operation's answer.
pub(crate) fn shape(operation: &Operation) -> Shape {
    match operation.output() {
        Some(output) => of(operation.service(), output),
        None => Shape::structure(operation.name(), std::iter::empty::<(String, Shape)>()),
    }
}

fn of(service: &Arc<Service>, member: Member<'_>) -> Shape {
    if member.is_document() || member.is_json_value() || member.json_text() == Some(JsonText::Both) {
        return Shape::Any;
    }
    match member.kind() {
        Kind::Boolean => Shape::Boolean,
        // Numbers that JSON cannot hold (`NaN`) come as text, so rarely that calling them numbers helps more.
        kind if kind.is_whole_number() || kind.is_fraction() => Shape::Number,
        Kind::List => Shape::List(Box::new(lazy(service, member.item()))),
        Kind::Map => Shape::Map(Box::new(lazy(service, member.value()))),
        Kind::Structure => {
            let entry = |(name, part): (&str, Member<'_>)| {
                (name.to_owned(), ShapeMember { shape: lazy(service, part), sensitive: part.is_sensitive() })
            };
            let members = member.members().filter(|(_, part)| !part.is_event_stream()).map(entry).collect();
            Shape::Structure(Arc::new(Structure { name: member.reference.shape.clone(), members }))
        }
        _ => Shape::Text,
    }
}

/// Scalars as they are, everything that leads on only when it is looked at: shapes may hold themselves.
fn lazy(service: &Arc<Service>, member: Member<'_>) -> Shape {
    let leads_on = matches!(member.kind(), Kind::List | Kind::Map | Kind::Structure);
    if !leads_on {
        return of(service, member);
    }
    let (service, reference) = (Arc::clone(service), member.reference.clone());
    Shape::Lazy(Arc::new(move || of(&service, service.member(&reference))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::catalog;

    fn output(service: &str, operation: &str) -> Shape {
        catalog().service(service).unwrap().operation(operation).unwrap().output_shape()
    }

    fn at(shape: &Shape, path: &[&str]) -> (Shape, bool) {
        path.iter().fold((shape.clone(), false), |(shape, _), key| match shape.resolved() {
            Shape::Structure(structure) => {
                let member = structure.members.get(*key).unwrap_or_else(|| panic!("no `{key}`"));
                (member.shape.resolved(), member.sensitive)
            }
            Shape::List(inner) | Shape::Map(inner) => (inner.resolved(), false),
            other => panic!("{other:?} has no `{key}`"),
        })
    }

    #[test]
    fn members_are_typed_all_the_way_down() {
        let vpcs = output("ec2", "DescribeVpcs");
        assert!(matches!(at(&vpcs, &["Vpcs", "[]", "VpcId"]).0, Shape::Text));
        assert!(matches!(at(&vpcs, &["Vpcs", "[]", "IsDefault"]).0, Shape::Boolean));
        let Shape::Structure(cluster) = at(&output("eks", "DescribeCluster"), &["cluster"]).0 else {
            panic!("a structure")
        };
        assert_eq!(cluster.name, "Cluster");
        assert!(cluster.members.contains_key("resourcesVpcConfig"));
    }

    #[test]
    fn text_that_is_decoded_may_be_anything_and_secrets_are_marked() {
        assert!(matches!(at(&output("iam", "GetRole"), &["Role", "AssumeRolePolicyDocument"]).0, Shape::Any));
        assert!(matches!(at(&output("pricing", "GetProducts"), &["PriceList", "[]"]).0, Shape::Any));
        assert!(matches!(at(&output("secretsmanager", "GetSecretValue"), &["SecretString"]), (Shape::Text, true)));
        assert!(at(&output("sts", "AssumeRole"), &["Credentials", "SessionToken"]).1);
    }

    #[test]
    fn an_operation_without_an_answer_has_an_empty_one() {
        let Shape::Structure(nothing) = output("iam", "DeleteRole") else { panic!("a structure") };
        assert!(nothing.members.is_empty());
    }

    #[test]
    fn shapes_that_hold_themselves_end() {
        let s = output("ssm", "GetInventory");
        assert!(matches!(s.resolved(), Shape::Structure(_)));
    }
}
