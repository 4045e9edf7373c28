"""Files of harnesses on this machine, and what they were before `interlock connect` changed them.

One record per harness in the state directory, readable by its owner only (settings hold keys): for every file its bytes
before, a digest of what we wrote, its permissions, and the folders we made. A file is written beside its place and moved
there, so a crash leaves the old or the new one; links are followed, so a dotfile manager's link stays a link.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import msgspec

from gateway.errors import ConfigError
from gateway.harnesses.contract import Connect, Harness

FILE_BYTES_MAX = 4 * 1024 * 1024
"""A settings file larger than this is not one."""
_NEW_MODE = 0o600


class Kept(msgspec.Struct):
    """One file: `before` None if there was none; `after` is what we wrote; `mode` its permissions before; `made` the folders
    we made for it, outermost first."""

    path: str
    before: bytes | None
    after: bytes
    mode: int
    made: list[str] = []


class Record(msgspec.Struct):
    """`edited`: the user changed a file between two runs of connect, so `before` is not all that came before us."""

    harness: str
    home: str
    files: list[Kept]
    base_url: str = ""
    model: str = ""
    dialect: str = ""
    edited: bool = False


_decoder = msgspec.json.Decoder(Record)


def record_path(state: Path, harness: str, home: Path) -> Path:
    """Homes differ in tests and for other users: each has its own record."""
    tag = hashlib.blake2b(str(home.resolve()).encode(), digest_size=4).hexdigest()
    return state / "connections" / f"{harness}-{tag}.json"


def load(path: Path) -> Record | None:
    """None if this harness is not connected. ConfigError when the record cannot be read: it guards the user's files."""
    try:
        return _decoder.decode(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(f"the record {path} cannot be read: {error}", where=str(path)) from None


def save(path: Path, record: Record) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write(path, msgspec.json.encode(record), _NEW_MODE)


def all_records(state: Path) -> list[Record]:
    """Unreadable ones are left out; `load` tells about them."""
    found = []
    for path in sorted((state / "connections").glob("*.json")):
        try:
            found.append(_decoder.decode(path.read_bytes()))
        except (OSError, msgspec.MsgspecError):
            continue
    return found


# --- files -------------------------------------------------------------------------------------------------------


def located(connect: Connect, home: Path) -> list[str]:
    """The files of a harness in this home: of alternatives the one that exists, else the first."""
    chosen = []
    for name in connect.files:
        names = next((group for group in connect.alternatives if group[0] == name), (name,))
        chosen.append(next((n for n in names if (home / n).exists()), name))
    return chosen


def read(home: Path, name: str) -> bytes | None:
    """None if there is no such file. ConfigError when it is no readable file, or too large."""
    path = home / PurePosixPath(name)
    try:
        if path.exists() and path.stat().st_size > FILE_BYTES_MAX:
            raise ConfigError(f"{path} is larger than {FILE_BYTES_MAX} bytes: not a settings file", where=str(path))
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", where=str(path)) from None


def texts(home: Path, names: list[str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in names:
        raw = read(home, name)
        try:
            found[name] = None if raw is None else raw.decode("utf-8")
        except UnicodeDecodeError:
            raise ConfigError(f"~/{name} is not UTF-8 text; nothing was changed", where=name) from None
    return found


def write(path: Path, data: bytes, mode: int) -> None:
    """Whole or not at all. ConfigError when it may not be written."""
    target = path.resolve()
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as sink:
                sink.write(data)
                sink.flush()
                os.fsync(sink.fileno())
            os.chmod(temporary, mode)
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}", where=str(path)) from None


def apply(harness: Harness, home: Path, new: Mapping[str, str], earlier: Record | None) -> Record:
    """Writes the files and answers the record that undoes it; with an `earlier` record the first state is kept."""
    known = {kept.path: kept for kept in earlier.files} if earlier else {}
    record = Record(harness=harness.name, home=str(home), files=[], edited=earlier.edited if earlier else False)
    for name, text in new.items():
        path, now = home / PurePosixPath(name), read(home, name)
        old = known.pop(name, None)
        record.edited = record.edited or (old is not None and now not in (old.after, old.before))
        made = _make_folders(path.parent) if old is None else old.made
        mode = old.mode if old is not None else (path.stat().st_mode & 0o7777 if now is not None else _NEW_MODE)
        after = text.encode("utf-8")
        if after != now:
            write(path, after, path.stat().st_mode & 0o7777 if now is not None else _NEW_MODE)
        record.files.append(Kept(name, old.before if old is not None else now, after, mode, made))
    record.files += known.values()
    return record


def _make_folders(folder: Path) -> list[str]:
    """Folders that were missing, outermost first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    try:
        for path in reversed(missing):
            path.mkdir(mode=0o700)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be made: {error.strerror}", where=str(folder)) from None
    return [str(path) for path in reversed(missing)]


def edited_since(record: Record, home: Path) -> list[str]:
    """Files that are not as we left them (one that is back to what it was before us counts as undone, not edited)."""
    return [kept.path for kept in record.files if read(home, kept.path) not in (kept.after, kept.before)]


def put_back(kept: Kept, home: Path, data: bytes | None) -> None:
    """The file as `data`; None removes it, and the folders made for it if nothing else has come into them."""
    path = home / PurePosixPath(kept.path)
    if data is not None:
        write(path, data, kept.mode)
        return
    path.unlink(missing_ok=True)
    for folder in reversed(kept.made):
        try:
            os.rmdir(folder)
        except OSError:
            return
