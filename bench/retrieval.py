"""How well, and how fast, search finds the right passages: nDCG@10, mean of the questions.

    python bench/retrieval.py FOLDER [FOLDER …]

Each folder is a set with `corpus.jsonl` (id, title, text), `queries.jsonl` (id, text) and
`qrels.tsv` (query-id, corpus-id, score, after a header). Every passage becomes a document of its
own, is cut and indexed as the ingest worker does it, with the embedded stack's vectors, into a
PostgreSQL that lives as long as the run. `foreign` is the share of questions of the *other* sets
for which something is found, where nothing should be; milliseconds are of the whole search.
"""

import argparse
import json
import math
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django

from chatbot.embedded.vectors import NAME, Embedder
from ingest_worker.chunkers.registry import chunker_for
from tests.servers import postgres_and_valkey

if TYPE_CHECKING:
    from uuid import UUID

    from chatbot.brains.models import Brain

DEPTH = 10
_PASSAGES = 3 * DEPTH
"""A long text has several passages; the best one gives it its place."""
_FOREIGN_QUESTIONS = 50
_DOCUMENTS_AT_ONCE = 200

Relevant = dict[str, int]


@dataclass(frozen=True)
class Question:
    text: str
    vector: list[float]
    relevant: Relevant


@dataclass(frozen=True)
class Collection:
    name: str
    user: "UUID"
    brain: "UUID"
    questions: list[Question]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--questions", type=int, default=300, help="of each set")
    arguments = parser.parse_args()
    with postgres_and_valkey() as variables:
        os.environ.update(variables, DJANGO_SETTINGS_MODULE="chatbot.settings.test")
        django.setup()
        from django.core.management import call_command  # noqa: PLC0415 - after django.setup

        call_command("migrate", verbosity=0)
        embedder = Embedder()
        sets = [_load(folder, embedder, arguments.questions) for folder in arguments.folders]
        report = {one.name: _measure(one, sets) for one in sets}
    for name, figures in report.items():
        print(f"{name:12}", *(f"{key} {value:8.3f}" for key, value in figures.items()))
    print(json.dumps(report))


def _load(folder: Path, embedder: Embedder, limit: int) -> Collection:
    from tests.factories.accounts import make_user  # noqa: PLC0415 - after django.setup
    from tests.factories.brains import make_brain  # noqa: PLC0415 - after django.setup

    user = make_user()
    brain = make_brain(owner=user, name=folder.name)
    for number, passage in enumerate(_lines(folder / "corpus.jsonl"), start=1):
        text = f"{passage.get('title') or ''}\n\n{passage['text']}".strip()
        _index(brain, passage["id"], text, embedder)
        if number % _DOCUMENTS_AT_ONCE == 0:
            print(f"{folder.name}: {number} documents", flush=True)
    relevant: dict[str, Relevant] = defaultdict(dict)
    for line in (folder / "qrels.tsv").read_text().splitlines()[1:]:
        query, document, score = line.split("\t")
        relevant[query][document] = int(score)
    questions = [
        Question(query["text"], embedder.embed(query["text"])[0].tolist(), relevant[query["id"]])
        for query in _lines(folder / "queries.jsonl")
        if query["id"] in relevant
    ]
    return Collection(folder.name, user.pk, brain.pk, questions[:limit])


def _index(brain: "Brain", title: str, text: str, embedder: Embedder) -> None:
    from chatbot.documents.models import VersionState  # noqa: PLC0415 - after django.setup
    from chatbot.retrieval.services import PageChunk, store_chunks  # noqa: PLC0415
    from tests.factories.documents import make_document, version_of  # noqa: PLC0415

    document = make_document(brain, title=title, state=VersionState.READY, pages=[text])
    chunks = [
        PageChunk(1, span.start, span.end, text[span.start : span.end])
        for span in chunker_for("text/markdown").split(text)
    ]
    vectors = [embedder.embed(chunk.text)[0].tolist() for chunk in chunks]
    store_chunks(
        version_id=version_of(document).pk,
        brain_id=brain.pk,
        chunks=chunks,
        vectors=vectors,
        model_name=NAME,
    )


def _measure(one: Collection, sets: Sequence[Collection]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, words, vector in (
        ("lexical", True, False),
        ("vector", False, True),
        ("fused", True, True),
    ):
        found = [_timed(one, asked, words=words, vector=vector) for asked in one.questions]
        times = [milliseconds for _, milliseconds in found]
        figures[name] = statistics.mean(
            _ndcg(titles, asked.relevant)
            for (titles, _), asked in zip(found, one.questions, strict=True)
        )
        figures[f"{name} ms"] = statistics.median(times)
        figures[f"{name} p95 ms"] = statistics.quantiles(times, n=20)[-1]
        figures[f"{name} nothing"] = statistics.mean(not titles for titles, _ in found)
    foreign = [
        asked
        for other in sets
        if other is not one
        for asked in other.questions[:_FOREIGN_QUESTIONS]
    ]
    if foreign:
        figures["foreign"] = statistics.mean(
            bool(_search(one, asked, words=True, vector=True)) for asked in foreign
        )
    return figures


def _timed(
    one: Collection, asked: Question, *, words: bool, vector: bool
) -> tuple[list[str], float]:
    began = time.perf_counter()
    found = _search(one, asked, words=words, vector=vector)
    return found, (time.perf_counter() - began) * 1000


def _search(one: Collection, question: Question, *, words: bool, vector: bool) -> list[str]:
    """Titles of the documents found, each once."""
    from chatbot.retrieval.selectors import search  # noqa: PLC0415 - after django.setup

    passages = search(
        user_id=one.user,
        brain_id=one.brain,
        question=question.text if words else "",
        vector=question.vector if vector else None,
        limit=_PASSAGES,
    )
    return list(dict.fromkeys(passage.title for passage in passages))[:DEPTH]


def _ndcg(found: Sequence[str], relevant: Relevant) -> float:
    """Linear gains, as in BEIR."""
    gains = [relevant.get(title, 0) for title in found[:DEPTH]]
    best = sorted(relevant.values(), reverse=True)[:DEPTH]
    return _discounted(gains) / (_discounted(best) or 1)


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(place) for place, gain in enumerate(gains, start=2))


def _lines(path: Path) -> list[dict[str, Any]]:
    with path.open() as file:
        return [json.loads(line) for line in file]


if __name__ == "__main__":
    main()
