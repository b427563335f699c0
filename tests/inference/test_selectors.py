import pytest

from chatbot.inference.models import ModelKind, Source
from chatbot.inference.selectors import (
    chat_models,
    default_chat_model,
    embedding_endpoint,
    endpoints_of,
    is_of_environment,
    watched_endpoints,
)
from tests.factories.inference import make_embedding_endpoint, make_endpoint, make_model

pytestmark = pytest.mark.django_db


class TestChatModels:
    def test_tell_which_are_served(self) -> None:
        make_endpoint(make_model(name="A"))
        make_endpoint(make_model(name="B"), is_enabled=False)
        make_model(name="C")
        make_model(name="D", kind=ModelKind.EMBEDDING)

        found = [(model.name, getattr(model, "is_available", None)) for model in chat_models()]

        assert found == [("A", True), ("B", False), ("C", False)]


class TestDefaultChatModel:
    def test_is_the_marked_one(self) -> None:
        make_endpoint(make_model())
        marked = make_endpoint(make_model(is_default=True)).model

        assert default_chat_model() == marked

    def test_is_another_when_the_marked_one_is_not_served(self) -> None:
        make_model(is_default=True)
        served = make_endpoint(make_model()).model

        assert default_chat_model() == served

    def test_is_none_without_models(self) -> None:
        make_embedding_endpoint()

        assert default_chat_model() is None


class TestEndpointsOf:
    def test_puts_the_healthy_first_and_leaves_out_the_disabled(self) -> None:
        model = make_model()
        sick = make_endpoint(model, is_healthy=False)
        unknown = make_endpoint(model, is_healthy=None)
        healthy = make_endpoint(model, is_healthy=True)
        make_endpoint(model, is_healthy=True, is_enabled=False)
        make_endpoint()

        assert endpoints_of(model) == [healthy, unknown, sick]

    def test_goes_by_priority_first_and_leaves_out_the_drained(self) -> None:
        model = make_model()
        spare = make_endpoint(model, is_healthy=True, priority=1)
        first = make_endpoint(model, is_healthy=False)
        make_endpoint(model, is_draining=True)

        assert endpoints_of(model) == [first, spare]


class TestWatchedEndpoints:
    def test_are_all_of_chat_that_are_not_switched_off(self) -> None:
        chat = make_endpoint(is_draining=True)
        make_endpoint(is_enabled=False)
        make_embedding_endpoint()

        assert watched_endpoints() == [chat]


class TestEmbeddingEndpoint:
    def test_is_the_default_models(self) -> None:
        make_endpoint(make_model(kind=ModelKind.EMBEDDING))
        endpoint = make_embedding_endpoint()

        assert embedding_endpoint() == endpoint

    def test_is_none_without_one(self) -> None:
        make_endpoint()
        make_model(kind=ModelKind.EMBEDDING)

        assert embedding_endpoint() is None


class TestIsOfEnvironment:
    @pytest.mark.parametrize(
        ("source", "expected"), [(Source.ENVIRONMENT, True), (Source.ADMIN, False)]
    )
    def test_goes_by_the_endpoints(self, source: Source, *, expected: bool) -> None:
        endpoint = make_endpoint(source=source)

        assert is_of_environment(endpoint.model) is expected
