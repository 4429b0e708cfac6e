"""Makes the registry true: loads each tentacle under a private name, binds its hooks, reports what is off and why."""

from loligo.host.host import Host, LoadState, TentacleStatus
from loligo.host.loader import LoadedTentacle
from loligo.host.relay import HookFailure, Relay
from loligo.registry.registry_file import bundled_root

__all__ = ["HookFailure", "Host", "LoadState", "LoadedTentacle", "Relay", "TentacleStatus", "bundled_root"]
