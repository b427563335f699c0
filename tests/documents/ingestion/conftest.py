"""A brain, and a document in it that waits."""

import pytest

from chatbot.brains.models import Brain
from chatbot.documents.models import IngestionJob
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.documents import make_document, make_job


@pytest.fixture
def brain() -> Brain:
    return make_brain(owner=make_user())


@pytest.fixture
def job(brain: Brain) -> IngestionJob:
    return make_job(make_document(brain))
