"""Command lines of clouds and clusters. Most have hundreds of subcommands with regular verbs, so verbs are read instead of
tables of commands: what destroys, what shows secrets, what publishes."""

from __future__ import annotations

import re

from policies.shell.model import Invocation, program
from policies.shell.verbs import verbs
from policies.shell.words import Field

_SECRETS = re.compile(
    r"(?:get|read|access|show|view|reveal|download|print|export|list)?[-_]?(?:secret|secrets|secret-value|password|token|credential|credentials|access-token|keys?-show|auth-token|login-password|session-token|kubeconfig|api-?keys?|private-key)(?:[-_]\w+)*"
)


def _remote(call: Invocation) -> None:
    """Every cloud command speaks to its cloud; the verbs say what it does there."""
    call.effect("network")
    words = [item.value for item in call.argv[1:] if item.value is not None and not item.value.startswith("-")]
    verbs(call, call.argv[1:])
    if call.program == "borg" and words[:1] in (["compact"], ["recreate"], ["break-lock"]):
        call.effect("destructive")
    if any(_SECRETS.fullmatch(word) for word in words[:4]) and "destructive" not in call.effects:
        call.effect("secrets")


def _aws(call: Invocation) -> None:
    _remote(call)
    words = [item.value or "" for item in call.argv[1:] if not (item.value or "-").startswith("-")]
    if words[:2] in (["s3", "rm"], ["s3", "rb"], ["s3", "mv"]) or (
        words[:2] == ["s3", "sync"] and call.has("--delete")
    ):
        call.effect("destructive")
    if words[:1] == ["s3"]:
        _copies(call, words[2:], "s3://")
    if words[:1] == ["configure"] and words[1:2] in (["get"], ["export-credentials"]):
        call.effect("secrets")
    if (
        len(words) > 1
        and re.match(
            r"(?:put|update|modify|purge|reset|disable|stop|reboot|detach|deactivate|cancel|release|revoke|rotate|restore-secret)-",
            words[1],
        )
        and words[0] in {"secretsmanager", "kms", "iam", "rds", "route53", "sqs", "sns", "ec2", "s3api", "backup"}
    ):
        call.effect("destructive")


def _copies(call: Invocation, words: list[str], scheme: str) -> None:
    """`cp a s3://b`: local sides are read or written."""
    if len(words) >= 2:
        if not words[0].startswith(scheme):
            call.read(words[0])
        if not words[1].startswith(scheme):
            call.write(words[1])


def _gsutil(call: Invocation) -> None:
    _remote(call)
    words = call.texts()
    if words[:1] in (["rm"], ["rb"], ["mv"]) or (words[:1] == ["rsync"] and call.has("-d")):
        call.effect("destructive")
    if words[:1] in (["cp"], ["mv"], ["rsync"]):
        _copies(call, words[1:], "gs://")


def _kubectl(call: Invocation) -> None:
    call.effect("network")
    words = [item.value or "" for item in call.operands]
    verb = words[0] if words else ""
    if (
        (
            verb in {"delete", "drain", "evict", "replace", "cordon", "taint"}
            and (verb != "replace" or call.has("--force"))
        )
        or (
            verb in {"scale"} and any(flag in {"--replicas"} for flag in call.flags) and call.value("--replicas") == "0"
        )
        or (verb == "rollout" and words[1:2] == ["undo"])
    ):
        call.effect("destructive")
    elif (
        verb == "get" and any(re.match(r"secrets?(?:/|$)", word) for word in words[1:2]) and call.has("-o", "--output")
    ) or (verb == "config" and words[1:2] == ["view"] and call.has("--raw")):
        call.effect("secrets")
    elif verb in {"exec", "debug", "run"}:
        _inside(call, call.operands[1:])
    elif verb == "cp":
        for item in call.operands[1:]:
            if item.value and ":" not in item.value:
                call.read(item)
    elif verb == "apply" and call.has("--prune"):
        call.effect("destructive")
    for name in ("-f", "--filename", "-k", "--kustomize"):
        for item in call.values.get(name, []):
            if item.value and "://" in item.value:
                call.host(item.value.split("/")[2])
            elif item.value != "-":
                call.read(item)


