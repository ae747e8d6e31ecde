"""A simulated Amazon EKS: clusters, nodegroups, add-ons, access entries and pod identities.

`service.py` answers calls, the other files hold the operations, by subject. Subnets, security groups, launch templates,
roles and users are looked up in moto's EC2 and IAM.
"""

from .objects import Clock, EksError
from .service import Eks

__all__ = ["Clock", "Eks", "EksError"]
