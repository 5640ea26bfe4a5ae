"""Archives: the same sources give the same one, and only changed sources are built again."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from local import artifacts
from local.artifacts import function_archive, layer_archive
from local.errors import LocalError

MAKEFILE = """
build-ThingLayer:
	mkdir -p "$(ARTIFACTS_DIR)/python"
	cp thing.py "$(ARTIFACTS_DIR)/python/"
	touch left-behind
"""


@pytest.fixture
def layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(artifacts, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(artifacts, "ROOT", tmp_path)
    source = tmp_path / "layer"
    source.mkdir()
    (source / "Makefile").write_text(MAKEFILE, encoding="utf-8")
    (source / "thing.py").write_text("a = 1\n", encoding="utf-8")
    return source


def test_a_layer_is_built_by_its_makefile_and_leaves_its_sources_alone(layer: Path) -> None:
    archive, built = layer_archive("ThingLayer", layer)
    assert built
    assert zipfile.ZipFile(io.BytesIO(archive)).namelist() == ["python/thing.py"]
    assert not (layer / "left-behind").exists()


def test_only_changed_sources_are_built_again(layer: Path) -> None:
    first, _ = layer_archive("ThingLayer", layer)
    assert layer_archive("ThingLayer", layer) == (first, False)
    (layer / "thing.py").write_text("a = 2\n", encoding="utf-8")
    second, built = layer_archive("ThingLayer", layer)
    assert built
    assert second != first
    assert len(list(artifacts.CACHE.glob("*.zip"))) == 1


def test_a_build_that_fails_shows_what_it_said_and_how_to_try_it(layer: Path) -> None:
    (layer / "Makefile").write_text("build-ThingLayer:\n\t@echo no compiler; false\n", encoding="utf-8")
    with pytest.raises(LocalError, match=r"(?s)no compiler.*make -C layer build-ThingLayer"):
        layer_archive("ThingLayer", layer)


def test_a_functions_archive_has_its_files_and_no_caches(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("", encoding="utf-8")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "app.pyc").write_bytes(b"")
    archive = function_archive(tmp_path)
    assert zipfile.ZipFile(io.BytesIO(archive)).namelist() == ["app.py"]
    assert function_archive(tmp_path) == archive


def test_a_folder_without_code_is_told(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="no code"):
        function_archive(tmp_path)
