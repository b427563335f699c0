"""Damage to documents, as chance wants it: the same seed does the same damage."""

from random import Random

_MOST_FLIPS = 40
_LONGEST_SPLICE = 4096


def mutated(content: bytes, other: bytes, chance: Random) -> bytes:
    """`content` with flipped bits, without its end, or with pieces of itself or of `other`."""
    if not content:
        return other
    kinds = (_flipped, _truncated, _spliced, _repeated)
    damaged = chance.choice(kinds)(content, other, chance)
    return _flipped(damaged, other, chance) if chance.random() < 0.3 and damaged else damaged


def _flipped(content: bytes, _: bytes, chance: Random) -> bytes:
    damaged = bytearray(content)
    for _flip in range(chance.randint(1, _MOST_FLIPS)):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def _truncated(content: bytes, _: bytes, chance: Random) -> bytes:
    return content[: chance.randrange(len(content)) or 1]


def _spliced(content: bytes, other: bytes, chance: Random) -> bytes:
    place, start = chance.randrange(len(content)), chance.randrange(len(other) or 1)
    piece = other[start : start + chance.randint(1, _LONGEST_SPLICE)]
    return content[:place] + piece + content[place + len(piece) :]


def _repeated(content: bytes, _: bytes, chance: Random) -> bytes:
    start = chance.randrange(len(content))
    piece = content[start : start + chance.randint(1, _LONGEST_SPLICE)]
    place = chance.randrange(len(content))
    return content[:place] + piece * chance.randint(2, 50) + content[place:]
