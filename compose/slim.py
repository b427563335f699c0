"""Makes the packages of an image small: what no process of ours opens goes, the rest is compiled.

    python slim.py FOLDER

FOLDER is a virtual environment; pyproject.toml is in the working directory. Run while an image is
built, with binutils at hand; every rule says why it is safe.
"""

import compileall
import shutil
import struct
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

LANGUAGES: Final = {"en", "en_GB", "ko"}
"""That the web UI and the admin speak."""
AWS_SERVICES: Final = {"s3", "sts", "sso", "sso-oidc", "signin"}
"""Storage, and the ways to be let in to it; botocore describes four hundred others."""
UNNEEDED: Final = (
    # GeoDjango needs libraries that aren't in the image.
    "django/contrib/gis",
    # The page of the API is Swagger's; maps are for who reads a library in a browser.
    "drf_spectacular_sidecar/static/*/redoc",
    "drf_spectacular_sidecar/**/*.map",
    # Of Pillow: AVIF isn't read, and nothing draws letters.
    "PIL/_avif.*.so",
    "PIL/_imagingft.*.so",
    "PIL/_imagingtk.*.so",
    "pillow.libs/libavif-*",
    "pillow.libs/libfreetype-*",
    "pillow.libs/libharfbuzz-*",
    # Tests that packages ship, where nothing imports them.
    "billiard/tests",
    "celery/tests",
    "greenlet/tests",
    "kombu/tests",
    "numpy/**/tests",
    "psycopg_pool/tests",
    # Sources of what is compiled.
    "**/locale/**/*.po",
    "**/*.pyi",
    "**/*.pyx",
    "**/*.pxd",
    "**/*.h",
    "**/*.c",
)
"""Below `site-packages`."""

_ELF_64_BITS: Final = b"\x7fELF\x02"
_X86_64: Final = 62
_LOADED: Final = 1
_HUGE_PAGE: Final = 0x200000
_PAGE: Final = 0x1000
_HEADER_BYTES: Final = 56


def main() -> None:
    [packages] = Path(sys.argv[1]).glob("lib/python3.*/site-packages")
    for found in list(_unneeded(packages)):
        if found.is_dir():
            shutil.rmtree(found)
        else:
            found.unlink(missing_ok=True)
    for library in packages.rglob("*.so*"):
        _strip(library)
    _keep_bytecode_only(packages)
    _declare(packages)


def _unneeded(packages: Path) -> Iterator[Path]:
    for pattern in UNNEEDED:
        yield from packages.glob(pattern)
    for language in packages.glob("**/locale/*/"):
        if language.name not in LANGUAGES:
            yield language
    for service in packages.glob("boto*/data/*/"):
        if service.name not in AWS_SERVICES:
            yield service


def _strip(library: Path) -> None:
    """Takes out debugger's symbols, and the megabytes of zeros that old linkers left.

    Segments of wheels' libraries begin at multiples of 2 MB, for pages that large, which files
    aren't mapped to. Told of usual pages, `strip` puts the segments side by side.
    """
    content = bytearray(library.read_bytes())
    if not content.startswith(_ELF_64_BITS):
        return
    [machine] = struct.unpack_from("<H", content, 18)
    [table] = struct.unpack_from("<Q", content, 32)
    [segments] = struct.unpack_from("<H", content, 56)
    for header in range(table, table + segments * _HEADER_BYTES, _HEADER_BYTES):
        [kind] = struct.unpack_from("<I", content, header)
        [alignment] = struct.unpack_from("<Q", content, header + 48)
        if (machine, kind, alignment) == (_X86_64, _LOADED, _HUGE_PAGE):
            struct.pack_into("<Q", content, header + 48, _PAGE)
    library.write_bytes(content)
    subprocess.run(["strip", "--strip-unneeded", library], check=True)


def _keep_bytecode_only(packages: Path) -> None:
    """Traces of errors keep their names and numbers of lines; what they lose is the lines' text."""
    # What can't be compiled is for Python 2 or for a later one, and stays as it is.
    compileall.compile_dir(packages, quiet=2, legacy=True, workers=0)
    for source in packages.rglob("*.py"):
        if source.with_suffix(".pyc").exists():
            source.unlink()
    for folder in packages.rglob("__pycache__"):
        shutil.rmtree(folder)


def _declare(packages: Path) -> None:
    """Packages ask for what pyproject.toml says of them: `pip check` finds what is missing."""
    settings = tomllib.loads(Path("pyproject.toml").read_text())
    for own in settings["tool"]["uv"]["dependency-metadata"]:
        name = own["name"].replace("-", "_")
        for metadata in packages.glob(f"{name}-*.dist-info/METADATA"):
            head, _, text = metadata.read_text().partition("\n\n")
            lines = [line for line in head.splitlines() if not line.startswith("Requires-Dist:")]
            lines += [f"Requires-Dist: {requirement}" for requirement in own["requires-dist"]]
            metadata.write_text("\n".join([*lines, "", text]))


if __name__ == "__main__":
    main()
