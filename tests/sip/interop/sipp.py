"""Runs SIPp, which other people wrote, and reads what it complains of."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from tests.ports import free_port
from tests.sip.interop.peers import HOST

LONGEST_S = 60


class Sipp:
    """One run of SIPp and where it left its complaints."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self._process = process
        self._complaints = folder / "complaints"
        self._messages = folder / "messages"

    async def result(self) -> tuple[int, str]:
        """Wait for the end; 0 and no complaint say that every step of the scenario came true."""
        async with asyncio.timeout(LONGEST_S + 5):
            await self._process.wait()
        return self._process.returncode or 0, self.complaints

    async def leave(self) -> None:
        """End a run that is only there to answer."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        await self._process.wait()

    @property
    def complaints(self) -> str:
        """What SIPp did not expect; empty is good."""
        lines = _read(self._complaints).splitlines()
        return "\n".join(line for line in lines if "Aborting" in line or "timed out" in line)

    def has_said(self, words: str) -> bool:
        """Whether these words came or went in some message."""
        return words in _read(self._messages)

    def has_seen(self, start: str) -> bool:
        """Whether a message that begins so came or went."""
        return f"\n{start}" in _read(self._messages)


def _read(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


@contextlib.asynccontextmanager
async def run_sipp(
    scenario: Path,
    folder: Path,
    transport: str,
    *options: str | bytes,
    port: int = 0,
    fields: str = "-",
    target: str = "",
) -> AsyncIterator[Sipp]:
    """Start a scenario; without `target` it waits for who comes."""
    folder = folder / scenario.stem
    folder.mkdir()
    (folder / "fields").write_bytes(f"SEQUENTIAL\n{fields}\n".encode("gb2312"))
    process = await asyncio.create_subprocess_exec(
        "sipp", *([target] if target else []),
        "-sf", str(scenario), "-inf", str(folder / "fields"),
        "-t", "u1" if transport == "udp" else "t1", "-i", HOST, "-p", str(port or free_port()),
        "-m", str(fields.count("\n") + 1), "-nostdin",
        "-timeout", f"{LONGEST_S}s", "-timeout_error",
        "-trace_err", "-error_file", str(folder / "complaints"),
        "-trace_msg", "-message_file", str(folder / "messages"),
        "-cp", str(free_port()), *options,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | {"TERM": "dumb"},
    )  # fmt: skip
    sipp = Sipp(process, folder)
    try:
        yield sipp
    finally:
        await sipp.leave()
