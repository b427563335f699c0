"""`/v1/chat/completions`, with a plain HTTP client."""

import json
import time
from typing import Any
from uuid import UUID

import pytest
from redis import Redis

from chatbot.accounts.models import Scope, User
from chatbot.accounts.services.tokens import end_sessions
from chatbot.conversations.models import Conversation, Message, Origin, Turn, TurnState
from chatbot.conversations.selectors import find_conversations
from tests.chat_service.openai_calls import OpenAICaller, request, streamed
from tests.chat_service.processes import ChatProcess
from tests.child_processes import wait_until
from tests.factories.accounts import make_api_key, make_user
from tests.factories.inference import make_endpoint, make_model
from tests.fakes.script import generated
from tests.fakes.scripted_server import ScriptedServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def model(transactional_db: None, scripted_server: ScriptedServer) -> None:  # noqa: ARG001 - rows
    make_endpoint(make_model(name="Scripted"), base_url=scripted_server.base_url)


@pytest.fixture
def caller(chat: ChatProcess, person: User) -> OpenAICaller:
    return OpenAICaller(chat, person)


class TestCompletion:
    def test_is_answered_whole(self, caller: OpenAICaller, scripted_server: ScriptedServer) -> None:
        scripted_server.script(tokens=30)

        body = caller.ask("What is a brainstem?")

        [choice] = body["choices"]
        assert (body["object"], body["model"]) == ("chat.completion", "Scripted")
        assert choice["message"]["role"] == "assistant"
        assert choice["message"]["content"] == generated(30)
        assert choice["finish_reason"] == "stop"
        assert body["usage"] == {
            "prompt_tokens": 4,
            "completion_tokens": 30,
            "total_tokens": 34,
        }
        assert abs(body["created"] - time.time()) < 60

    def test_is_streamed(self, caller: OpenAICaller, scripted_server: ScriptedServer) -> None:
        scripted_server.script(tokens=40, rate=200, language="ko")

        answer = caller.stream("뇌간이 무엇입니까?")

        first, last = answer.chunks[0], answer.chunks[-1]
        assert answer.is_done
        assert answer.text == generated(40, "ko")
        assert answer.reasons == ["stop"]
        assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
        assert last["choices"][0] == {
            "index": 0,
            "delta": {},
            "logprobs": None,
            "finish_reason": "stop",
        }
        assert {chunk["object"] for chunk in answer.chunks} == {"chat.completion.chunk"}
        assert {chunk["model"] for chunk in answer.chunks} == {"Scripted"}
        assert answer.id.startswith("chatcmpl-")
        assert "usage" not in last
        assert answer.seqs == sorted(set(answer.seqs))

    def test_counts_tokens_in_the_stream_on_request(
        self, caller: OpenAICaller, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(tokens=12)

        answer = caller.stream("What?", stream_options={"include_usage": True})

        *others, last = answer.chunks
        assert last["choices"] == []
        assert last["usage"] == {"prompt_tokens": 1, "completion_tokens": 12, "total_tokens": 13}
        assert {chunk["usage"] for chunk in others} == {None}

    def test_estimates_what_the_server_does_not_count(
        self, caller: OpenAICaller, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(tokens=12, no_usage=True)

        usage = caller.ask("What?")["usage"]

        assert usage["is_estimated"] is True
        assert usage["completion_tokens"] > 5
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]

    def test_is_stored_like_every_answer(
        self, caller: OpenAICaller, person: User, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(tokens=20)

        answer = caller.stream("What is a brainstem?")

        turn = Turn.objects.select_related("answer", "question", "conversation").get()
        assert answer.id == f"chatcmpl-{turn.pk.hex}"
        assert (turn.state, turn.question.text) == (TurnState.COMPLETED, "What is a brainstem?")
        assert turn.answer.text == generated(20)
        assert turn.conversation.origin == Origin.API
        assert list(find_conversations(user=person)) == []

    def test_gives_the_messages_on_as_they_are(
        self, caller: OpenAICaller, scripted_server: ScriptedServer
    ) -> None:
        called = {"name": "weather", "arguments": '{"place": "Seoul"}'}
        messages = [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "How is it?"}]},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c1", "type": "function", "function": called}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "Rain"},
        ]

        caller.ask(messages=messages)

        [seen] = scripted_server.requests()
        assert seen["messages"] == [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "How is it?"},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": "c1", "type": "function", "function": called}],
            },
            {"role": "tool", "content": "Rain", "tool_call_id": "c1"},
        ]

    def test_gives_options_on(self, caller: OpenAICaller, scripted_server: ScriptedServer) -> None:
        tool = {"type": "function", "function": {"name": "weather", "parameters": {}}}
        options: dict[str, Any] = {
            "temperature": 0.3,
            "top_p": 0.9,
            "seed": 7,
            "stop": ["END"],
            "response_format": {"type": "json_object"},
            "tools": [tool],
            "tool_choice": "auto",
        }

        caller.ask(**options, max_completion_tokens=5, some_field_of_tomorrow={"x": 1}, n=1)

        [seen] = scripted_server.requests()
        assert seen | options == seen
        assert seen["max_tokens"] == 5
        assert "some_field_of_tomorrow" not in seen

    def test_ends_at_the_limit_that_was_asked_for(
        self, caller: OpenAICaller, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(tokens=30)

        [choice] = caller.ask(max_tokens=3)["choices"]

        assert choice["finish_reason"] == "length"
        assert choice["message"]["content"] == generated(3)

    def test_tells_what_the_model_thinks(
        self, caller: OpenAICaller, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(tokens=10, reasoning='Let me "think".')

        answer = caller.stream()
        message = caller.ask()["choices"][0]["message"]

        assert (answer.reasoning, answer.text) == ('Let me "think".', generated(10))
        assert message["reasoning_content"] == answer.reasoning
        assert message["content"] == answer.text

    def test_can_be_of_a_model_by_its_id(
        self, caller: OpenAICaller, scripted_server: ScriptedServer
    ) -> None:
        other = make_model(name="Other")
        make_endpoint(other, base_url=scripted_server.base_url, upstream_model="there")

        body = caller.ask(model=str(other.pk))

        assert body["model"] == str(other.pk)
        assert scripted_server.requests()[0]["model"] == "there"

    def test_is_asked_once_with_a_key(
        self, caller: OpenAICaller, scripted_server: ScriptedServer
    ) -> None:
        first, second = (
            caller.call("POST", "chat/completions", request(), Idempotency_Key="key-1")
            for _ in range(2)
        )

        assert first[1]["id"] == second[1]["id"]
        assert first[1]["choices"] == second[1]["choices"]
        assert len(scripted_server.requests()) == 1

    def test_refuses_a_key_of_another_question(self, caller: OpenAICaller) -> None:
        caller.call("POST", "chat/completions", request("One?"), Idempotency_Key="key-1")

        status, body = caller.call(
            "POST", "chat/completions", request("Two?"), Idempotency_Key="key-1"
        )

        assert (status, body["error"]["code"]) == (409, "client-id-used")

    def test_outlives_its_client(
        self, caller: OpenAICaller, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(tokens=60, rate=100)
        with caller.response("POST", "chat/completions", request(stream=True)) as response:
            begun = streamed(response, count=5)

        wait_until(
            lambda: Turn.objects.get().state == TurnState.COMPLETED, seconds=10, what="answer"
        )

        _, body = caller.call("GET", f"chat/completions/{begun.id}")
        assert body["choices"][0]["message"]["content"] == generated(60)

    def test_ends_for_somebody_whose_key_was_revoked(
        self, caller: OpenAICaller, person: User, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(tokens=300, rate=10)
        with caller.response("POST", "chat/completions", request(stream=True)) as response:
            streamed(response, count=3)

            end_sessions(user=person)
            ended_at = time.monotonic()
            rest = streamed(response)

        assert time.monotonic() - ended_at < 6
        assert rest.error["code"] == "invalid_api_key"
        assert not rest.is_done


class TestResume:
    def test_goes_on_after_the_last_number(
        self, caller: OpenAICaller, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(tokens=80, rate=100)
        with caller.response("POST", "chat/completions", request(stream=True)) as response:
            begun = streamed(response, count=12)

        rest = caller.resume(begun.id, f"&starting_after={begun.seqs[-1]}")

        assert begun.text + rest.text == generated(80)
        assert rest.is_done
        assert rest.chunks[0]["choices"][0]["delta"].keys() == {"content"}

    def test_goes_on_after_the_last_event_id(
        self, caller: OpenAICaller, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(tokens=40, rate=20)
        answer = caller.stream()

        rest = caller.resume(answer.id, Last_Event_ID=str(answer.seqs[1]))

        told = [chunk for chunk in answer.chunks if chunk["choices"][0]["delta"].get("content")]
        seen = "".join(chunk["choices"][0]["delta"]["content"] for chunk in told[:2])
        assert seen + rest.text == generated(40)

    def test_tells_all_from_the_beginning(
        self, caller: OpenAICaller, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(tokens=40)
        answer = caller.stream()

        again = caller.resume(answer.id)

        assert (again.text, again.is_done) == (answer.text, True)

    def test_says_when_the_whole_text_comes_again(
        self, caller: OpenAICaller, scripted_server: ScriptedServer, redis: Redis
    ) -> None:
        scripted_server.script(tokens=40)
        answer = caller.stream()
        redis.flushdb()

        rest = caller.resume(answer.id, f"&starting_after={answer.seqs[0]}")

        [whole] = [chunk for chunk in rest.chunks if chunk.get("resumed")]
        assert whole["choices"][0]["delta"]["content"] == generated(40)
        assert rest.reasons == ["stop"]

    @pytest.mark.parametrize("after", ["x", "-1", "9" * 19, "9" * 40])
    def test_refuses_a_number_that_is_none(self, after: str, caller: OpenAICaller) -> None:
        answer = caller.ask()

        status, body = caller.call(
            "GET", f"chat/completions/{answer['id']}?stream=true&starting_after={after}"
        )

        assert (status, body["error"]["param"]) == (400, "starting_after")


class TestStoredCompletion:
    def test_is_the_answer(self, caller: OpenAICaller, scripted_server: ScriptedServer) -> None:
        scripted_server.script(tokens=10, reasoning="Hm.")
        answer = caller.ask()

        status, stored = caller.call("GET", f"chat/completions/{answer['id']}")

        assert status == 200
        assert stored == {**answer, "status": "completed"}

    def test_says_that_it_goes_on(
        self, caller: OpenAICaller, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(tokens=300, rate=20)
        with caller.response("POST", "chat/completions", request(stream=True)) as response:
            begun = streamed(response, count=2)

        _, body = caller.call("GET", f"chat/completions/{begun.id}")

        assert body["status"] == "in_progress"
        assert body["choices"][0]["finish_reason"] is None

    def test_is_stopped_and_kept(
        self, caller: OpenAICaller, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(tokens=500, rate=20)
        with caller.response("POST", "chat/completions", request(stream=True)) as response:
            begun = streamed(response, count=6)

            status, _ = caller.call("POST", f"chat/completions/{begun.id}/cancel")
            rest = streamed(response)

        _, stored = caller.call("GET", f"chat/completions/{begun.id}")
        assert (status, stored["status"]) == (200, "cancelled")
        assert (rest.reasons, rest.is_done) == (["stop"], True)
        assert stored["choices"][0]["message"]["content"] == begun.text + rest.text
        assert scripted_server.stats()["aborted"] >= 1

    def test_is_deleted_with_all_that_belongs_to_it(self, caller: OpenAICaller) -> None:
        answer = caller.ask()

        status, body = caller.call("DELETE", f"chat/completions/{answer['id']}")

        assert (status, body["deleted"]) == (200, True)
        assert not Conversation.objects.exists()
        assert not Message.objects.exists()
        assert caller.call("GET", f"chat/completions/{answer['id']}")[0] == 404

    @pytest.mark.parametrize(
        ("method", "suffix"),
        [("GET", ""), ("GET", "?stream=true"), ("POST", "/cancel"), ("DELETE", "")],
    )
    def test_of_somebody_else_does_not_exist(
        self, method: str, suffix: str, caller: OpenAICaller, chat: ChatProcess
    ) -> None:
        theirs = caller.ask()["id"]
        stranger = OpenAICaller(chat, make_user())

        foreign = stranger.call(method, f"chat/completions/{theirs}{suffix}")
        absent = stranger.call(method, f"chat/completions/chatcmpl-{UUID(int=7).hex}{suffix}")

        assert foreign == absent
        assert foreign[0] == 404
        assert Turn.objects.exists()


class TestFailure:
    @pytest.mark.parametrize("streaming", [{}, {"stream": True}], ids=["whole", "streamed"])
    @pytest.mark.parametrize(
        ("script", "status", "code"),
        [
            ({"error_status": 503}, 503, "inference-busy"),
            ({"error_status": 400}, 400, "inference-bad-request"),
            ({"error_status": 401}, 502, "inference-refused"),
            (
                {"error_status": 400, "error_message": "maximum context length is 8 tokens"},
                400,
                "context_length_exceeded",
            ),
            ({"die_after": 0}, 503, "inference-gone"),
        ],
        ids=["busy", "bad-request", "refused", "too-long", "gone"],
    )
    def test_before_the_first_word_has_a_status(
        self,
        script: dict[str, object],
        status: int,
        code: str,
        streaming: dict[str, Any],
        caller: OpenAICaller,
        scripted_server: ScriptedServer,
    ) -> None:
        scripted_server.script(**script)

        got, body = caller.call("POST", "chat/completions", request(**streaming))

        assert (got, body["error"]["code"]) == (status, code)
        assert body["error"].keys() == {"message", "type", "param", "code"}

    def test_after_it_is_an_event(
        self, caller: OpenAICaller, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(tokens=50, die_after=10, rate=100)

        answer = caller.stream()

        assert answer.text == generated(50)[: len(answer.text)]
        assert answer.error["code"] == "inference-gone"
        assert not answer.is_done

    def test_is_stored(self, caller: OpenAICaller, scripted_server: ScriptedServer) -> None:
        scripted_server.script(tokens=50, die_after=10, rate=100)
        answer = caller.stream()
        turn = Turn.objects.get()

        _, stored = caller.call("GET", f"chat/completions/{turn.pk}")

        assert (stored["status"], stored["error"]["code"]) == ("failed", "inference-gone")
        assert stored["choices"][0]["message"]["content"] == answer.text

    def test_of_a_limit_says_when_to_try_again(self, chat: ChatProcess, person: User) -> None:
        caller = OpenAICaller(chat, person)
        conversation = Conversation.objects.create(user=person)
        for ordinal in range(0, 64, 2):
            question, answer = (
                Message.objects.create(conversation=conversation, ordinal=ordinal + more)
                for more in (1, 2)
            )
            Turn.objects.create(
                conversation=conversation,
                question=question,
                answer=answer,
                state=TurnState.RUNNING,
                leased_until="2100-01-01T00:00:00Z",
            )

        with caller.response("POST", "chat/completions", request()) as response:
            assert response.status == 429
            assert int(response.headers["Retry-After"]) > 0

    def test_of_a_used_up_quota_is_told_as_such(self, chat: ChatProcess, person: User) -> None:
        key, secret = make_api_key(person, Scope.CHAT)
        type(key).objects.filter(pk=key.pk).update(tokens_per_day=5)
        caller = OpenAICaller(chat, None, token=secret)
        caller.ask()

        with caller.response("POST", "chat/completions", request(stream=True)) as response:
            assert response.status == 429
            assert int(response.headers["Retry-After"]) > 0
            assert json.load(response)["error"]["code"] == "insufficient_quota"


class TestDoor:
    @pytest.mark.parametrize(
        ("method", "address"),
        [
            ("GET", "models"),
            ("GET", "models/Scripted"),
            ("POST", "chat/completions"),
            ("GET", "chat/completions/x"),
            ("DELETE", "chat/completions/x"),
            ("POST", "chat/completions/x/cancel"),
        ],
    )
    @pytest.mark.parametrize("token", ["", "bst_wrong", "not-a-token"])
    def test_wants_a_key(self, token: str, method: str, address: str, chat: ChatProcess) -> None:
        caller = OpenAICaller(chat, None, token=token)

        with caller.response(method, address, b"not json") as response:
            assert response.status == 401
            assert response.headers["WWW-Authenticate"]

    def test_is_closed_to_a_key_without_the_scope(self, chat: ChatProcess, person: User) -> None:
        _, secret = make_api_key(person, Scope.BRAINS_READ)

        status, body = OpenAICaller(chat, None, token=secret).call("GET", "models")

        assert (status, body["error"]["code"]) == (403, "scope-missing")

    def test_opens_to_a_key_with_the_scope(self, chat: ChatProcess, person: User) -> None:
        _, secret = make_api_key(person, Scope.CHAT)

        assert OpenAICaller(chat, None, token=secret).ask()["choices"]

    def test_does_not_look_at_cookies(self, chat: ChatProcess) -> None:
        caller = OpenAICaller(chat, None)

        status, body = caller.call("GET", "models", Cookie="sessionid=abc; brainstem_session=abc")

        assert (status, body["error"]["code"]) == (401, "invalid_api_key")

    @pytest.mark.parametrize(
        ("method", "address", "status"),
        [
            ("GET", "nothing", 404),
            ("POST", "embeddings", 404),
            ("GET", "chat/completions", 405),
            ("POST", "models", 405),
        ],
    )
    def test_has_no_other_addresses(
        self, method: str, address: str, status: int, caller: OpenAICaller
    ) -> None:
        got, body = caller.call(method, address)

        assert got == status
        assert body["error"]["message"]

    def test_refuses_a_large_body(self, caller: OpenAICaller) -> None:
        status, body = caller.call("POST", "chat/completions", request("x" * 1_100_000))

        assert (status, body["error"]["code"]) == (413, "too-large")

    def test_takes_a_body_of_almost_a_megabyte(
        self, caller: OpenAICaller, scripted_server: ScriptedServer
    ) -> None:
        long = "word " * 200_000

        caller.ask(long)

        assert scripted_server.requests()[0]["messages"][0]["content"] == long
