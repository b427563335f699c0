import errno
import zlib

import pytest

from chatbot.contracts.errors import DocumentFault
from ingest_worker.parsers.damage import naming_damage


class TestNamingDamage:
    @pytest.mark.parametrize(
        "error",
        [
            pytest.param(zlib.error("incorrect header check"), id="packed-data"),
            pytest.param(RecursionError(), id="depth"),
            pytest.param(OSError("File contains no valid workbook part"), id="of-a-library"),
            pytest.param(OSError(errno.EINVAL, "Invalid argument"), id="seek"),
        ],
    )
    def test_says_that_the_file_is_broken(self, error: Exception) -> None:
        with pytest.raises(DocumentFault) as raised, naming_damage():
            raise error

        assert raised.value.error_code == "file-broken"

    def test_leaves_what_the_system_refuses(self) -> None:
        with pytest.raises(PermissionError), naming_damage():
            raise PermissionError(errno.EPERM, "refused")
