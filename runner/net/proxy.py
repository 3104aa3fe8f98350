"""The proxy that the environment names: `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`."""

from __future__ import annotations

import os

from runner.errors import RetryableSinkError, SinkError
from runner.net.address import Address, address_of


def proxy_for(address: Address) -> Address | None:
    """The proxy on the way to the address, None for a direct way; raises RetryableSinkError for one that is no use."""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    from urllib.request import getproxies_environment, proxy_bypass

    proxies = getproxies_environment()
    written = proxies.get(address.scheme) or proxies.get("all")
    if not written or proxy_bypass(f"{address.host}:{address.port}"):
        return None
    try:
        proxy = address_of(written if "://" in written else f"http://{written}")
    except SinkError:
        proxy = None
    if proxy is None or proxy.scheme != "http":
        name = f"{address.scheme}_proxy"
        raise RetryableSinkError(
            f"the proxy that `{name}` or `all_proxy` names cannot be used: it is not http://HOST:PORT",
            hint=f"no_proxy={address.host} in the environment leads past it",
        )
    return proxy
