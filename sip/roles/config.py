"""What the signalling plane must be told: values, no behaviour."""

from dataclasses import dataclass
from typing import Literal

from sip.message.digest import Algorithm

Edition = Literal["2016", "2022"]
Charset = Literal["GB2312", "GB18030", "UTF-8"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SipConfig:
    """Settings of one SIP server; defaults are those of GB/T 28181 where it names one."""

    server_id: str
    """Our own 20-digit code, type 200."""
    domain: str
    """SIP domain, by rule the first ten digits of the server id (2022 annex E)."""
    host: str = "0.0.0.0"
    """Address to listen on, UDP and TCP."""
    port: int = 5060
    """Port to listen on; 0 lets the system choose one that is free for both transports."""
    advertised_host: str = "127.0.0.1"
    """Address that devices can reach, written in Via and Contact."""
    realm: str = ""
    """Digest realm; empty means the domain."""
    keepalive_interval_s: int = 60
    keepalive_count: int = 3
    """Silence of interval x count makes a device offline (9.6)."""
    default_expires_s: int = 3600
    """For a REGISTER that names no expiry at all."""
    min_expires_s: int = 60
    """Shorter wishes are raised to this in the 200."""
    max_expires_s: int = 86_400
    send_date: bool = True
    """Write the Date header into the 200 of a REGISTER; some devices apply a wrong zone."""
    charset: Charset = "GB2312"
    """What our XML declares; bytes are GB18030 for both GB names."""
    edition: Edition = "2022"
    """Which one we say that we speak: 2016 knows no X-GB-Ver and no redirect."""
    digest_algorithms: tuple[Algorithm, ...] = (Algorithm.MD5,)
    """Challenges in this order, one header each; MD5 alone is what every camera knows."""
    offers_qop: bool = False
    """Challenge with qop=auth, for peers that insist on it; every camera knows the form without."""
    registrations_per_s: float = 500.0
    """Devices that may begin to register per second; above it they get 503 with Retry-After."""
    stranger_messages_per_s: float = 200.0
    """Messages that an address without a registered device may send; 25 s' worth at once."""
    device_messages_per_s: float = 1000.0
    """Messages that a registered device may send; 10 s' worth at once."""
    revives_by_keepalive: bool = False
    """Let a device whose registration ended come back by a keepalive of the same host."""
    clock_tolerance_s: float = 60.0
    """A device's clock that differs by more is told about."""
    time_zone: str = "Asia/Shanghai"
    """Zone of the Date header, of which GB/T 28181 9.10.1 says Beijing time."""
    user_agent: str = "Fengsui"
    invite_timeout_s: float = 10.0
    """Longest wait for the final answer to an INVITE."""
    query_timeout_s: float = 15.0
    """Longest wait for the answer to a simple query."""
    catalog_timeout_s: float = 120.0
    """Longest wait for the first packet of a catalog; large lower platforms take two minutes."""
    catalog_pause_s: float = 10.0
    """Longest pause between two packets of a catalog."""
    trace_messages: int = 1_000
    """Messages that are remembered of each peer, to be looked at; 0: none."""
    trace_bytes: int = 64 * 1024 * 1024
    """What they may take together."""

    @property
    def digest_realm(self) -> str:
        """The realm that challenges name."""
        return self.realm or self.domain
