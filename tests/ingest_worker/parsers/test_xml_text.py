"""XML of any kind is read by its text."""

from pathlib import Path

import pytest

from chatbot.contracts.errors import DocumentFault
from tests.ingest_worker.parsers.reading import read_bytes, text_of


class TestXmlParser:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp949"])
    def test_reads_the_text_of_elements(self, tmp_path: Path, encoding: str) -> None:
        markup = (
            f'<?xml version="1.0" encoding="{encoding}"?>\n<!DOCTYPE article SYSTEM "x.dtd">'
            "<article><title>제목</title><p>Some <b>bold</b> words.</p><p>More.</p></article>"
        )

        found = text_of(read_bytes(tmp_path, "a.xml", markup.encode(encoding)))

        assert found == "## 제목\n\nSome bold words.\n\nMore."

    def test_refuses_entities(self, tmp_path: Path) -> None:
        markup = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "/etc/hostname">]><a>&x;</a>'

        with pytest.raises(DocumentFault) as caught:
            read_bytes(tmp_path, "a.xml", markup)

        assert caught.value.error_code == "file-broken"
