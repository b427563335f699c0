import re
import time
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from chatbot.contracts import keys
from chatbot.inference.api_keys import decrypted
from chatbot.inference.circuits import Check, OpenedBy, Opening, encoded_places, place_id
from chatbot.inference.models import InferenceEndpoint, InferenceModel, Source
from chatbot.jobs import redis_client
from tests.factories.accounts import make_user
from tests.factories.inference import make_embedding_endpoint, make_endpoint, make_model

if TYPE_CHECKING:
    from django.test import Client

    from tests.fakes.scripted_server import ScriptedServer

pytestmark = pytest.mark.django_db

ENDPOINTS = "admin:inference_inferenceendpoint"
ORDER_AND_LIMITS = {
    "discovery": "none",
    "priority": "0",
    "weight": "1",
    "connect_seconds": "2",
    "between_tokens_seconds": "30",
    "total_seconds": "600",
}
MODELS = "admin:inference_inferencemodel"


@pytest.fixture
def admin(client: "Client") -> "Client":
    client.force_login(make_user(is_admin=True))
    return client


def messages_in(page: bytes) -> list[str]:
    return re.findall(r'<li class="(?:success|error)[^"]*">(.*?)</li>', page.decode())


def form_of(endpoint: InferenceEndpoint, **changes: str) -> dict[str, str]:
    return {
        "model": str(endpoint.model_id),
        "protocol": endpoint.protocol,
        "base_url": endpoint.base_url,
        "upstream_model": endpoint.upstream_model,
        "concurrency": str(endpoint.concurrency),
        **ORDER_AND_LIMITS,
        "is_enabled": "on",
        **changes,
    }


