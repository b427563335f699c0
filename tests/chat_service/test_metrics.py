"""What Prometheus reads, after traffic that is known to the last token."""

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chatbot.accounts.models import User
from chatbot.conversations.models import Conversation, Turn
from tests.chat_service.client import ChatClient
from tests.chat_service.processes import ChatProcess, running_chat_process
from tests.chat_service.test_sse import events_of, stream
from tests.child_processes import wait_until
from tests.factories.conversations import make_conversation, make_orphan
from tests.factories.inference import make_endpoint, make_model
from tests.fakes.script import tokens_of
from tests.fakes.scripted_server import ScriptedServer

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "a token for the scraper"  # noqa: S105 - of these tests
Figures = Callable[..., float]


def page(chat: ChatProcess, **headers: str) -> tuple[int, str]:
    """Status and body of /stream/metrics."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"{chat.http}/stream/metrics", headers=sent)  # noqa: S310 - our own
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - as above
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def scraped(chat: ChatProcess) -> Figures:
    """A function from a name and some labels to the sum of the samples that have them."""
    status, text = page(chat)
    assert status == 200
    samples = [
        sample for family in text_string_to_metric_families(text) for sample in family.samples
    ]

    def figure(name: str, **labels: str) -> float:
        return sum(
            sample.value
            for sample in samples
            if sample.name == f"brainstem_chat_{name}" and labels.items() <= sample.labels.items()
        )

    return figure


@pytest.fixture
def endpoint_id(scripted_server: ScriptedServer, transactional_db: None) -> str:  # noqa: ARG001 - the database comes first
    """Of the endpoint of the default model, which has one place."""
    endpoint = make_endpoint(
        make_model(name="Scripted", is_default=True),
        base_url=scripted_server.base_url,
        concurrency=1,
    )
    return str(endpoint.pk)


@pytest.fixture
def fresh(endpoint_id: str) -> Iterator[ChatProcess]:  # noqa: ARG001 - it answers
    """A process that has counted nothing."""
    with running_chat_process() as process:
        yield process


class TestFigures:
    def test_are_exactly_what_happened(
        self, fresh: ChatProcess, person: User, conversation: Conversation, endpoint_id: str
    ) -> None:
        with ChatClient(fresh, person) as client:
            ends = []
            for _ in range(3):
                client.ask(conversation.pk, 'What? [[script {"tokens": 20, "rate": 100}]]')
                ends.append(client.answer())
            client.ask(conversation.pk, 'What? [[script {"error_status": 401}]]')
            client.answer()
            asked = client.ask(conversation.pk, 'What? [[script {"tokens": 500, "rate": 50}]]')
            stopped = client.tokens(5)
            client.send(type="stop", turn=asked["turn"])
            client.answer(to=stopped)
            client.send(type="subscribe", turn=str(person.pk))
            client.until("error")

        figure = scraped(fresh)
        usage = [event for end in ends for event in end.events if event["type"] == "usage"]
        gaps = [len(tokens_of(end.text)) - 1 for end in [*ends, stopped]]
        assert figure("answers_total", model="Scripted", outcome="completed") == 3
        assert figure("answers_total", model="Scripted", outcome="stopped") == 1
        assert figure("answers_total", model="Scripted", outcome="failed") == 1
        assert figure("answer_failures_total", code="inference-refused") == 1
        assert figure("upstream_errors_total", endpoint=endpoint_id, code="inference-refused") == 1
        assert figure("upstream_errors_total") == figure("refusals_total") == 1
        assert figure("tokens_total", kind="prompt") == sum(one["prompt_tokens"] for one in usage)
        assert figure("tokens_total", kind="completion") == 60
        assert figure("first_token_seconds_count", model="Scripted") == 4
        assert figure("answer_seconds_count", outcome="completed") == 3
        assert figure("answer_seconds_count") == 5
        assert figure("token_gap_seconds_count") == sum(gaps)
        assert 0.005 < figure("token_gap_seconds_sum") / sum(gaps) < 1
        assert figure("refusals_total", code="not-found") == 1
        assert figure("admission_wait_seconds_count", endpoint=endpoint_id) == 5

    def test_tell_what_goes_on_now(
        self,
        fresh: ChatProcess,
        person: User,
        conversation: Conversation,
        scripted_server: ScriptedServer,
        endpoint_id: str,
    ) -> None:
        scripted_server.script(tokens=500, rate=50)
        with ChatClient(fresh, person) as client:
            turns = [client.ask(conversation.pk, "What?")["turn"]]
            client.tokens(1)
            client.send(type="ask", conversation=str(conversation.pk), text="And?", client_id="2")
            turns.append(client.until("asked")[-1]["turn"])
            client.until("turn.queued")

            now = scraped(fresh)

            for turn_id in reversed(turns):
                client.send(type="stop", turn=turn_id)
        wait_until(lambda: not scraped(fresh)("active_streams"), seconds=10, what="rest")
        later = scraped(fresh)
        assert now("active_streams") == 2
        assert now("endpoint_running", endpoint=endpoint_id) == 1
        assert now("endpoint_waiting", endpoint=endpoint_id) == 1
        assert now("open_connections", door="websocket") == 1
        assert now("dependency_up", dependency="postgres") == 1
        assert now("dependency_up", dependency="redis") == 1
        assert later("endpoint_running") == later("endpoint_waiting") == 0
        assert later("open_connections") == 0

    def test_count_who_comes_back_and_what_was_taken_over(
        self, fresh: ChatProcess, person: User, conversation: Conversation
    ) -> None:
        with ChatClient(fresh, person) as client:
            asked = client.ask(conversation.pk, 'What? [[script {"tokens": 30, "rate": 100}]]')
            client.answer()
            client.subscribe(asked["turn"], after=2)
            client.answer()
        with stream(fresh, asked["turn"], person, "?after=2") as response:
            events_of(response)
        orphan = make_orphan(make_conversation(person))
        wait_until(
            lambda: Turn.objects.get(pk=orphan.pk).state == "completed", seconds=20, what="end"
        )

        figure = scraped(fresh)
        assert figure("resumes_total", door="websocket") == 1
        assert figure("resumes_total", door="sse") == 1
        assert figure("take_overs_total") == 1


class TestAccess:
    @pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
    def test_is_not_lent_by_a_proxy_on_this_machine(self, header: str, chat: ChatProcess) -> None:
        assert page(chat)[0] == 200
        assert page(chat, **{header: "127.0.0.1"})[0] == 403

    def test_is_whoever_has_the_token(self) -> None:
        with running_chat_process(METRICS_TOKEN=TOKEN) as chat:
            statuses = [
                page(chat)[0],
                page(chat, Authorization=f"Bearer {TOKEN}!")[0],
                page(chat, Authorization=f"Basic {TOKEN}")[0],
                page(chat, Authorization=f"Bearer {TOKEN}", Via="a proxy")[0],
            ]

        assert statuses == [401, 401, 401, 200]
