import pytest

from tests.support.shell import effects, facts, one


@pytest.mark.parametrize(
    "text",
    [
        "npm install x",
        "npm ci",
        "yarn add x",
        "pnpm i",
        "pip install x",
        "uv add x",
        "uv pip install x",
        "poetry add x",
        "cargo install x",
        "go get x",
        "gem install x",
        "apt-get install -y x",
        "brew install x",
        "npx evil",
        "uvx evil",
        "pipx install x",
        "npx jest@1",
        "uv run --with x pytest",
    ],
)
def test_installing(text):
    assert {"install", "network"} <= effects(text)


@pytest.mark.parametrize(
    "text",
    [
        "npm test",
        "npm run build",
        "yarn test",
        "cargo test",
        "cargo build --release",
        "go test ./...",
        "go build ./...",
        "uv run pytest",
        "poetry run pytest",
        "npx jest",
        "bundle exec rspec",
    ],
)
def test_code_of_the_project(text):
    found = facts(text)
    assert found.effects == ("project_code",)
    assert not found.unknown


@pytest.mark.parametrize(
    "text", ["npm ls", "pip list", "cargo tree", "go list ./...", "gem list", "apt list", "npm view x", "uv tree"]
)
def test_reading(text):
    assert not effects(text)
    assert not facts(text).unknown


@pytest.mark.parametrize(
    "text", ["npm publish", "cargo publish", "twine upload x", "poetry publish", "gem push x", "uv publish"]
)
def test_publishing(text):
    assert "publish" in effects(text)


def test_destruction_and_rights():
    assert "destructive" in effects("npm unpublish x")
    assert "destructive" in effects("apt-get purge x")
    assert "privilege" in effects("apt install x")
    assert facts("go test -exec ./x ./...").effects[0] == "exec_data" or "exec_data" in effects(
        "go test -exec ./x ./..."
    )
    assert one("npm test").subcommand == "test"