class TestEndpointPages:
    def test_list_tells_the_state(self, admin: "Client") -> None:
        endpoint = make_endpoint()
        redis_client().zadd(keys.endpoint_running(endpoint.pk), {"a": 4e12, "gone": 1.0})
        redis_client().zadd(keys.endpoint_waiting(endpoint.pk), {"b": 1.0, "c": 2.0})
        opening = Opening(time.time(), OpenedBy.ANSWERS, "inference-gone")
        redis_client().set(keys.endpoint_circuit(endpoint.pk), opening.encoded())
        check = Check(time.time() - 3, is_healthy=True, queue=17)
        redis_client().set(keys.endpoint_check(endpoint.pk), check.encoded())

        page = admin.get(reverse(f"{ENDPOINTS}_changelist")).content.decode()

        assert "1 / 2" in page
        assert "open (inference-gone)" in page
        assert 3 <= int(re.findall(r"well, (\d+) s ago", page)[0]) < 60
        assert ">17<" in page

    def test_list_tells_the_state_of_each_address(self, admin: "Client") -> None:
        endpoint = make_endpoint(discovery="dns")
        places = {address: place_id(endpoint.pk, address) for address in ("10.0.0.1", "10.0.0.2")}
        redis_client().set(keys.endpoint_places(endpoint.pk), encoded_places(places))
        for running, place in enumerate(places.values(), start=1):
            turns = {str(turn): 4e12 for turn in range(running)}
            redis_client().zadd(keys.endpoint_running(place), turns)

        page = admin.get(reverse(f"{ENDPOINTS}_changelist")).content.decode()

        assert "3 / 0" in page
        assert "10.0.0.1 closed<br>10.0.0.2 closed" in page

    @pytest.mark.parametrize(
        ("action", "before", "after"), [("drain", False, True), ("undrain", True, False)]
    )
    def test_drain_and_end_it(
        self, admin: "Client", action: str, *, before: bool, after: bool
    ) -> None:
        endpoint = make_endpoint(is_draining=before)
        chosen = {"action": action, "_selected_action": [str(endpoint.pk)]}

        admin.post(reverse(f"{ENDPOINTS}_changelist"), chosen, follow=True)

        endpoint.refresh_from_db()
        assert endpoint.is_draining is after

    def test_refuse_to_look_for_addresses_behind_certificates(self, admin: "Client") -> None:
        endpoint = make_endpoint(base_url="https://models:8000/v1")
        address = reverse(f"{ENDPOINTS}_change", args=[endpoint.pk])

        page = admin.post(address, form_of(endpoint, discovery="dns")).content.decode()

        assert "Servers are found by DNS for http:// and grpc:// only." in page

    def test_check_now_says_that_it_works(
        self, admin: "Client", scripted_server: "ScriptedServer"
    ) -> None:
        endpoint = make_endpoint(base_url=scripted_server.base_url)
        address = reverse(f"{ENDPOINTS}_change", args=[endpoint.pk])

        response = admin.post(address, {"_press": "check"}, follow=True)

        assert "works: serves scripted, can continue an answer" in messages_in(response.content)[0]

    def test_check_now_says_what_is_wrong(self, admin: "Client") -> None:
        endpoint = make_endpoint()
        action = {"action": "check_now", "_selected_action": [str(endpoint.pk)]}

        response = admin.post(reverse(f"{ENDPOINTS}_changelist"), action, follow=True)

        assert "reached or broke off" in messages_in(response.content)[0]

    def test_take_a_key_and_never_show_it(self, admin: "Client") -> None:
        endpoint = make_endpoint()
        address = reverse(f"{ENDPOINTS}_change", args=[endpoint.pk])

        admin.post(address, form_of(endpoint, api_key="sesame"))

        endpoint.refresh_from_db()
        assert decrypted(endpoint.encrypted_api_key) == "sesame"
        assert "sesame" not in admin.get(address).content.decode()

    @pytest.mark.parametrize("key", ["\u201csesame\u201d", "ses ame", "ses\tame"])
    def test_refuse_a_key_that_can_not_be_sent(self, key: str, admin: "Client") -> None:
        endpoint = make_endpoint(api_key="sesame")
        address = reverse(f"{ENDPOINTS}_change", args=[endpoint.pk])

        page = admin.post(address, form_of(endpoint, api_key=key)).content.decode()

        endpoint.refresh_from_db()
        assert decrypted(endpoint.encrypted_api_key) == "sesame"
        assert "letters, digits and signs of ASCII only" in page

    @pytest.mark.parametrize(
        ("changes", "kept"),
        [({}, "sesame"), ({"forget_api_key": "on"}, "")],
        ids=["keep", "forget"],
    )
    def test_keep_a_key_until_told(
        self, admin: "Client", changes: dict[str, str], kept: str
    ) -> None:
        endpoint = make_endpoint(api_key="sesame")
        address = reverse(f"{ENDPOINTS}_change", args=[endpoint.pk])

        admin.post(address, form_of(endpoint, **changes))

        endpoint.refresh_from_db()
        assert decrypted(endpoint.encrypted_api_key) == kept

    def test_add_an_endpoint(self, admin: "Client") -> None:
        model = make_model()
        form = {
            "model": str(model.pk),
            "protocol": "openai",
            "base_url": "http://vllm:8000/",
            "upstream_model": "m",
            "concurrency": "8",
            **ORDER_AND_LIMITS,
            "is_enabled": "on",
            "api_key": "sesame",
        }

        admin.post(reverse(f"{ENDPOINTS}_add"), form)

        endpoint = InferenceEndpoint.objects.get()
        assert endpoint.base_url == "http://vllm:8000/v1"
        assert endpoint.source == Source.ADMIN
        assert decrypted(endpoint.encrypted_api_key) == "sesame"

    @pytest.mark.parametrize(
        ("protocol", "base_url", "meant"),
        [
            ("anthropic", "https://gateway", "https://gateway/v1"),
            ("kserve-http", "http://triton:8000", "http://triton:8000/v2"),
            ("kserve-grpc", "grpc://triton:8001/", "grpc://triton:8001"),
            ("session", "http://sessions:4096/", "http://sessions:4096"),
        ],
    )
    def test_take_every_protocol(
        self, admin: "Client", protocol: str, base_url: str, meant: str
    ) -> None:
        endpoint = make_endpoint()
        address = reverse(f"{ENDPOINTS}_change", args=[endpoint.pk])

        admin.post(address, form_of(endpoint, protocol=protocol, base_url=base_url))

        endpoint.refresh_from_db()
        assert (endpoint.protocol, endpoint.base_url) == (protocol, meant)

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ('{"colour": "red"}', "Unknown options: colour. Known: template"),
            ('{"template": "alpaca"}', "Unknown template: alpaca"),
            ("[]", "no JSON object"),
        ],
        ids=["unknown", "wrong", "no object"],
    )
    def test_refuse_options_of_another_protocol(
        self, admin: "Client", options: str, sentence: str
    ) -> None:
        endpoint = make_endpoint()
        address = reverse(f"{ENDPOINTS}_change", args=[endpoint.pk])
        form = form_of(endpoint, protocol="kserve-http", options=options)

        page = admin.post(address, form).content.decode()

        assert sentence in page

    def test_check_options_of_the_environments_rows_too(self, admin: "Client") -> None:
        endpoint = make_endpoint(source=Source.ENVIRONMENT)
        address = reverse(f"{ENDPOINTS}_change", args=[endpoint.pk])

        refused = admin.post(address, form_of(endpoint, options='{"colour": "red"}'))
        admin.post(address, form_of(endpoint, options='{"continues": true}'))

        endpoint.refresh_from_db()
        assert "Unknown options: colour" in refused.content.decode()
        assert endpoint.options == {"continues": True}

    def test_take_the_options_of_embedding_models(self, admin: "Client") -> None:
        endpoint = make_embedding_endpoint()
        address = reverse(f"{ENDPOINTS}_change", args=[endpoint.pk])

        refused = admin.post(address, form_of(endpoint, options='{"continues": true}'))
        admin.post(address, form_of(endpoint, options='{"max_tokens": 512}'))

        endpoint.refresh_from_db()
        assert "Unknown options: continues" in refused.content.decode()
        assert endpoint.options == {"max_tokens": 512}

    def test_refuse_embeddings_in_other_protocols(self, admin: "Client") -> None:
        endpoint = make_embedding_endpoint()
        address = reverse(f"{ENDPOINTS}_change", args=[endpoint.pk])

        page = admin.post(address, form_of(endpoint, protocol="anthropic")).content.decode()

        assert "Embeddings are asked for in OpenAI" in page

    def test_refuse_another_protocols_address(self, admin: "Client") -> None:
        endpoint = make_endpoint()
        address = reverse(f"{ENDPOINTS}_change", args=[endpoint.pk])

        page = admin.post(address, form_of(endpoint, protocol="kserve-grpc")).content.decode()

        assert "begin with grpc:// or grpcs://" in page

    def test_refuse_what_is_no_address(self, admin: "Client") -> None:
        endpoint = make_endpoint()
        address = reverse(f"{ENDPOINTS}_change", args=[endpoint.pk])

        page = admin.post(address, form_of(endpoint, base_url="ftp://host")).content.decode()

        assert "Begin with http:// or https://" in page

    def test_leave_the_environments_rows_to_the_environment(self, admin: "Client") -> None:
        endpoint = make_endpoint(source=Source.ENVIRONMENT, api_key="sesame")
        address = reverse(f"{ENDPOINTS}_change", args=[endpoint.pk])
        form = form_of(endpoint, base_url="http://other/v1", api_key="other", is_enabled="")

        admin.post(address, form)
        deletion = admin.get(reverse(f"{ENDPOINTS}_delete", args=[endpoint.pk]))

        before, after = endpoint, InferenceEndpoint.objects.get()
        assert (after.base_url, after.encrypted_api_key) == (
            before.base_url,
            before.encrypted_api_key,
        )
        assert not after.is_enabled
        assert deletion.status_code == 403


