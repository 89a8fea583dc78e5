"""Tables of codes that people upload: taken or refused line by line, nothing may come out."""

from vms.services.cascade.code_map import MOST_BAD, read_csv

OURS = "14040200411320000001"
KNOWN = {OURS: OURS, "local-mine": ""}
SEEDS: list[bytes] = [
    b"ours,theirs\n14040200411320000001,14990000001320000001\n",
    b"\xef\xbb\xbfours,theirs,name,source\r\n\t14040200411320000001,\t14990000001320000001,a,own\r\n",
    "名称;theirs;ours\n甲;14990000001320000001;local-mine\n".encode("gb18030"),
    b'ours\ttheirs\n"14040200411320000001"\t"1\n2"\n',
    b"ours,theirs\n\x00,\xff\n",
    b"",
]


def one_case(data: bytes) -> None:
    """Read the octets as a table."""
    codes, done = read_csv(data, KNOWN)
    assert codes.keys() <= KNOWN.keys()
    assert all(len(code) == 20 and code.isdigit() for code in codes.values())
    assert len(done.bad) <= MOST_BAD
