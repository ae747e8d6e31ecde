//! Which services there are and by which names they are found.
//!
//! This file decides what counts as the name of a service: the models' own (`elbv2`), the AWS CLI's (`s3api`), the service id
//! (`Elastic Load Balancing v2`), and the prefix of its hosts (`monitoring`) where only one service has it. It must not
//! know what is in a model.

use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};

use runbook_model::diagnostic::did_you_mean;

use crate::models;
use crate::service::Service;

/// A model in the program; `models/index.rs` holds them all.
pub(crate) struct Packed {
    /// The models' own name.
    pub(crate) name: &'static str,
    /// The service id.
    pub(crate) id: &'static str,
    /// The prefix of its hosts.
    pub(crate) prefix: &'static str,
    /// See [`crate::pack`].
    pub(crate) bytes: &'static [u8],
}

/// Names by which the AWS CLI knows a service and nobody else does.
const CLI_NAMES: [(&str, &str); 2] = [("s3api", "s3"), ("configservice", "config")];

/// All services this program carries models of.
pub struct Catalog {
    packed: &'static [Packed],
    opened: Vec<OnceLock<Arc<Service>>>,
}

/// The services in the program. A service is inflated when it is first asked for.
#[must_use]
pub fn catalog() -> &'static Catalog {
    static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog {
        packed: models::PACKED,
        opened: models::PACKED.iter().map(|_| OnceLock::new()).collect(),
    });
    &CATALOG
}

impl Catalog {
    /// The service of that name.
    ///
    /// # Errors
    /// No service has that name, more than one has, or this version does not carry its model.
    ///
    /// # Panics
    /// If a model in the program is damaged, which a test rules out.
    pub fn service(&self, name: &str) -> Result<Arc<Service>, UnknownService> {
        let place = self.place(name)?;
        let service = self.opened[place].get_or_init(|| {
            let packed = &self.packed[place];
            Arc::new(Service::inflate(packed.name, packed.bytes).expect("the models in the program are whole"))
        });
        Ok(Arc::clone(service))
    }

    /// The names of all services, in order.
    pub fn services(&self) -> impl Iterator<Item = &'static str> {
        self.packed.iter().map(|packed| packed.name)
    }

    fn place(&self, name: &str) -> Result<usize, UnknownService> {
        if let Ok(place) = self.packed.binary_search_by(|packed| packed.name.cmp(name)) {
            return Ok(place);
        }
        let wanted = CLI_NAMES.iter().find(|(cli, _)| *cli == name).map_or(name, |(_, own)| own);
        let wanted = plain(wanted);
        let by = |fits: &dyn Fn(&Packed) -> bool| -> Vec<usize> {
            (0..self.packed.len()).filter(|place| fits(&self.packed[*place])).collect()
        };
        // The prefix first: `elasticloadbalancing` must not become the older service only because that is its id, too.
        let mut found = by(&|packed| packed.prefix == name);
        if found.is_empty() {
            found = by(&|packed| plain(packed.name) == wanted || plain(packed.id) == wanted);
        }
        match found.as_slice() {
            [place] => Ok(*place),
            [] => Err(self.unknown(name, &wanted)),
            several => Err(UnknownService {
                name: name.to_owned(),
                why: Why::Several(several.iter().map(|place| self.packed[*place].name).collect()),
            }),
        }
    }

    fn unknown(&self, name: &str, plain_name: &str) -> UnknownService {
        let why =
            match models::NOT_PACKED.iter().find(|known| plain(known) == plain_name) {
                Some(_) => Why::NotCarried,
                None => {
                    let names = self.services().chain(self.packed.iter().map(|packed| packed.id));
                    Why::Unknown(did_you_mean(name, names).map(|near| {
                        self.packed.iter().find(|packed| packed.id == near).map_or(near, |packed| packed.name)
                    }))
                }
            };
        UnknownService { name: name.to_owned(), why }
    }
}

/// A name as it is compared: spaces, dashes, underscores and case do not count.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// No service could be found by a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct UnknownService {
    name: String,
    why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    Unknown(Option<&'static str>),
    NotCarried,
    Several(Vec<&'static str>),
}

impl fmt::Display for UnknownService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::Unknown(_) => write!(f, "there is no AWS service `{}`", self.name),
            Why::NotCarried => {
                write!(f, "this version of `runbook` does not carry the model of the AWS service `{}`", self.name)
            }
            Why::Several(names) => write!(f, "`{}` may be {}", self.name, quoted(names, " or ")),
        }
    }
}

impl UnknownService {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match &self.why {
            Why::Unknown(Some(near)) => format!("did you mean `{near}`?"),
            Why::Unknown(None) | Why::NotCarried => {
                format!("it carries {}", quoted(&catalog().services().collect::<Vec<_>>(), ", "))
            }
            Why::Several(_) => "name one of them".into(),
        }
    }
}

fn quoted(names: &[&str], between: &str) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str) -> Result<String, String> {
        match catalog().service(name) {
            Ok(service) => Ok(service.name().to_owned()),
            Err(unknown) => Err(format!("{unknown}; {}", unknown.help())),
        }
    }

    #[test]
    fn a_service_answers_to_all_its_names() {
        for (name, own) in [
            ("eks", "eks"),
            ("EC2", "ec2"),
            ("s3api", "s3"),
            ("Elastic Load Balancing v2", "elbv2"),
            ("elastic_load_balancing_v2", "elbv2"),
            ("Service Quotas", "service-quotas"),
            ("servicequotas", "service-quotas"),
            ("tagging", "resourcegroupstaggingapi"),
            ("Secrets Manager", "secretsmanager"),
        ] {
            assert_eq!(found(name).as_deref(), Ok(own), "{name}");
        }
    }

    #[test]
    fn an_unknown_name_is_told_with_what_helps() {
        assert_eq!(found("ekss").unwrap_err(), "there is no AWS service `ekss`; did you mean `eks`?");
        assert_eq!(
            found("elasticloadbalancing").unwrap_err(),
            "`elasticloadbalancing` may be `elb` or `elbv2`; name one of them"
        );
        assert!(found("sagemaker").unwrap_err().starts_with("this version of `runbook` does not carry the model"));
        assert!(found("nonsense").unwrap_err().contains("it carries `acm`"));
    }

    #[test]
    fn a_service_is_opened_once() {
        assert!(Arc::ptr_eq(&catalog().service("sts").unwrap(), &catalog().service("STS").unwrap()));
    }
}
