from collections.abc import Sequence

import pytest
from pytest_django import DjangoAssertNumQueries

from chatbot.accounts.models import User
from chatbot.brains.models import Brain, BrainRole
from chatbot.retrieval import ranking, selectors
from chatbot.retrieval.selectors import Passage, search
from tests.factories.accounts import make_group, make_user
from tests.factories.brains import add_member, make_brain
from tests.factories.documents import version_of
from tests.factories.retrieval import EAST, NORTH, UP, index_document

pytestmark = pytest.mark.django_db

SEOUL = "서울은 대한민국의 수도이며 한강을 끼고 있다."
BUSAN = "부산은 대한민국에서 두 번째로 큰 도시이다."
OTTERS = "Sea otters sleep on their backs, holding hands."
WHALES = "Blue whales are the largest animals that ever lived."


@pytest.fixture
def user() -> User:
    return make_user()


@pytest.fixture
def brain(user: User) -> Brain:
    return make_brain(owner=user)


def ask(
    user: User,
    brain: Brain,
    question: str,
    vector: Sequence[float] | None = None,
    limit: int = 5,
) -> list[Passage]:
    return search(user_id=user.pk, brain_id=brain.pk, question=question, vector=vector, limit=limit)


def texts(passages: Sequence[Passage]) -> list[str]:
    return [passage.text for passage in passages]


