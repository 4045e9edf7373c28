"""Examples in README.md and docs/ are tried as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.snippets import Block, blocks, fault, pages

ALL = [block for page in pages() for block in blocks(page)]
TIMEOUT_S = 60


def chosen(*marks: str) -> list[object]:
    return [pytest.param(block, id=block.place) for block in ALL if block.mark in marks]


def run(block: Block, text: str, folder: Path, env: dict[str, str]) -> None:
    program = ["bash", "-euo", "pipefail", "-c", text] if block.language == "bash" else [sys.executable, "-c", text]
    done = subprocess.run(
        program,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{block.place} ends with {done.returncode}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("block", chosen("run"))
def test_a_run_block_ends_well(block: Block, tmp_path: Path, clean_env: dict[str, str]) -> None:
    run(block, block.text, tmp_path, clean_env)


@pytest.mark.parametrize("block", chosen("run gateway"))
def test_a_gateway_block_ends_well(
    block: Block, tmp_path: Path, clean_env: dict[str, str], gateway_address: str
) -> None:
    run(block, block.text.replace("127.0.0.1:4242", gateway_address), tmp_path, clean_env)


@pytest.mark.parametrize("block", chosen("config"))
def test_a_config_block_is_accepted(block: Block, tmp_path: Path, clean_env: dict[str, str]) -> None:
    (tmp_path / "interlock.yaml").write_text(block.text, "utf-8")
    secrets = dict.fromkeys(re.findall(r"env:([A-Z0-9_]+)", block.text), "example")
    program = f"{sys.executable} -m gateway config check interlock.yaml"
    run(block._replace(language="bash"), program, tmp_path, clean_env | secrets)


@pytest.mark.parametrize("block", chosen("policy"))
def test_a_policy_block_is_accepted(block: Block, tmp_path: Path, clean_env: dict[str, str]) -> None:
    (tmp_path / "policy.yaml").write_text(block.text, "utf-8")
    run(block._replace(language="bash"), f"{sys.executable} -m gateway policy test -p policy.yaml", tmp_path, clean_env)


def test_every_block_says_what_a_test_shall_do_with_it() -> None:
    assert [said for block in ALL if (said := fault(block))] == []


def test_blocks_are_found_with_their_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("text\n\n<!-- run -->\n```bash\ntrue\n```\n\n```yaml\na: 1\n```\n\n```text\n```\n")
    first, second, third = blocks(page)
    assert first == Block("page.md:4", "bash", "run", "true\n")
    assert fault(first) is None
    assert "config, policy, shown: REASON" in (fault(second) or "")
    assert fault(third) is None
    assert fault(second._replace(mark="run")) is not None
    assert fault(second._replace(mark="shown: a part")) is None


def test_a_failing_example_is_noticed(tmp_path: Path, clean_env: dict[str, str]) -> None:
    block = Block("page.md:1", "bash", "run", "false | true\n")
    with pytest.raises(AssertionError, match=re.escape("page.md:1 ends with 1")):
        run(block, block.text, tmp_path, clean_env)
