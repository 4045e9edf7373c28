import pytest

from tests.support.shell import effects, facts


@pytest.mark.parametrize(
    "text",
    [
        "aws s3 rm s3://b --recursive",
        "aws ec2 terminate-instances --instance-ids i",
        "gcloud projects delete x",
        "kubectl delete pod x",
        "kubectl -n a drain x",
        "docker system prune -af",
        "docker volume rm x",
        "docker rm -f x",
        "terraform destroy",
        "terraform state rm x",
        "helm uninstall x",
        "gh repo delete x",
        "gh api -X DELETE /x",
        "vault kv destroy x",
        "heroku apps:destroy x",
        "pulumi destroy",
        "docker compose down -v",
        "aws s3 sync a s3://b --delete",
        "op item delete x",
        "borg compact",
    ],
)
def test_destruction(text):
    assert "destructive" in effects(text)


@pytest.mark.parametrize(
    "text",
    [
        "aws s3 ls",
        "kubectl get pods",
        "docker ps",
        "docker images",
        "terraform plan",
        "helm list",
        "gh pr list",
        "gcloud projects list",
        "docker compose ps",
        "vault status",
        "kubectl logs x",
    ],
)
def test_looking(text):
    assert not effects(text) & {"destructive", "publish", "secrets", "privilege"}


@pytest.mark.parametrize(
    "text",
    [
        "gh auth token",
        "kubectl get secret x -o yaml",
        "vault kv get x",
        "aws secretsmanager get-secret-value --secret-id x",
        "terraform output -json",
        "doppler secrets get X",
        "aws configure get x",
    ],
)
def test_secrets(text):
    assert "secrets" in effects(text)


def test_what_runs_inside_is_judged():
    assert "destructive" in effects("docker exec c rm -rf /x")
    assert "destructive" in effects("kubectl exec p -- rm -rf /x")
    assert "destructive" in effects("docker run -it --rm i sh -c 'rm -rf /x'")
    assert "destructive" in effects("docker compose exec c rm -rf /x")


def test_mounts_are_files_of_this_machine():
    found = facts("docker run -v /etc:/x -v ./a:/b:ro i")
    assert "/etc" in found.writes
    assert "/repo/a" in found.reads
    assert "/repo/a" not in found.writes
    assert "privilege" in found.effects
    assert "privilege" in effects("docker run --privileged i")


def test_publishing():
    assert "publish" in effects("gh pr create")
    assert "publish" in effects("docker push x")
    assert "publish" in effects("vercel")
    assert facts("aws s3 cp a s3://b").reads == ("/repo/a",)


def test_what_gh_sends_of_files_is_read():
    assert facts("gh api --input /etc/passwd /gists").reads == ("/etc/passwd",)
    assert facts("gh api graphql -F query=@/etc/passwd --field b=@x").reads == ("/etc/passwd", "/repo/x")
    assert facts("gh api -f a=@b -F c=@- --input - /x").reads == ()  # -f sends the text itself, - is standard input
    assert "destructive" in effects("gh api graphql --raw-field query='mutation { deleteRef(x) }'")
