"""What can go wrong with a request to an address that somebody has given us.

UrlRefused    the address, or one that it leads to, is none that we ask: nothing was sent to it
UrlFailed     the server answered, and not with what was asked for: the same will happen again
UrlTooLarge   the answer is larger than the limit
UrlUnanswered no answer, or none in time, or the server says that it is busy: try again later

Sentences name hosts and never whole addresses: a query may hold a secret.
"""

from chatbot.contracts.errors import InvalidInput, TooLarge, Unavailable


class UrlRefused(InvalidInput):
    code = "url-refused"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"This address is not fetched: {reason}.",
            way_out="Give an address of the public web that begins with https:// or http://.",
        )


class UrlFailed(InvalidInput):
    code = "url-failed"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The server did not give what was asked for: {reason}.",
            way_out="Open the address in a browser, and check that it needs no sign-in.",
        )


class UrlTooLarge(TooLarge):
    code = "file-too-large"

    def __init__(self, max_bytes: int) -> None:
        super().__init__(
            f"What the address gives is larger than {max_bytes // 1024 // 1024} MB.",
            way_out="Download the file, split it, and upload the parts.",
        )


class UrlUnanswered(Unavailable):
    code = "url-unanswered"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The server of the address does not answer: {reason}.", way_out="Try again later."
        )
