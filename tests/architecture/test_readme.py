"""What the README says of variables and verbs is true."""

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
README = (PROJECT / "README.md").read_text()
SETTINGS = PROJECT / "chatbot" / "settings"
READ_AS = re.compile(r"env\.(?:str|int|bool|list|path)\(\s*\"([A-Z_]+)\"")
NAMED_BY_TOOLS = {"BRAINSTEM_HOME"}
"""Read before the others, to find what `manage.py up` wrote."""


class TestReadme:
    def test_names_every_variable_that_is_read(self) -> None:
        sources = [(SETTINGS / name).read_text() for name in ("env.py", "embedded_env.py")]
        read = {name for source in sources for name in READ_AS.findall(source)} | NAMED_BY_TOOLS
        named = set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE))

        assert len(read) > 20
        assert named == read

    def test_names_verbs_that_exist(self) -> None:
        makefile = (PROJECT / "Makefile").read_text()
        named = set(re.findall(r"(?:^    |`)make ([a-z-]+)", README, re.MULTILINE))

        assert named >= {"up", "test"}
        assert named <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
