"""The contract's modules: those of the component, or the fake host's where there is none.

It is the one place that knows whether this is WebAssembly.
"""

try:
    from componentize_py_types import Err
    from wit_world.imports import (
        clock,
        files,
        http,
        icmp,
        kubernetes,
        log,
        names,
        secrets,
        state,
        tcp,
        types,
        udp,
    )

    IN_COMPONENT = True
except ImportError:
    from ._contract import (  # type: ignore[assignment]
        Err,
        clock,
        files,
        http,
        icmp,
        kubernetes,
        log,
        names,
        secrets,
        state,
        tcp,
        types,
        udp,
    )

    IN_COMPONENT = False


def imported(interface: str):
    """The module of an interface that not every world imports."""
    if IN_COMPONENT:
        from wit_world import imports
    else:
        from . import _contract as imports
    return getattr(imports, interface)


def exported(interface: str):
    """The module with the types of an interface that the plugin's world exports."""
    # Which interfaces there are depends on the world, so this cannot stand at the top.
    if IN_COMPONENT:
        from wit_world import exports
    else:
        from . import _contract as exports
    return getattr(exports, interface)
