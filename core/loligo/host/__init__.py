"""Makes the registry true: loads each tentacle under a private name, binds its hooks, reports what is off and why."""

from loligo.host.host import Host, LoadState, TentacleStatus, bundled_root
from loligo.host.loader import LoadedTentacle
from loligo.host.relay import HookFailure, Relay

__all__ = ["HookFailure", "Host", "LoadState", "LoadedTentacle", "Relay", "TentacleStatus", "bundled_root"]
