"""The official client for Python, as its documentation shows it."""

import asyncio

import openai
import pytest
from conftest import Script
from openai import AsyncOpenAI, OpenAI

MESSAGES = [{"role": "user", "content": "What is a brainstem?"}]
WORDS = "The brainstem keeps the body breathing while every other part is busy."
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
    },
}


@pytest.fixture
def client() -> OpenAI:
    return OpenAI(max_retries=0, timeout=20)


class TestClient:
    def test_lists_models(self, client: OpenAI) -> None:
        listed = list(client.models.list())

        assert "Scripted" in [one.id for one in listed]
        assert client.models.retrieve("Scripted") in listed

    def test_answers(self, client: OpenAI, script: Script) -> None:
        script(text=WORDS)

        answer = client.chat.completions.create(model="Scripted", messages=MESSAGES)

        assert answer.choices[0].message.content == WORDS
        assert answer.choices[0].finish_reason == "stop"
        assert answer.usage.total_tokens == answer.usage.prompt_tokens + 12

    def test_streams(self, client: OpenAI, script: Script) -> None:
        script(text=WORDS, rate=200)

        chunks = list(
            client.chat.completions.create(
                model="Scripted",
                messages=MESSAGES,
                stream=True,
                stream_options={"include_usage": True},
            )
        )

        text = "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)
        assert text == WORDS
        assert chunks[-1].usage.completion_tokens == 12

    def test_streams_with_the_helper(self, client: OpenAI, script: Script) -> None:
        script(text=WORDS, rate=200)

        with client.chat.completions.stream(model="Scripted", messages=MESSAGES) as stream:
            kinds = {event.type for event in stream}
            final = stream.get_final_completion()

        assert {"chunk", "content.delta", "content.done"} <= kinds
        assert final.choices[0].message.content == WORDS

    def test_calls_tools(self, client: OpenAI, script: Script) -> None:
        call = {"name": "weather", "arguments": '{"place": "서울"}'}
        script(tool_calls=[call], text="")

        whole = client.chat.completions.create(model="Scripted", messages=MESSAGES, tools=[TOOL])
        with client.chat.completions.stream(
            model="Scripted", messages=MESSAGES, tools=[TOOL]
        ) as stream:
            for _ in stream:
                pass
            final = stream.get_final_completion()

        for answer in (whole, final):
            [made] = answer.choices[0].message.tool_calls
            assert answer.choices[0].finish_reason == "tool_calls"
            assert (made.id, made.function.name) == ("call-0", "weather")
            assert made.function.arguments == '{"place": "서울"}'

    async def test_answers_many_at_once(self, script: Script) -> None:
        script(text=WORDS, rate=200)
        async with AsyncOpenAI(max_retries=0, timeout=20) as client:

            async def ask() -> str:
                stream = await client.chat.completions.create(
                    model="Scripted", messages=MESSAGES, stream=True
                )
                return "".join(
                    [one.choices[0].delta.content or "" async for one in stream if one.choices]
                )

            texts = await asyncio.gather(*(ask() for _ in range(10)))

        assert set(texts) == {WORDS}

    def test_reads_what_is_stored(self, client: OpenAI, script: Script) -> None:
        script(text=WORDS)
        answer = client.chat.completions.create(model="Scripted", messages=MESSAGES)

        stored = client.chat.completions.retrieve(answer.id)
        deleted = client.chat.completions.delete(answer.id)

        assert stored.choices[0].message.content == WORDS
        assert deleted.deleted
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.retrieve(answer.id)


class TestErrors:
    @pytest.mark.parametrize(
        ("status", "message", "kind"),
        [
            (503, "busy", openai.InternalServerError),
            (400, "maximum context length is 8 tokens", openai.BadRequestError),
            (400, "no", openai.BadRequestError),
        ],
    )
    @pytest.mark.parametrize("form", [{}, {"stream": True}], ids=["whole", "streamed"])
    def test_of_the_model_have_their_class(
        self,
        status: int,
        message: str,
        kind: type[openai.APIStatusError],
        form: dict[str, bool],
        client: OpenAI,
        script: Script,
    ) -> None:
        script(error_status=status, error_message=message)

        with pytest.raises(kind) as raised:
            client.chat.completions.create(model="Scripted", messages=MESSAGES, **form)

        assert raised.value.code
        assert raised.value.type

    def test_in_the_middle_are_raised(self, client: OpenAI, script: Script) -> None:
        script(text=WORDS, die_after=4, rate=100)
        stream = client.chat.completions.create(model="Scripted", messages=MESSAGES, stream=True)

        with pytest.raises(openai.APIError) as raised:
            list(stream)

        assert raised.value.code == "inference-gone"

    def test_of_a_wrong_key(self) -> None:
        with pytest.raises(openai.AuthenticationError) as raised:
            OpenAI(api_key="bst_wrong").models.list()

        assert raised.value.code == "invalid_api_key"

    def test_of_an_unknown_model(self, client: OpenAI) -> None:
        with pytest.raises(openai.NotFoundError) as raised:
            client.chat.completions.create(model="nothing", messages=MESSAGES)

        assert raised.value.code == "model_not_found"

    def test_of_what_is_not_possible(self, client: OpenAI) -> None:
        with pytest.raises(openai.BadRequestError) as raised:
            client.chat.completions.create(model="Scripted", messages=MESSAGES, n=2)

        assert raised.value.param == "n"

    def test_of_patience(self, client: OpenAI, script: Script) -> None:
        script(delay_ms=5000)

        with pytest.raises(openai.APITimeoutError):
            client.with_options(timeout=0.5).chat.completions.create(
                model="Scripted", messages=MESSAGES
            )
