"""Variables that change which code runs, where it is looked for, or whom it speaks to. From the manuals of the programs."""

from __future__ import annotations

import re

_CODE = frozenset(
    [
        "PATH",
        "BASH_ENV",
        "ENV",
        "IFS",
        "PROMPT_COMMAND",
        "PS4",
        "PS0",
        "SHELLOPTS",
        "BASHOPTS",
        "CDPATH",
        "GLOBIGNORE",
        "ZDOTDIR",
        "PAGER",
        "MANPAGER",
        "EDITOR",
        "VISUAL",
        "BROWSER",
        "FCEDIT",
        "LESSOPEN",
        "LESSCLOSE",
        "LESSEDIT",
        "LESS",
        "MORE",
        "MANOPT",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "PYTHONHOME",
        "PYTHONINSPECT",
        "PYTHONBREAKPOINT",
        "PYTHONWARNINGS",
        "NODE_OPTIONS",
        "NODE_PATH",
        "NODE_EXTRA_CA_CERTS",
        "PERL5LIB",
        "PERL5OPT",
        "PERL5DB",
        "PERLLIB",
        "RUBYOPT",
        "RUBYLIB",
        "LUA_INIT",
        "LUA_PATH",
        "LUA_CPATH",
        "PHPRC",
        "PHP_INI_SCAN_DIR",
        "JAVA_TOOL_OPTIONS",
        "_JAVA_OPTIONS",
        "JDK_JAVA_OPTIONS",
        "JAVA_HOME",
        "CLASSPATH",
        "MAVEN_OPTS",
        "GRADLE_OPTS",
        "MAKEFLAGS",
        "MAKEFILES",
        "GNUMAKEFLAGS",
        "CC",
        "CXX",
        "CPP",
        "LD",
        "AR",
        "AS",
        "RUSTC",
        "RUSTDOC",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTFLAGS",
        "GOFLAGS",
        "GOPROXY",
        "GOROOT",
        "GOTOOLCHAIN",
        "TAR_OPTIONS",
        "GREP_OPTIONS",
        "RIPGREP_CONFIG_PATH",
        "BAT_PAGER",
        "DELTA_PAGER",
        "RSYNC_RSH",
        "SSH_ASKPASS",
        "SUDO_ASKPASS",
        "SUDO_EDITOR",
        "CVS_RSH",
        "POSIXLY_CORRECT",
        "GCONV_PATH",
        "HOSTALIASES",
        "LOCPATH",
        "NLSPATH",
        "TERMINFO",
        "TERMCAP",
        "HOME",
        "TMPDIR",
        "EXINIT",
        "VIMINIT",
        "MYVIMRC",
        "SHELL",
        "PSQLRC",
        "PSQL_PAGER",
        "PGSERVICEFILE",
        "MYSQL_HOME",
        "OPENSSL_CONF",
        "OPENSSL_MODULES",
        "SSL_CERT_FILE",
        "CURL_HOME",
        "WGETRC",
        "NETRC",
        "INPUTRC",
        "DOCKER_HOST",
        "DOCKER_CONFIG",
        "KUBECONFIG",
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "PIP_CONFIG_FILE",
        "UV_INDEX",
        "UV_INDEX_URL",
        "UV_DEFAULT_INDEX",
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "EMACSLOADPATH",
        "ANSIBLE_CONFIG",
        "VAULT_ADDR",
        "TF_CLI_CONFIG_FILE",
        "PYTEST_ADDOPTS",
        "PYTEST_PLUGINS",
        "BUNDLE_GEMFILE",
        "COMPOSER_HOME",
        "DOTNET_STARTUP_HOOKS",
        "COR_PROFILER",
        "CORECLR_PROFILER",
    ]
)
_PREFIXES = ("LD_", "DYLD_", "GIT_", "NPM_CONFIG_", "npm_config_", "CARGO_", "BASH_FUNC_", "MALLOC_", "CORECLR_")
_MILD = frozenset(
    {"GIT_TERMINAL_PROMPT", "GIT_OPTIONAL_LOCKS", "NPM_CONFIG_COLOR", "CARGO_TERM_COLOR", "CARGO_INCREMENTAL"}
)
_MILD_PREFIXES = ("GIT_AUTHOR_", "GIT_COMMITTER_")
_CAT = {"cat", "", "true", ":", "less", "more", "/bin/cat"}
_SECRET = re.compile(
    r"(?:^|_)(?:TOKEN|SECRET|SECRETS|PASSWORD|PASSWD|PASSPHRASE|PASS|PWD_HASH|APIKEY|API_KEY|PRIVATE_KEY|ACCESS_KEY|"
    r"SECRET_KEY|SIGNING_KEY|ENCRYPTION_KEY|CREDENTIALS?|AUTH|DSN|DATABASE_URL|COOKIE|SESSION_KEY|PAT)(?:$|_)",
    re.IGNORECASE,
)


def changes_programs(name: str, value: str | None) -> bool:
    """Whether a program that runs with this variable may be, load or call another one."""
    if name in _MILD or name.startswith(_MILD_PREFIXES):
        return False
    if name in {"PAGER", "GIT_PAGER", "MANPAGER"} and value in _CAT:
        return False
    return name in _CODE or name.startswith(_PREFIXES)


def is_secret(name: str) -> bool:
    """Whether a variable's name says that its value is a credential."""
    return _SECRET.search(name) is not None