def _inside(call: Invocation, items: list[Field]) -> None:
    """What runs in a container or pod: judged as if here, behind `--` or the target's name."""
    call.effect("exec_data")
    words = [item.value for item in call.argv]
    rest = call.argv[words.index("--") + 1 :] if "--" in words else items[1:]
    if rest:
        call.run.words(call, rest, call.program)


_DOCKER_VALUE = (
    "=: -a -c -e -h -l -m -p -u -w --name --env --label --memory --cpus --publish --user --workdir "
    "--network --net --entrypoint --restart --platform "
    "--hostname --add-host --dns --expose --ip --link --log-driver --log-opt --pull --runtime --shm-size "
    "--stop-signal --tmpfs --ulimit --gpus --device "
    "--cap-add --cap-drop --security-opt --pid --ipc --userns --cgroupns --group-add --detach-keys "
    "--health-cmd --mount -v --volume --volumes-from --sysctl --index --attach\n"
    "=r: --env-file --cidfile\n: -d -i -t -it -ti -P --rm --detach --interactive --tty --privileged "
    "--read-only --init --publish-all --no-healthcheck -T"
)


def _docker_run(call: Invocation) -> None:
    """Mounts are files of this machine; --privileged and the like leave the container."""
    call.effect("exec_data")
    for name in ("-v", "--volume"):
        for item in call.values.get(name, []):
            _mount(call, (item.value or "?").split(":"))
    for item in call.values.get("--mount", []):
        found = re.search(r"(?:source|src)=([^,]+)", item.value or "")
        if found:
            _mount(call, [found[1], "x", "ro" if "readonly" in (item.value or "") else "rw"])
    if (
        call.has("--privileged", "--cap-add", "--security-opt", "--device")
        or call.value("--pid", "--net", "--network", "--userns", "--ipc") == "host"
    ):
        call.effect("privilege")
    inner = call.operands[1:]
    entry = call.values.get("--entrypoint", [])
    if entry:
        inner = [entry[-1], *inner]
    if inner:
        call.run.words(call, inner, call.program)


def _mount(call: Invocation, parts: list[str]) -> None:
    source = parts[0]
    if source[:1] not in {"/", ".", "\0", "~"}:
        return
    call.read(source)
    if "ro" not in parts[2:]:
        call.write(source)
    if source.rstrip("/") in {"", "/etc", "/var/run/docker.sock", "/run/docker.sock", "/root", "/proc", "/sys", "/dev"}:
        call.effect("privilege")


def _docker_exec(call: Invocation) -> None:
    call.effect("exec_data")
    if call.operands[1:]:
        call.run.words(call, call.operands[1:], call.program)


def _docker_destroy(call: Invocation) -> None:
    call.effect("destructive")


def _docker_remove(call: Invocation) -> None:
    if (
        call.has("-f", "--force", "-v", "--volumes")
        or call.subcommand.split()[0] in {"volume", "system", "image"}
        or call.subcommand in {"rmi"}
    ):
        call.effect("destructive")


def _docker_network(call: Invocation) -> None:
    call.effect("network")
    if call.subcommand == "push":
        call.effect("publish")


def _docker_build(call: Invocation) -> None:
    call.effect("project_code", "network")
    call.read(*(item for item in call.operands if "://" not in (item.value or "")))


def _compose(call: Invocation) -> None:
    verb = call.subcommand.rpartition(" ")[2]
    if (verb == "down" and call.has("-v", "--volumes", "--rmi")) or (
        verb in {"rm", "kill"} and call.has("-v", "-f", "--force")
    ):
        call.effect("destructive")
    elif verb not in {"ps", "logs", "config", "images", "top", "version", "ls", "events", "port", "compose"}:
        call.effect("project_code")