class TestSearch:
    def test_tells_where_a_passage_stands(self, user: User, brain: Brain) -> None:
        document = index_document(brain, WHALES, OTTERS, title="Animals")

        found = ask(user, brain, "Where do otters sleep?")

        assert found == [
            Passage(
                document_id=document.pk,
                version_id=version_of(document).pk,
                title="Animals",
                page_from=2,
                page_to=2,
                start=0,
                end=len(OTTERS),
                text=OTTERS,
            )
        ]

    @pytest.mark.parametrize(
        ("question", "expected"),
        [
            pytest.param("대한민국의 수도는 어디인가?", SEOUL, id="korean"),
            pytest.param("How large is a whale?", WHALES, id="english"),
            pytest.param("otter sleeping", OTTERS, id="other-forms-of-the-words"),
        ],
    )
    def test_finds_words(self, user: User, brain: Brain, question: str, expected: str) -> None:
        index_document(brain, SEOUL, BUSAN, OTTERS, WHALES)

        found = ask(user, brain, question)

        assert found[0].text == expected

    def test_finds_meaning_where_no_word_is_shared(self, user: User, brain: Brain) -> None:
        index_document(brain, OTTERS, WHALES, vectors=[EAST, NORTH])

        found = ask(user, brain, "수달", vector=[0.9, 0.1, 0.0])

        assert texts(found) == [OTTERS]

    def test_puts_first_what_both_rankings_like(self, user: User, brain: Brain) -> None:
        whale_song = "Whales sing, and otters listen."
        nearly = [0.1, 0.9, 0.0]
        index_document(brain, OTTERS, WHALES, whale_song, vectors=[EAST, nearly, NORTH])

        found = ask(user, brain, "Do whales sing?", vector=NORTH)

        assert texts(found)[:2] == [whale_song, WHALES]

    def test_prefers_rare_words(self, user: User, brain: Brain) -> None:
        common = [f"The animals of region {number} are many." for number in range(8)]
        index_document(brain, *common, "The axolotl of Xochimilco is rare.")

        found = ask(user, brain, "animals axolotl")

        assert "axolotl" in found[0].text

    def test_prefers_passages_that_repeat_the_word(self, user: User, brain: Brain) -> None:
        once = "An otter was seen near the river with a fish and a stone."
        often = "Otter after otter came, each otter with a fish and a stone."
        index_document(brain, once, often)

        found = ask(user, brain, "otter")

        assert texts(found) == [often, once]

    def test_finds_nothing_where_nothing_fits(self, user: User, brain: Brain) -> None:
        index_document(brain, OTTERS, WHALES, vectors=[EAST, NORTH])

        found = ask(user, brain, "Who won the football championship?", vector=UP)

        assert found == []

    def test_is_not_taken_in_by_a_common_word(self, user: User, brain: Brain) -> None:
        index_document(brain, "Interest on the loan is paid largest first.", WHALES)

        found = ask(
            user, brain, "Which largest telescope observatory photographed Neptune's moons?"
        )

        assert found == []

    @pytest.mark.parametrize("question", ["", "?!", "the of"], ids=["empty", "marks", "stops"])
    def test_finds_nothing_without_words_and_vector(
        self, user: User, brain: Brain, question: str
    ) -> None:
        index_document(brain, OTTERS)

        assert ask(user, brain, question) == []

    def test_goes_by_words_where_the_vector_is_of_another_model(
        self, user: User, brain: Brain
    ) -> None:
        index_document(brain, OTTERS)

        found = ask(user, brain, "otters", vector=[0.1] * 7)

        assert texts(found) == [OTTERS]

    def test_compares_vectors_of_the_newest_model_only(self, user: User, brain: Brain) -> None:
        index_document(brain, OTTERS, vectors=[EAST], model_name="old")
        index_document(brain, WHALES, vectors=[EAST], model_name="new")

        found = ask(user, brain, "", vector=EAST)

        assert texts(found) == [WHALES]

    def test_gives_no_more_than_the_limit(self, user: User, brain: Brain) -> None:
        index_document(brain, *[f"Otter number {number}." for number in range(9)])

        assert len(ask(user, brain, "otter", limit=4)) == 4

    def test_says_nothing_twice(self, user: User, brain: Brain) -> None:
        index_document(brain, OTTERS, WHALES)
        index_document(brain, OTTERS.replace(" ", "\n"))

        assert len(ask(user, brain, "otters")) == 1

    def test_survives_a_question_full_of_operators(self, user: User, brain: Brain) -> None:
        index_document(brain, OTTERS)

        found = ask(user, brain, "otters' & !sleep | (hands:*) \\ %s %(x)s \x00")

        assert texts(found) == [OTTERS]

    def test_reads_a_very_long_question(self, user: User, brain: Brain) -> None:
        index_document(brain, OTTERS)

        found = ask(user, brain, "otters sleep " + "word " * 50_000)

        assert texts(found) == [OTTERS]

    def test_takes_two_queries(
        self, user: User, brain: Brain, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        index_document(brain, OTTERS, vectors=[EAST])

        with django_assert_num_queries(2):
            ask(user, brain, "otters", vector=EAST)


class TestPermission:
    def test_lets_members_of_a_group_search(self, brain: Brain) -> None:
        index_document(brain, OTTERS)
        colleague = make_user()
        add_member(brain, make_group(colleague), BrainRole.VIEWER)

        assert texts(ask(colleague, brain, "otters")) == [OTTERS]

    @pytest.mark.parametrize("vector", [None, EAST], ids=["words", "words-and-vector"])
    def test_shows_nothing_to_strangers(self, brain: Brain, vector: Sequence[float] | None) -> None:
        index_document(brain, OTTERS, vectors=[EAST])

        assert ask(make_user(), brain, "otters", vector=vector) == []

    def test_shows_nothing_of_other_brains(self, user: User, brain: Brain) -> None:
        index_document(make_brain(owner=user), OTTERS, vectors=[EAST])
        index_document(brain, WHALES, vectors=[NORTH])

        assert ask(user, brain, "otters", vector=EAST) == []

    def test_shows_current_versions_only(self, user: User, brain: Brain) -> None:
        document = index_document(brain, OTTERS, vectors=[EAST])
        document.current_version = None
        document.save()

        assert ask(user, brain, "otters", vector=EAST) == []


class TestLargeBrain:
    @pytest.fixture(autouse=True)
    def _few_rows_are_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(selectors, "EXACT_ROWS", 1)

    def test_finds_by_the_vector_index(self, user: User, brain: Brain) -> None:
        index_document(brain, OTTERS, WHALES, SEOUL, vectors=[EAST, NORTH, UP])

        found = ask(user, brain, "", vector=[0.1, 0.9, 0.0])

        assert texts(found) == [WHALES]

    def test_goes_on_past_the_vectors_of_other_brains(self, user: User, brain: Brain) -> None:
        crowd = [f"Otter {number}" for number in range(300)]
        index_document(make_brain(owner=user), *crowd, vectors=[EAST] * len(crowd))
        index_document(brain, OTTERS, WHALES, vectors=[[0.8, 0.6, 0.0], UP])

        found = ask(user, brain, "", vector=EAST)

        assert texts(found) == [OTTERS]


class TestFloors:
    def test_are_cosines_and_shares(self) -> None:
        floors = (ranking.CONSTANTS["similarity_floor"], ranking.CONSTANTS["coverage_floor"])

        assert all(isinstance(floor, float) and 0 < floor < 1 for floor in floors)
