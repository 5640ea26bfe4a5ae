"""Who is calling, and what they may do. Every handler asks here; no gateway does it for them."""

from jobyard.authorizer.access import Caller, Right, Role
from jobyard.authorizer.bearer import authenticate

__all__ = ["Caller", "Right", "Role", "authenticate"]