def _terraform(call: Invocation) -> None:
    words = call.texts()
    call.effect("network")
    if words[:1] in (["destroy"], ["taint"], ["force-unlock"]) or call.has("-destroy", "--destroy"):
        call.effect("destructive")
    elif words[:1] == ["apply"]:
        call.effect(
            "destructive" if call.has("-auto-approve", "--auto-approve") and call.has("-destroy") else "project_code",
            "project_code",
        )
    elif words[:2] in (
        ["state", "rm"],
        ["state", "push"],
        ["state", "mv"],
        ["workspace", "delete"],
        ["state", "replace-provider"],
    ):
        call.effect("destructive")
    elif words[:1] in (["output"], ["state"]) and (call.has("-json", "-raw") or words[1:2] in (["pull"], ["show"])):
        call.effect("secrets")
    elif words[:1] == ["console"]:
        call.effect("exec_data")
    else:
        call.effect("project_code") if words[:1] in (["plan"], ["init"], ["import"], ["refresh"]) else None


def _pulumi(call: Invocation) -> None:
    call.effect("network", "project_code")
    if call.texts()[:1] in (["destroy"], ["cancel"]) or call.texts()[:2] in (["stack", "rm"], ["state", "delete"]):
        call.effect("destructive")


def _helm(call: Invocation) -> None:
    call.effect("network")
    if call.texts()[:1] in (["uninstall"], ["delete"], ["del"], ["un"], ["rollback"]) and not call.has("--dry-run"):
        call.effect("destructive")
    elif call.texts()[:1] in (["install"], ["upgrade"], ["plugin"]):
        call.effect("install")
    elif call.texts()[:1] == ["push"]:
        call.effect("publish")


_GH_FIELDS = ("-f", "--raw-field", "-F", "--field")


def _gh_api(call: Invocation) -> None:
    """A field `name=@file` of -F, and --input, send what is in a file."""
    fields = {option: [item.value or "" for item in call.values.get(option, [])] for option in _GH_FIELDS}
    call.read(*(path for path in call.values.get("--input", []) if path.value != "-"))
    for text in (*fields["-F"], *fields["--field"]):
        name, at, path = text.partition("=@")
        if name and at and path != "-":
            call.read(path)
    method = (call.value("-X", "--method") or "GET").upper()
    deletes = any("delete" in text.lower() and "mutation" in text for texts in fields.values() for text in texts)
    if method == "DELETE" or deletes:
        call.effect("destructive")
    elif method != "GET" or call.has(*_GH_FIELDS, "--input"):
        call.effect("publish")


def _gh(call: Invocation) -> None:
    """GitHub's and GitLab's own programs."""
    call.effect("network")
    words = call.texts()
    pair = words[:2]
    if pair[:1] == ["api"]:
        _gh_api(call)
        return
    if len(pair) == 2 and pair[1] in {
        "delete",
        "remove",
        "archive",
        "delete-asset",
        "rename",
        "transfer",
        "unregister",
    }:
        call.effect("destructive")
    elif pair in (["auth", "token"], ["auth", "status"]) and (pair[1] == "token" or call.has("-t", "--show-token")):
        call.effect("secrets")
    elif len(pair) == 2 and pair[1] in {
        "create",
        "comment",
        "edit",
        "merge",
        "close",
        "reopen",
        "review",
        "ready",
        "upload",
        "set",
        "run",
        "rerun",
        "cancel",
        "sync",
        "fork",
        "enable",
        "disable",
        "lock",
        "pin",
        "add",
        "update",
        "transfer",
        "approve",
        "revoke",
        "note",
        "subscribe",
    }:
        call.effect("publish")
    elif pair[:1] in (["extension"], ["alias"]) and pair[1:2] != ["list"]:
        call.effect("install", "exec_data")
    for name in ("-F", "--body-file", "--input", "--notes-file"):
        for item in call.values.get(name, []):
            if item.value and item.value != "-" and "=" not in item.value:
                call.read(item)
            elif item.value and "=@" in item.value:
                call.read(item.value.partition("=@")[2])


