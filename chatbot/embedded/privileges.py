"""PostgreSQL refuses root: root's server runs as the owner of its folder, else as `nobody`."""

import os
import shutil
from pathlib import Path
from pwd import getpwnam, getpwuid, struct_passwd

ORDINARY_USER = "nobody"
_OTHERS_MAY_ENTER = 0o001


def as_ordinary_user(*paths: Path) -> list[str]:
    """Words to put before a command so that root does not run it; none for an ordinary user.

    The first path is the folder that the command owns. Where its user can't reach the paths (a home
    folder closed to others), the process keeps the one capability to pass closed folders; nothing
    else of root's. The kernel kills the process when its parent dies; a change of user would forget
    a wish for that made earlier, so it is made here.
    """
    if os.geteuid() != 0:
        return []
    program = shutil.which("setpriv")
    if program is None:
        raise FileNotFoundError("setpriv is missing: apt-get install util-linux")
    account = _account(paths[0])
    words = [program, f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    words += ["--pdeathsig", "KILL"]
    if not all(_is_reachable(path) for path in (*paths, Path(__file__))):
        words += ["--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"]
        # Without this, access(2), by which PostgreSQL looks for its programs, forgets it again.
        words.append("--securebits=+no_setuid_fixup")
    return words


def give_to_ordinary_user(*paths: Path) -> None:
    """Hands files to the user that `as_ordinary_user` runs as."""
    if os.geteuid() != 0:
        return
    account = getpwnam(ORDINARY_USER)
    for path in paths:
        os.chown(path, account.pw_uid, account.pw_gid)


def _account(folder: Path) -> struct_passwd:
    owner = folder.stat().st_uid if folder.exists() else 0
    return getpwuid(owner) if owner else getpwnam(ORDINARY_USER)


def _is_reachable(path: Path) -> bool:
    folders = [folder for folder in path.absolute().parents if folder.exists()]
    return all(folder.stat().st_mode & _OTHERS_MAY_ENTER for folder in folders)
