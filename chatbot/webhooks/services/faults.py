"""Why a delivery did not work out, or a webhook is off: codes, and the sentences people read.

`url-refused`, `url-failed` and `url-unanswered` are those of `chatbot.outbound.errors`.
"""

from typing import Final

ANSWER: Final = "receiver-error"
REDIRECT: Final = "receiver-redirects"
GONE: Final = "receiver-gone"
FAILING: Final = "receiver-failing"
DISABLED: Final = "webhook-disabled"
SECRET: Final = "webhook-secret-unreadable"  # noqa: S105 - the name of an error
UNFORESEEN: Final = "internal-error"

DELIVERY_FAULTS: Final[dict[str, str]] = {
    ANSWER: "The receiver answered with an error. It has to answer with a status of 200 to 299.",
    REDIRECT: "The receiver redirects, which is not followed. Give the address it redirects to.",
    GONE: "The receiver says that it is gone for ever (410). Turn the webhook on once it is back.",
    FAILING: "The receiver has failed for days. Repair it, and turn the webhook on again.",
    DISABLED: "The webhook is off. Turn it on, and send this again.",
    SECRET: "The secret can't be read, because SECRET_KEY has changed. Make a new secret.",
    UNFORESEEN: "Something went wrong here. An administrator finds the reason in the log.",
    "url-refused": "The address leads to nothing on the public internet. Give another one, or ask "
    "an administrator to allow its host.",
    "url-failed": "The receiver's certificate is not valid, or its answer can't be read.",
    "url-unanswered": "The receiver did not answer in time, or can't be reached.",
}