def _deploys(call: Invocation) -> None:
    _remote(call)
    words = call.texts()
    if (
        not words
        or words[0] in {"deploy", "publish", "up", "push", "release", "promote", "launch"}
        or "--prod" in call.flags
    ):
        call.effect("publish")


def _vault(call: Invocation) -> None:
    call.effect("network")
    words = call.texts()
    if any(
        word in {"delete", "destroy", "disable", "revoke", "purge", "rollback", "step-down", "seal", "rekey"}
        for word in words[:3]
    ):
        call.effect("destructive")
    elif any(
        word in {"read", "get", "unwrap", "print", "export", "reveal", "show", "download", "inject"}
        for word in words[:3]
    ):
        call.effect("secrets")


def _doppler(call: Invocation) -> None:
    call.effect("network")
    words = call.texts()
    if "delete" in words[:3] or "remove" in words[:3]:
        call.effect("destructive")
    elif words[:1] in (["secrets"], ["item"], ["read"], ["get"], ["export"], ["document"]):
        if words[1:2] not in (["list"], ["ls"]):
            call.effect("secrets")
    elif words[:1] == ["run"]:
        call.effect("secrets", "exec_data")
    else:
        verbs(call, call.argv[1:])


_COMPOSE = (
    "=: -p --project-name --profile --env-file --ansi --progress\n=r: -f --file\n=d: --project-directory\n"
    ": --compatibility --dry-run --verbose --version -v"
)
_COMPOSE_SUBS = {
    "": program(""),
    "exec run": program("", _DOCKER_VALUE, stop=True, special=_docker_exec),
    "*": program(
        "",
        "=: -t --timeout --scale --pull --tail\n"
        ": -d --detach -v --volumes --remove-orphans --build -f --force --rmi --follow -q --quiet -a --all -s --no-deps",
        special=_compose,
    ),
}
_DOCKER = {
    "": program(""),
    "ps images info version logs inspect port top stats diff history events search manifest context": program(
        "", style="loose"
    ),
    "run create": program("", _DOCKER_VALUE, stop=True, special=_docker_run),
    "exec": program("", _DOCKER_VALUE, stop=True, special=_docker_exec),
    "build buildx bake": program(
        "",
        "=: -t --tag --build-arg --target --platform --label --network --progress --cache-from --cache-to "
        "--secret --ssh\n=r: -f --file\n=w: -o --output --iidfile --metadata-file\n: -q --no-cache --pull "
        "--load --push --rm",
        special=_docker_build,
    ),
    "pull push login logout": program("", style="loose", special=_docker_network),
    "rm rmi kill": program("", style="gnu", special=_docker_remove),
    "system": program(
        "",
        subs={"df info events": program("", style="loose"), "*": program("", style="loose", special=_docker_destroy)},
    ),
    "container image volume network builder": program(
        "",
        subs={
            "ls list inspect logs top stats port diff history df": program("", style="loose"),
            "rm remove prune": program("", style="loose", special=_docker_destroy),
            "exec": program("", _DOCKER_VALUE, stop=True, special=_docker_exec),
            "run": program("", _DOCKER_VALUE, stop=True, special=_docker_run),
            "*": program("", style="loose", effects="network"),
        },
    ),
    "compose": program("", _COMPOSE, subs=_COMPOSE_SUBS),
    "cp": program("", special=lambda call: _docker_copy(call)),
    "save export": program("", "=w: -o --output"),
    "load import": program("", "=r: -i --input"),
    "start stop restart pause unpause attach wait rename tag commit update": program(
        "", style="loose", effects="project_code"
    ),
    "swarm stack service node secret config plugin trust": program(
        "", style="loose", effects="network", special=_remote
    ),
    "*": program("", style="loose", doubt="a docker command that is not known"),
}


