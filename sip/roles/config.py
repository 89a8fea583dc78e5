"""What the signalling plane must be told: values, no behaviour."""

from dataclasses import dataclass
from typing import Literal

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

    @property
    def digest_realm(self) -> str:
        """The realm that challenges name."""
        return self.realm or self.domain
