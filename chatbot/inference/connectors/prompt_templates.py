"""Messages as one text, for servers that take a prompt and know nothing of roles.

Every template leaves the assistant's turn open, so that an answer that has begun is gone on with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chatbot.inference.connectors.options import OptionsWrong
from chatbot.inference.connectors.protocol import Message


@dataclass(frozen=True, slots=True)
class _Template:
    begin: str
    turn: str
    """With `{role}` and `{text}`."""
    answer: str
    """What stands before the answer."""
    roles: tuple[tuple[str, str], ...] = ()
    markers: tuple[str, ...] = ()
    """What structures the prompt: never part of what somebody wrote."""


_TEMPLATES: Final = {
    "plain": _Template(
        begin="",
        turn="{role}: {text}\n\n",
        answer="Assistant:",
        roles=(
            ("system", "System"),
            ("user", "User"),
            ("assistant", "Assistant"),
            ("tool", "Tool"),
        ),
    ),
    "chatml": _Template(
        begin="",
        turn="<|im_start|>{role}\n{text}<|im_end|>\n",
        answer="<|im_start|>assistant\n",
        markers=("<|im_start|>", "<|im_end|>"),
    ),
    "llama3": _Template(
        begin="<|begin_of_text|>",
        turn="<|start_header_id|>{role}<|end_header_id|>\n\n{text}<|eot_id|>",
        answer="<|start_header_id|>assistant<|end_header_id|>\n\n",
        markers=("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    ),
    "gemma": _Template(
        begin="<bos>",
        turn="<start_of_turn>{role}\n{text}<end_of_turn>\n",
        answer="<start_of_turn>model\n",
        roles=(("system", "user"), ("assistant", "model"), ("tool", "user")),
        markers=("<bos>", "<start_of_turn>", "<end_of_turn>"),
    ),
}


def check_template(name: str) -> None:
    """Raises OptionsWrong: there is no such template."""
    if name not in _TEMPLATES:
        raise OptionsWrong(f"Unknown template: {name}. Known: {', '.join(_TEMPLATES)}.")


def prompt_text(messages: Sequence[Message], *, template: str, begun: str) -> str:
    """The prompt, up to and including the answer that has begun."""
    form = _TEMPLATES[template]
    roles = dict(form.roles)
    turns = [
        form.turn.format(
            role=roles.get(message["role"], message["role"]),
            text=_without(form.markers, message["content"].strip()),
        )
        for message in messages
    ]
    seam = " " if begun and template == "plain" else ""
    return form.begin + "".join(turns) + form.answer + seam + begun


def _without(markers: tuple[str, ...], text: str) -> str:
    """Text can't close its turn and open another's; also where taking one out makes one."""
    while any(marker in text for marker in markers):
        for marker in markers:
            text = text.replace(marker, "")
    return text