class TestModelPages:
    def test_make_a_model_the_default(self, admin: "Client") -> None:
        make_model(is_default=True)
        chosen = make_model(name="Chosen")
        address = reverse(f"{MODELS}_change", args=[chosen.pk])

        response = admin.post(address, {"_press": "default"}, follow=True)

        assert InferenceModel.objects.get(is_default=True) == chosen
        assert messages_in(response.content) == [
            "Chosen: answers now where nothing else is chosen."
        ]

    def test_let_one_write_titles_at_the_press_of_a_button(self, admin: "Client") -> None:
        make_model(writes_titles=True)
        chosen = make_model(name="Chosen")
        address = reverse(f"{MODELS}_change", args=[chosen.pk])

        response = admin.post(address, {"_press": "titles"}, follow=True)

        assert InferenceModel.objects.get(writes_titles=True) == chosen
        assert messages_in(response.content) == ["Chosen: names conversations from now on."]

        admin.post(address, {"_press": "no_titles"})

        assert not InferenceModel.objects.filter(writes_titles=True).exists()

    def test_list_tells_which_are_served(self, admin: "Client") -> None:
        make_endpoint()
        make_model()

        page = admin.get(reverse(f"{MODELS}_changelist")).content.decode()

        assert page.count('alt="True"') == 1

    def test_refuse_a_prompt_beyond_the_context(self, admin: "Client") -> None:
        model = make_model(context_tokens=1000)
        form = {
            "name": model.name,
            "kind": "chat",
            "context_tokens": "1000",
            "prompt_tokens": "900",
            "output_tokens": "200",
            "endpoints-TOTAL_FORMS": "0",
            "endpoints-INITIAL_FORMS": "0",
        }

        page = admin.post(reverse(f"{MODELS}_change", args=[model.pk]), form).content.decode()

        assert "must fit into the context" in page

    def test_leave_the_environments_limits_to_the_environment(self, admin: "Client") -> None:
        model = make_endpoint(source=Source.ENVIRONMENT).model

        page = admin.get(reverse(f"{MODELS}_change", args=[model.pk])).content.decode()

        assert 'name="name"' in page
        assert 'name="context_tokens"' not in page
