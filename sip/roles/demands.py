"""What a request may demand that we cannot do (RFC 3261 §8.2.2, RFC 4475 §3.3)."""

from sip.message import Request, Response, build_response

UNSUPPORTED_SCHEME, BAD_EXTENSION = 416, 420
MOST_NAMED = 16
LONGEST_NAME = 64


def refuse_demand(request: Request) -> Response | None:
    """Return the refusal of a request that wants another kind of URI, or extensions.

    None where nothing is wanted, which is every request of GB/T 28181.
    """
    if not request.uri.is_sip:
        return build_response(request, UNSUPPORTED_SCHEME)
    if request.method == "CANCEL" or "require" not in request.headers:
        return None
    wanted = [
        name.strip()[:LONGEST_NAME]
        for line in request.headers.get_all("require")
        for name in line.split(",")
        if name.strip()
    ]
    if not wanted:
        return None
    named = ", ".join(wanted[:MOST_NAMED])
    return build_response(request, BAD_EXTENSION, headers=[("Unsupported", named)])
