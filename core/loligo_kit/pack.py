"""Makes the archive in which a tentacle travels: the same folder gives the same bytes, whenever and wherever.

Names are sorted, every entry has the date 1980-01-01 and the mode 644, and no field says who packed it. Another zlib
may compress to other bytes, so a package's identity is its tree hash, never the hash of its archive.
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from loligo.errors import TentacleError
from loligo.registry.manifest import MANIFEST_FILE
from loligo.registry.tree import is_content, read_tree
from loligo_kit.archive import read_archive
from loligo_kit.package import LIMITS, Limits, check_paths, check_sizes, package_of

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say
_MODE = stat.S_IFREG | 0o644
_LEVEL = 9


def pack(folder: Path, limits: Limits = LIMITS) -> bytes:
    """Return the archive of the tentacle in `folder`.

    PackageRefused when it holds what `read_archive` would refuse, TentacleError when it is no tentacle's folder.
    """
    return pack_files(read_folder(folder, limits), limits)


def pack_files(files: Mapping[str, bytes], limits: Limits = LIMITS) -> bytes:
    """Return the archive of a package's files, read back once: what it returns, `read_archive` accepts."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(files):
            archive.writestr(_header(path, files[path], limits), files[path], compresslevel=_LEVEL)
    data = target.getvalue()
    if read_archive(data, limits) != dict(files):
        raise TentacleError("the archive does not hold what was packed; nothing was written")
    return data


def read_folder(folder: Path, limits: Limits = LIMITS) -> dict[str, bytes]:
    """Return the package in `folder`, by the rules of an archive; what `read_tree` passes over stays out.

    TentacleError when `folder` itself holds no manifest, before anything else of it is read.
    """
    if not (folder / MANIFEST_FILE).is_file():
        raise TentacleError(f"{folder} has no {MANIFEST_FILE}: name the folder of one tentacle")
    sizes = dict(_sizes_below(folder))
    check_paths(sizes, limits)
    check_sizes(sizes, limits)  # before anything is read: it may be more than there is memory
    return package_of(read_tree(folder))


def _sizes_below(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield the path and the bytes of each file that `read_tree` would read; links are left to it."""
    for place, folders, names in os.walk(folder):
        folders[:] = filter(is_content, folders)
        for file in (Path(place, name) for name in names if is_content(name)):
            if file.is_file() and not file.is_symlink():
                yield file.relative_to(folder).as_posix(), file.stat().st_size


def _header(path: str, content: bytes, limits: Limits) -> zipfile.ZipInfo:
    header = zipfile.ZipInfo(path, _EPOCH)
    header.create_system = 3  # Unix, on Windows too
    header.external_attr = _MODE << 16
    compressed = len(zlib.compress(content, _LEVEL, -zlib.MAX_WBITS))
    is_deflated = compressed < len(content) <= compressed * limits.ratio  # beyond, a reader takes it for a bomb
    header.compress_type = zipfile.ZIP_DEFLATED if is_deflated else zipfile.ZIP_STORED
    return header
