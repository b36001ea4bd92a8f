"""Where requests of ours may go: public addresses, and private ones that the installation has named.

Law: an address is public when the internet routes to it. Loopback, private, link-local, multicast, reserved and
unspecified addresses are not, nor is an IPv6 address that carries such an IPv4 address inside (mapped, 6to4, Teredo,
NAT64). `allowed` is "1" for every address, or a comma list of host names, addresses and networks.

Example: `may_reach("api.example.com", "10.0.0.7", "")` is False; with "10.0.0.0/24" or "api.example.com" it is True.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

NAT64 = ip_network("64:ff9b::/96")
SITE_LOCAL = ip_network("fec0::/10")


def is_public(address: str) -> bool:
    """Whether the internet routes to the address. ValueError when it is none."""
    return all(
        part.is_global and not (part.is_multicast or part.is_reserved or part in SITE_LOCAL)
        for part in carried(ip_address(address))
    )


def carried(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """The IPv4 addresses that an IPv6 address stands for, or the address itself."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address.sixtofour:
        return [address.sixtofour]
    if address.teredo:
        return list(address.teredo)
    if address in NAT64:
        return [IPv4Address(int(address) & 0xFFFF_FFFF)]
    return [address]


def may_reach(host: str, address: str, allowed: str) -> bool:
    """Whether a connection to `address`, found under the name `host`, may be opened."""
    if is_public(address):
        return True
    names = [part.strip().lower() for part in allowed.split(",") if part.strip()]
    return "1" in names or host.lower() in names or any(covers(name, address) for name in names)


def covers(name: str, address: str) -> bool:
    """Whether a network in text, such as 10.0.0.0/8, holds the address; a host name holds none."""
    try:
        network = ip_network(name, strict=False)
    except ValueError:
        return False
    return any(part in network for part in [ip_address(address), *carried(ip_address(address))])