def _docker_copy(call: Invocation) -> None:
    for item in call.operands:
        if item.value is not None and ":" not in item.value:
            (call.write if item is call.operands[-1] else call.read)(item)


_CLOUD_OPTIONS = (
    "=: --profile --region --output -o --query --endpoint-url --project --zone --format --filter -g -n "
    "--resource-group --name --subscription --account --cluster --namespace\n: --debug -q --quiet "
    "--no-cli-pager"
)
PROGRAMS = (
    program(
        "aws awslocal",
        _CLOUD_OPTIONS + "\n: --recursive --delete --force --dryrun --no-sign-request --acl",
        special=_aws,
    ),
    program("gsutil", ": -m -q -r -d -n -R", special=_gsutil),
    program(
        "gcloud az bq doctl linode-cli ibmcloud oci aliyun hcloud scw vultr-cli civo exo openstack eksctl "
        "kops cf ecs-cli sam cdk serverless sls chalice zappa stripe twilio supabase planetscale pscale "
        "neonctl turso mongocli atlas confluent kafka-topics kafka-topics.sh kafka-acls kafka-configs "
        "kafka-consumer-groups rabbitmqctl rabbitmqadmin nats circleci travis buildkite-agent jenkins-cli "
        "gitlab-runner argocd flux istioctl linkerd consul nomad etcdctl influx velero restic borg kopia "
        "duplicity rdiff-backup rsnapshot datadog-ci sentry-cli newrelic logcli promtool elasticdump "
        "meilisearch algolia launchdarkly ldcli flagsmith databricks snowsql snow dbt dvc wandb "
        "huggingface-cli hf modal replicate",
        style="loose",
        special=_remote,
    ),
    program(
        "vercel netlify fly flyctl heroku railway render surge firebase wrangler now amplify eb dokku kamal",
        style="loose",
        special=_deploys,
    ),
    program(
        "kubectl oc kubecolor k",
        "=: -n --namespace --context --cluster --user -l --selector -o --output --field-selector -c "
        "--container --replicas --image --tail --since --timeout --type --overrides --grace-period\n=: -f "
        "--filename -k --kustomize\n=r: --kubeconfig\n: -A --all-namespaces --force --all --prune --raw -i "
        "-t -it --dry-run -w --watch --now --show-labels --previous -p",
        special=_kubectl,
    ),
    program(
        "docker podman nerdctl",
        "=: -H --host -c --context --log-level -l\n=d: --config\n: -D --debug -v --version --tls",
        subs=_DOCKER,
    ),
    program("docker-compose podman-compose", _COMPOSE, subs=_COMPOSE_SUBS),
    program("terraform tofu terragrunt", style="loose", special=_terraform),
    program("pulumi", style="loose", special=_pulumi),
    program("helm helmfile", style="loose", special=_helm),
    program(
        "gh glab hub",
        "=: -X --method -f -F --field --raw-field -H --header -q --jq -t --template -R --repo -b --body -B "
        "--base -l --label -L --limit -s --state --title -a --assignee -r --reviewer -m --milestone --search "
        "--json --hostname --cache\n=: --body-file --input --notes-file --notes\n: --paginate -i -w --web "
        "--yes --squash --rebase --merge --auto --draft -d --delete-branch --show-token -c --comments --log "
        "--watch",
        special=_gh,
    ),
    program("vault openbao bao", style="loose", special=_vault),
    program(
        "doppler op bw pass gopass lpass keyring secret-tool security aws-vault chamber sops age gpg gpg2 infisical",
        style="loose",
        special=_doppler,
    ),
    program(
        "minikube kind k3d kubeadm vcluster colima lima limactl multipass virsh VBoxManage "
        "qemu-system-x86_64 lxc incus machinectl",
        style="loose",
        effects="privilege",
        special=_remote,
    ),
)
